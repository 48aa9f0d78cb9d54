//! Link options of the shared library.
//!
//! The number in the soname is that of the C ABI, not of the crate: it rises only when a program linked
//! against an older library could no longer run with the new one. The legacy library never went beyond 2.

/// Version of the C ABI: the `3` in `libschrittmacherclient.so.3`.
const ABI: u32 = 3;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target_os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if matches!(target_os.as_str(), "linux" | "freebsd") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libschrittmacherclient.so.{ABI}");
        // A host that loads us with dlopen may close us again, while our signal handlers and our thread's
        // thread-local destructors still point into the library.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
