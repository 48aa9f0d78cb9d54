//! The memory of the whole program, where the C library manages it: what was needed for a moment only goes back to the system.

/// Pieces of this size and more are the system's own, and go back at once. Without this the C library raises the limit with each
/// such piece that is freed, and keeps the next ones.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 128 * 1024;

/// Sets it up, before there are threads.
pub fn begin() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt() takes two numbers.
    unsafe {
        // A library that doesn't know it goes on as it is.
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

/// Gives back what is free. The text of a configuration of thousands of services takes as much as half of what is kept of them.
/// To be called before memory is locked: what is locked stays.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim() takes a number, and touches free memory alone.
    unsafe {
        libc::malloc_trim(0);
    }
}
