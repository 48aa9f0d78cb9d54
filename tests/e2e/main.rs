//! End to end: the real binaries on loopback addresses of their own.
