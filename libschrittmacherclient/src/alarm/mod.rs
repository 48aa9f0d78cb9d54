//! One descriptor that becomes readable when there is something to do.
//!
//! It is a timer for the next heartbeat. Any thread, and a signal handler too, can ring it at once. The library's own
//! thread waits for it, or the application's event loop does. So one mechanism serves both, with one descriptor per
//! client.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "timerfd.rs"]
mod system;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "kqueue.rs"]
mod system;

pub(crate) use system::Alarm;
