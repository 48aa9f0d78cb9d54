//! The state of a unit of systemd as reports, in the words that an application itself would use.
//!
//! | ordered last | the unit | reported |
//! |---|---|---|
//! | start | is active, or reloads | hot |
//! | start | is on its way | going hot |
//! | start | does not run, and no job is at work | standby: the start is repeated; failed if it has failed |
//! | start, and it was hot | is not active any more | failed |
//! | stop, or nothing yet | is active | hot; going standby while its stop is at work |
//! | stop, or nothing yet | is on its way | going hot; going standby while its stop is at work |
//! | stop, or nothing yet | is being stopped | going standby |
//! | stop, or nothing yet | does not run | standby; failed if it cannot be started, as one that is masked |
//!
//! After a failure the application is failed until its stop is over and it does not run.

use schrittmacher_units::{Activity, UnitState};
use schrittmacher_wire::AppCode;

use super::outcome::Ending;

/// The facts about a unit.
#[derive(Debug)]
pub struct UnitHealth {
    unit: String,
    /// The last order was to start.
    wanted_hot: bool,
    /// It was hot since the last order to start.
    was_hot: bool,
    /// It did not run at some time since the last order to start.
    was_stopped: bool,
    failed: bool,
    /// Its start has failed, by these words.
    start_failed: Option<String>,
    /// `None`: nobody knows.
    state: Option<UnitState>,
    /// systemd starts it at boot, and the operator knows.
    is_enabled: bool,
}

/// What is to be reported, with the reason of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitWord {
    /// The report.
    pub code: AppCode,
    /// Empty if there is nothing to explain.
    pub reason: String,
}

impl UnitHealth {
    /// Nothing is known yet.
    pub fn new(unit: &str) -> UnitHealth {
        UnitHealth {
            unit: unit.to_owned(),
            wanted_hot: false,
            was_hot: false,
            was_stopped: false,
            failed: false,
            start_failed: None,
            state: None,
            is_enabled: false,
        }
    }

    /// The unit's name.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Its state as it was seen last; `None`: nobody knows.
    pub fn state(&self) -> Option<&UnitState> {
        self.state.as_ref()
    }

    /// Whether it was stopped, and somebody else than this daemon has started it again.
    pub fn is_started_by_others(&self) -> bool {
        let runs = self.state.as_ref().map(|state| state.activity);
        self.was_stopped && matches!(runs, Some(Activity::Active | Activity::Activating))
    }

    /// Whether systemd starts it at boot from now on.
    pub fn is_newly_enabled(&mut self, state: &UnitState) -> bool {
        !std::mem::replace(&mut self.is_enabled, state.is_enabled()) && state.is_enabled()
    }

    /// The unit is ordered to start, or to stop.
    pub fn ordered(&mut self, hot: bool) {
        if std::mem::replace(&mut self.wanted_hot, hot) != hot {
            self.was_hot = false;
            self.start_failed = None;
        }
        self.was_stopped &= !hot;
    }

    /// A start has ended. If systemd could not be reached, nothing has failed.
    pub fn started(&mut self, ending: &Ending) {
        self.start_failed = ending.unit_failure().map(str::to_owned);
    }

    /// Takes the state; `None`: nobody knows it any more.
    pub fn seen(&mut self, state: Option<UnitState>) {
        let activity = state.as_ref().map(|state| state.activity);
        self.was_stopped |=
            !self.wanted_hot && matches!(activity, Some(Activity::Inactive | Activity::Failed));
        self.state = state;
    }

    /// What is to be reported now, if anything is known. `busy`: a start or a stop is at work.
    pub fn report(&mut self, busy: bool) -> Option<UnitWord> {
        let state = self.state.clone()?;
        let code = match (self.wanted_hot, state.activity) {
            // No guess: the next word may be known.
            (_, Activity::Unknown) => return None,
            (true, activity) => self.wanted(activity, busy),
            (false, activity) => self.unwanted(activity, &state, busy),
        };
        let reason = if code == AppCode::Lfai { self.reason(&state) } else { String::new() };
        Some(UnitWord { code, reason })
    }

    fn wanted(&mut self, activity: Activity, busy: bool) -> AppCode {
        let runs = activity == Activity::Active;
        if runs {
            (self.was_hot, self.failed) = (true, false);
        }
        let is_over = matches!(activity, Activity::Inactive | Activity::Failed);
        self.failed |= !runs && (self.was_hot || self.start_failed.is_some());
        if self.failed {
            AppCode::Lfai
        } else if runs {
            AppCode::Lhot
        } else if is_over && !busy {
            AppCode::Lsby
        } else {
            AppCode::L2ht
        }
    }

    fn unwanted(&mut self, activity: Activity, state: &UnitState, busy: bool) -> AppCode {
        match activity {
            Activity::Active | Activity::Activating if busy => AppCode::L2sb,
            Activity::Active => AppCode::Lhot,
            Activity::Activating => AppCode::L2ht,
            Activity::Deactivating => AppCode::L2sb,
            Activity::Inactive | Activity::Failed | Activity::Unknown => {
                self.failed &= busy;
                if self.failed || state.obstacle().is_some() { AppCode::Lfai } else { AppCode::Lsby }
            }
        }
    }

    fn reason(&self, state: &UnitState) -> String {
        let unit = &self.unit;
        match (&self.start_failed, state.activity, state.result.as_str()) {
            (Some(why), _, _) => why.clone(),
            _ if !self.wanted_hot => format!("{unit} {state}"),
            (None, Activity::Inactive | Activity::Deactivating, "success" | "") => {
                format!("{unit} {state}: somebody else has stopped it, or it ended by itself")
            }
            (None, _, "success" | "") => format!("{unit} {state}"),
            (None, Activity::Failed, _) => format!("{unit} {state}"),
            (None, _, result) => format!("{unit} {state}: {result}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use schrittmacher_units::{JobFailure, Loading};

    use super::*;

    const ALL: [Activity; 5] = [
        Activity::Inactive,
        Activity::Failed,
        Activity::Activating,
        Activity::Active,
        Activity::Deactivating,
    ];

    fn report(health: &mut UnitHealth, activity: Activity, busy: bool) -> AppCode {
        health.seen(Some(UnitState { activity, ..UnitState::default() }));
        health.report(busy).expect("a report").code
    }

    fn reports(ordered: Option<bool>, was_hot: bool, busy: bool) -> [AppCode; 5] {
        ALL.map(|activity| {
            let mut health = UnitHealth::new("x.service");
            if was_hot {
                health.ordered(true);
                report(&mut health, Activity::Active, false);
            }
            if let Some(hot) = ordered {
                health.ordered(hot);
            }
            report(&mut health, activity, busy)
        })
    }

    #[test]
    fn every_state_has_its_report() {
        use AppCode::{L2ht, L2sb, Lfai, Lhot, Lsby};
        assert_eq!(reports(None, false, false), [Lsby, Lsby, L2ht, Lhot, L2sb], "nothing was ordered");
        assert_eq!(reports(Some(true), false, true), [L2ht, L2ht, L2ht, Lhot, L2ht], "it starts");
        assert_eq!(reports(Some(true), false, false), [Lsby, Lsby, L2ht, Lhot, L2ht], "the start was lost");
        assert_eq!(reports(Some(true), true, false), [Lfai, Lfai, Lfai, Lhot, Lfai], "it was hot");
        assert_eq!(reports(Some(false), true, true), [Lsby, Lsby, L2sb, L2sb, L2sb], "it stops");
        assert_eq!(reports(Some(false), true, false), [Lsby, Lsby, L2ht, Lhot, L2sb], "its stop is over");
    }

    #[test]
    fn a_failed_unit_is_standby_when_its_stop_is_over() {
        let mut health = UnitHealth::new("x.service");
        health.ordered(true);
        report(&mut health, Activity::Active, false);
        assert_eq!(report(&mut health, Activity::Failed, false), AppCode::Lfai);
        health.ordered(false);
        assert_eq!(report(&mut health, Activity::Failed, true), AppCode::Lfai);
        assert_eq!(report(&mut health, Activity::Failed, false), AppCode::Lsby);
    }

    #[test]
    fn a_start_by_somebody_else_is_known_even_if_it_comes_during_a_stop() {
        let mut health = UnitHealth::new("x.service");
        report(&mut health, Activity::Active, false);
        assert!(!health.is_started_by_others(), "it ran before");
        health.ordered(false);
        report(&mut health, Activity::Active, true);
        assert!(!health.is_started_by_others(), "it has not stopped yet");
        report(&mut health, Activity::Inactive, true);
        assert_eq!(report(&mut health, Activity::Active, true), AppCode::L2sb);
        assert_eq!(report(&mut health, Activity::Active, false), AppCode::Lhot);
        assert!(health.is_started_by_others());
        health.ordered(true);
        assert!(!health.is_started_by_others(), "this daemon wants it");
    }

    #[test]
    fn a_start_that_fails_is_a_failure_and_one_that_reached_nobody_is_none() {
        for (failure, code) in [
            (JobFailure::Failed("why".to_owned()), AppCode::Lfai),
            (JobFailure::Refused("why".to_owned()), AppCode::Lfai),
            (JobFailure::Unreachable("why".to_owned()), AppCode::Lsby),
        ] {
            let mut health = UnitHealth::new("x.service");
            health.ordered(true);
            health.started(&Ending::Unit(failure));
            assert_eq!(report(&mut health, Activity::Inactive, false), code);
        }
    }

    #[test]
    fn a_unit_that_cannot_be_started_has_failed_unless_it_runs() {
        let mut health = UnitHealth::new("x.service");
        let masked = UnitState { loading: Loading::Masked, ..UnitState::default() };
        health.seen(Some(masked.clone()));
        let word = UnitWord { code: AppCode::Lfai, reason: "x.service is masked".to_owned() };
        assert_eq!(health.report(false), Some(word));
        health.ordered(true);
        health.seen(Some(UnitState { activity: Activity::Active, ..masked }));
        assert_eq!(health.report(false).map(|word| word.code), Some(AppCode::Lhot));
        health.seen(None);
        assert_eq!(health.report(false), None, "nobody knows");
    }
}
