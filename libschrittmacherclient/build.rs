//! Link options of the shared library.
//!
//! The number in the soname is that of the C ABI, and not of the crate. It rises only when a program that was linked with
//! an older library could not run with the new one. The legacy library never went beyond 2.

/// Version of the C ABI: the `3` in `libschrittmacherclient.so.3`.
const ABI: u32 = 3;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target_os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if matches!(target_os.as_str(), "linux" | "freebsd") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libschrittmacherclient.so.{ABI}");
        // A program that loads the library with dlopen may close it again. Signal handlers and the destructors of
        // thread-local values still point into the library then.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
