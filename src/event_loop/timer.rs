//! When the loop is woken although nothing has happened.

use std::io;
use std::time::Duration;

use mio::Registry;
use schrittmacher_protocol::Time;

use super::clock;

/// A deadline, exact to microseconds. The poll's own timeout is in whole milliseconds, a tenth of the shortest
/// heartbeats.
#[cfg(target_os = "linux")]
pub(super) struct Timer {
    timer: nix::sys::timerfd::TimerFd,
    /// It fires at this time, or has fired then.
    set_to: Option<Time>,
}

#[cfg(target_os = "linux")]
impl Timer {
    /// One that wakes this poll.
    pub(super) fn new(registry: &Registry) -> io::Result<Timer> {
        use std::os::fd::{AsFd, AsRawFd};

        use mio::Interest;
        use mio::unix::SourceFd;
        use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

        use crate::token::Source;

        // The clock of `clock::now`.
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?;
        let descriptor = timer.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), Source::Timer.into(), Interest::READABLE)?;
        Ok(Timer { timer, set_to: None })
    }

    /// Sets it; says how long the poll may wait besides. `None`: without end.
    pub(super) fn set(&mut self, deadline: Option<Time>) -> Option<Duration> {
        use nix::sys::time::TimeSpec;
        use nix::sys::timerfd::{Expiration, TimerSetTimeFlags};

        let deadline = deadline?;
        let left = deadline.since(clock::now());
        // It has fired, and does not again.
        if left == Duration::ZERO {
            return Some(left);
        }
        if self.set_to != Some(deadline) {
            let at = Expiration::OneShot(TimeSpec::from_duration(deadline.since(Time::ZERO)));
            if self.timer.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME).is_err() {
                return Some(left);
            }
            self.set_to = Some(deadline);
        }
        None
    }
}

/// Elsewhere it is the poll's timeout.
#[cfg(not(target_os = "linux"))]
pub(super) struct Timer;

#[cfg(not(target_os = "linux"))]
impl Timer {
    /// One that wakes this poll.
    #[expect(clippy::unnecessary_wraps, reason = "the Linux version can fail")]
    pub(super) fn new(_registry: &Registry) -> io::Result<Timer> {
        Ok(Timer)
    }

    /// Says how long the poll may wait. `None`: without end.
    #[expect(clippy::unused_self, reason = "the Linux version needs it")]
    pub(super) fn set(&mut self, deadline: Option<Time>) -> Option<Duration> {
        Some(deadline?.since(clock::now()))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use mio::Events;

    use super::*;
    use crate::token::Source;

    /// A second deadline counts as the first one did, although nobody has read the timer.
    #[test]
    fn each_deadline_wakes_the_poll_once_and_a_past_one_need_not() {
        let mut poll = mio::Poll::new().unwrap();
        let mut timer = Timer::new(poll.registry()).unwrap();
        let mut events = Events::with_capacity(4);
        for micros in [300, 700] {
            let deadline = clock::now() + Duration::from_micros(micros);
            // A machine that stood still finds it past.
            while timer.set(Some(deadline)).is_none() {
                poll.poll(&mut events, None).unwrap();
                assert_eq!(
                    events.iter().map(|event| Source::of(event.token())).collect::<Vec<_>>(),
                    [Some(Source::Timer)]
                );
                assert!(clock::now() >= deadline);
            }
            assert_eq!(timer.set(Some(deadline)), Some(Duration::ZERO));
        }
        assert_eq!(timer.set(None), None);
    }
}
