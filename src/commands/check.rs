//! The results of `check-command` as reports, in the words that an application itself would use.
//!
//! | ordered last | the check says | reported |
//! |---|---|---|
//! | start | runs, `check-rise` times in a row | hot |
//! | start | does not run (yet) | going hot; failed if `start-action` has failed |
//! | start, and it was hot | does not run, `check-fall` times in a row | failed |
//! | stop, or nothing yet | runs | hot; going standby while `stop-action` is at work |
//! | stop, or nothing yet | does not run | standby |
//! | stop, or nothing yet | the check itself is broken | failed |
//!
//! A broken check is one that hangs, cannot be executed or is ended by a signal. After a failure the application is
//! failed until `stop-action` is over and a check says that nothing runs.

use schrittmacher_config::Check;
use schrittmacher_wire::AppCode;

use super::outcome::Ending;
use super::queue::Verdict;

/// The facts about a checked application.
#[derive(Debug)]
pub struct Health {
    rise: u32,
    fall: u32,
    /// The last order was to start.
    wanted_hot: bool,
    /// Successes in a row.
    ups: u32,
    /// Failures in a row.
    downs: u32,
    /// It was hot since the last order to start.
    was_hot: bool,
    failed: bool,
    /// The start command has failed: if nothing runs now, nothing will.
    start_failed: bool,
}

impl Health {
    /// Nothing is known yet.
    pub fn new(check: &Check) -> Health {
        Health {
            rise: check.rise,
            fall: check.fall,
            wanted_hot: false,
            ups: 0,
            downs: 0,
            was_hot: false,
            failed: false,
            start_failed: false,
        }
    }

    /// Takes changed limits.
    pub fn configure(&mut self, check: &Check) {
        (self.rise, self.fall) = (check.rise, check.fall);
    }

    /// The application is ordered to start, or to stop.
    pub fn ordered(&mut self, hot: bool) {
        if std::mem::replace(&mut self.wanted_hot, hot) != hot {
            self.was_hot = false;
            self.start_failed = false;
        }
    }

    /// The start command has ended.
    pub fn started(&mut self, ending: &Ending) {
        self.start_failed = !ending.is_success();
    }

    /// The application is not hot because its start command has failed: the check that follows tells less.
    pub fn is_start_to_blame(&self) -> bool {
        self.start_failed && !self.was_hot
    }

    /// Takes the end of a check; gives what is to be reported. `busy`: `start-action` or `stop-action` is at work.
    pub fn checked(&mut self, ending: &Ending, busy: bool) -> AppCode {
        let runs = ending.is_success();
        (self.ups, self.downs) = if runs { (self.ups + 1, 0) } else { (0, self.downs + 1) };
        if self.wanted_hot { self.report_wanted(runs) } else { self.report_unwanted(ending, busy) }
    }

    fn report_wanted(&mut self, runs: bool) -> AppCode {
        if runs && self.ups >= self.rise {
            self.was_hot = true;
            self.failed = false;
        }
        let is_lost = if self.was_hot { self.downs >= self.fall } else { self.start_failed && !runs };
        if self.failed || is_lost {
            self.failed = true;
            AppCode::Lfai
        } else if self.was_hot {
            AppCode::Lhot
        } else {
            AppCode::L2ht
        }
    }

    fn report_unwanted(&mut self, ending: &Ending, busy: bool) -> AppCode {
        match ending.verdict() {
            Verdict::Success if busy => AppCode::L2sb,
            Verdict::Success => AppCode::Lhot,
            Verdict::Refused if !ending.is_not_executable() => {
                self.failed &= busy;
                if self.failed { AppCode::Lfai } else { AppCode::Lsby }
            }
            Verdict::Refused | Verdict::Broken => AppCode::Lfai,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::*;

    fn exit(status: i32) -> Ending {
        Ending::Exited(ExitStatus::from_raw(status << 8))
    }

    fn hanging() -> Ending {
        Ending::TimedOut(Duration::from_secs(5))
    }

    fn health(rise: u32, fall: u32) -> Health {
        let command = String::new();
        Health::new(&Check { command, interval: Duration::ZERO, timeout: Duration::ZERO, rise, fall })
    }

    #[test]
    fn an_application_goes_hot_after_rise_successes_and_fails_after_fall_failures() {
        let mut health = health(2, 3);
        assert_eq!(health.checked(&exit(3), false), AppCode::Lsby);
        health.ordered(true);
        let reports: Vec<_> = [3, 0, 3, 0, 0, 3, 3, 0, 3, 3]
            .map(exit)
            .iter()
            .map(|ending| health.checked(ending, false))
            .collect();
        let (on_its_way, hot) = (AppCode::L2ht, AppCode::Lhot);
        assert_eq!(
            reports,
            [on_its_way, on_its_way, on_its_way, on_its_way, hot, hot, hot, hot, hot, hot],
            "two failures in a row are not three"
        );
        assert_eq!(health.checked(&exit(3), false), AppCode::Lfai);
        assert_eq!(health.checked(&exit(3), false), AppCode::Lfai);
    }

    #[test]
    fn a_check_that_hangs_is_a_failure_in_every_state() {
        let mut health = health(1, 1);
        assert_eq!(health.checked(&hanging(), false), AppCode::Lfai, "standby");
        assert_eq!(health.checked(&exit(127), false), AppCode::Lfai, "cannot be executed");
        assert_eq!(health.checked(&exit(1), false), AppCode::Lsby);
        health.ordered(true);
        assert_eq!(health.checked(&exit(0), false), AppCode::Lhot);
        assert_eq!(health.checked(&hanging(), false), AppCode::Lfai, "hot");
    }

    #[test]
    fn a_failed_application_is_standby_when_it_is_stopped() {
        let mut health = health(1, 1);
        health.ordered(true);
        health.checked(&exit(0), false);
        assert_eq!(health.checked(&exit(1), false), AppCode::Lfai);
        health.ordered(false);
        assert_eq!(health.checked(&exit(1), true), AppCode::Lfai, "the stop command is at work");
        assert_eq!(health.checked(&exit(1), false), AppCode::Lsby);
    }

    #[test]
    fn a_start_that_fails_is_a_failure_unless_the_application_runs_all_the_same() {
        for (check, report) in [(1, AppCode::Lfai), (0, AppCode::Lhot)] {
            let mut health = health(1, 3);
            health.ordered(true);
            assert_eq!(health.checked(&exit(1), true), AppCode::L2ht);
            health.started(&exit(5));
            assert_eq!(health.checked(&exit(check), false), report);
        }
    }

    #[test]
    fn what_runs_without_an_order_claims_to_be_hot() {
        let mut health = health(1, 1);
        assert_eq!(health.checked(&exit(0), false), AppCode::Lhot);
        health.ordered(false);
        assert_eq!(health.checked(&exit(0), true), AppCode::L2sb);
        assert_eq!(health.checked(&exit(0), false), AppCode::Lhot, "its stop command has not stopped it");
    }
}
