//! One descriptor that becomes readable when there is something to do.
//!
//! It is a timer for the next heartbeat that can also be rung at once, from any thread and from a signal
//! handler. The library's own thread waits for it, or the application's event loop does: one mechanism for
//! both, with one descriptor per client.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "alarm/timerfd.rs"]
mod system;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "alarm/kqueue.rs"]
mod system;

pub(crate) use system::Alarm;
