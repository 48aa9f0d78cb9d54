//! Tells what is missing when the daemon orders nothing.

use std::fs;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::daemon::Daemon;

/// A daemon that is restarted is back earlier.
const NO_DAEMON: Duration = Duration::from_secs(3);
/// A daemon that has not heard its peer yet waits for 10 s.
const NO_ORDER: Duration = Duration::from_secs(12);
const AGAIN: Duration = Duration::from_secs(60);

/// The missing thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Daemon,
    Order,
}

impl Missing {
    fn patience(self) -> Duration {
        match self {
            Missing::Daemon => NO_DAEMON,
            Missing::Order => NO_ORDER,
        }
    }
}

/// Measures the silence. Time comes in as an argument.
#[derive(Debug)]
pub struct Silence {
    missing: Option<Missing>,
    was_ordered: bool,
    tell_at: Option<Instant>,
}

impl Silence {
    /// Nothing is known of the daemon yet.
    pub fn new() -> Silence {
        Silence { missing: None, was_ordered: false, tell_at: None }
    }

    /// The daemon has ordered something.
    pub fn ordered(&mut self) {
        self.was_ordered = true;
    }

    /// Takes note of whether the last report was refused.
    pub fn note(&mut self, is_refused: bool, now: Instant) {
        let missing = match (is_refused, self.was_ordered) {
            (true, _) => Some(Missing::Daemon),
            (false, false) => Some(Missing::Order),
            (false, true) => None,
        };
        if missing != self.missing {
            self.missing = missing;
            self.tell_at = missing.map(|missing| now + missing.patience());
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.tell_at
    }

    /// The text that is due now: once after a few seconds, then each minute.
    pub fn due(&mut self, now: Instant, resource: &str, daemon: &Daemon) -> Option<String> {
        let missing = self.missing.filter(|_| self.tell_at.is_some_and(|at| at <= now))?;
        self.tell_at = Some(now + AGAIN);
        let Daemon { address, port, origin, .. } = daemon;
        Some(match missing {
            Missing::Daemon if self.was_ordered => {
                format!("the daemon at {address} port {port} does not listen any more")
            }
            Missing::Daemon => format!(
                "no daemon listens at {address} port {port}, {origin}; is it started, and is this its `port` plus one?"
            ),
            Missing::Order => format!(
                "the daemon at {address} port {port} has ordered nothing yet; is {resource:?} a resource of its \
                 configuration, and what does its log say?{}",
                container_hint().unwrap_or_default()
            ),
        })
    }
}

/// The number of the first pid namespace, in every kernel.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// A daemon outside cannot send a signal to the number that we know ourselves by.
fn container_hint() -> Option<&'static str> {
    let namespace = fs::read_link("/proc/self/ns/pid").ok();
    let is_own = namespace.is_some_and(|name| name.as_os_str() != FIRST_PID_NAMESPACE);
    (is_own || Pid::this().as_raw() == 1).then_some(
        " This is a container with process numbers of its own. A daemon outside of it cannot signal a process in \
         here: share the host's (docker run --pid=host), or let start-action and stop-action of the resource do it \
         (docker kill --signal USR1 NAME, docker kill --signal USR2 NAME).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(silence: &mut Silence, now: Instant) -> Option<String> {
        let (address, origin) = ("127.0.0.1".to_owned(), "the default".to_owned());
        let daemon = Daemon { address, port: 7701, run_directory: "/".into(), origin, left_alone: None };
        silence.due(now, "web", &daemon)
    }

    #[test]
    fn a_missing_daemon_is_told_after_three_seconds_and_each_minute() {
        let (mut silence, start) = (Silence::new(), Instant::now());
        let mut at = Vec::new();
        for second in 0..=130 {
            let now = start + Duration::from_secs(second);
            silence.note(true, now);
            if let Some(text) = told(&mut silence, now) {
                assert!(text.contains("no daemon listens at 127.0.0.1 port 7701, the default"), "{text}");
                at.push(second);
            }
        }
        assert_eq!(at, [3, 63, 123]);
    }

    #[test]
    fn a_missing_order_is_told_until_there_is_one() {
        let (mut silence, start) = (Silence::new(), Instant::now());
        silence.note(false, start);
        assert_eq!(told(&mut silence, start + Duration::from_secs(11)), None);
        let text = told(&mut silence, start + Duration::from_secs(12)).unwrap();
        assert!(text.contains("has ordered nothing yet; is \"web\" a resource"), "{text}");
        silence.ordered();
        silence.note(false, start + Duration::from_secs(13));
        assert_eq!((silence.deadline(), told(&mut silence, start + Duration::from_secs(80))), (None, None));
    }

    #[test]
    fn a_daemon_that_is_restarted_in_time_is_no_news() {
        let (mut silence, start) = (Silence::new(), Instant::now());
        silence.ordered();
        silence.note(true, start);
        silence.note(false, start + Duration::from_secs(2));
        assert_eq!(told(&mut silence, start + Duration::from_secs(5)), None);
        silence.note(true, start + Duration::from_secs(6));
        assert_eq!(told(&mut silence, start + Duration::from_secs(8)), None);
        let text = told(&mut silence, start + Duration::from_secs(9)).unwrap();
        assert_eq!(text, "the daemon at 127.0.0.1 port 7701 does not listen any more");
    }
}
