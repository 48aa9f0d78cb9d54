//! The daemon's clock.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use schrittmacher_protocol::Time;

/// It must go on while the machine sleeps, or a hot node that was suspended would not notice (S11). Other
/// systems than Linux have no such clock, or their monotonic one does.
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

/// The time since some point in the past; never runs backwards, whatever happens to the wall clock.
pub fn now() -> Time {
    // It can't fail for a clock that exists; the origin is a value that does no harm.
    let since_boot = clock_gettime(CLOCK).map_or(Duration::ZERO, Duration::from);
    Time::new(since_boot)
}
