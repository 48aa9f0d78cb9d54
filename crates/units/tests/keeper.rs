//! The thread beside a stand-in for the bus and systemd. The tests wait for reports, never for a time.
#![cfg(all(target_os = "linux", feature = "systemd"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use schrittmacher_harness::{Obedience, Systemd};
use schrittmacher_units::{
    Activity, JobFailure, Loading, UnitJob, UnitKeeper, UnitOrder, UnitReport, UnitState,
};
use tempfile::TempDir;

const UNIT: &str = "web@1.service";
/// A guard against hanging, for a whole test: there is a report every two seconds.
const PATIENCE: Duration = Duration::from_secs(60);

struct Desk {
    systemd: Systemd,
    keeper: UnitKeeper,
    reports: Receiver<UnitReport>,
    tickets: u64,
    began: Instant,
    _folder: TempDir,
}

impl Desk {
    /// A unit that does nothing, is watched, and has been seen.
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let systemd = Systemd::start(folder.path());
        systemd.add(UNIT);
        let (sender, reports) = channel();
        let tell = move |report| {
            let _ = sender.send(report);
        };
        let keeper = UnitKeeper::start(Some(&systemd.address()), tell).unwrap();
        keeper.give(UnitJob::Watch { id: 3, unit: UNIT.to_owned() }).unwrap();
        let desk = Desk { systemd, keeper, reports, tickets: 0, began: Instant::now(), _folder: folder };
        assert_eq!(desk.state().activity, Activity::Inactive);
        desk
    }

    fn next(&self) -> UnitReport {
        self.reports.recv_timeout(PATIENCE.saturating_sub(self.began.elapsed())).expect("a report")
    }

    /// The next state that is reported.
    fn state(&self) -> UnitState {
        loop {
            if let UnitReport::State { id: 3, state } = self.next() {
                return state;
            }
        }
    }

    fn give(&mut self, order: UnitOrder) -> u64 {
        self.tickets += 1;
        self.keeper.give(UnitJob::Order { id: 3, ticket: self.tickets, order }).unwrap();
        self.tickets
    }

    /// The end of an order, with the last state that was reported before it.
    fn order(&mut self, order: UnitOrder) -> (Option<UnitState>, Result<(), JobFailure>) {
        let given = self.give(order);
        self.end(given)
    }

    fn end(&self, given: u64) -> (Option<UnitState>, Result<(), JobFailure>) {
        let mut last = None;
        loop {
            match self.next() {
                UnitReport::State { state, .. } => last = Some(state),
                UnitReport::Done { id: 3, ticket, result } if ticket == given => return (last, result),
                UnitReport::Done { .. } | UnitReport::Alive | UnitReport::Lost { .. } | UnitReport::Found => {
                }
            }
        }
    }

    fn wait(&self, what: impl Fn(&UnitReport) -> bool) -> UnitReport {
        loop {
            let report = self.next();
            if what(&report) {
                return report;
            }
        }
    }
}

#[test]
fn a_unit_is_started_and_stopped_and_its_state_is_told_before_the_end_of_the_order() {
    for is_old in [false, true] {
        let mut desk = Desk::new();
        if is_old {
            desk.systemd.is_old();
        }
        let (state, result) = desk.order(UnitOrder::Start);
        assert_eq!((state.unwrap().activity, result), (Activity::Active, Ok(())), "old: {is_old}");
        let (state, result) = desk.order(UnitOrder::Stop);
        assert_eq!((state.unwrap().activity, result), (Activity::Inactive, Ok(())), "old: {is_old}");
        assert_eq!(desk.systemd.calls(), [format!("StartUnit {UNIT}"), format!("StopUnit {UNIT}")]);
    }
}

#[test]
fn a_death_is_told_with_its_reason() {
    let mut desk = Desk::new();
    desk.order(UnitOrder::Start).1.unwrap();
    desk.systemd.happens(UNIT, "failed", "failed", "signal");
    assert_eq!(desk.state().to_string(), "is failed (signal)");
    // A unit that has failed too often may be started again.
    desk.order(UnitOrder::Start).1.unwrap();
    assert_eq!(desk.systemd.calls()[1..], [format!("ResetFailedUnit {UNIT}"), format!("StartUnit {UNIT}")]);
}

#[test]
fn a_start_that_fails_and_one_that_is_refused_differ() {
    let mut desk = Desk::new();
    desk.systemd.obey(UNIT, Obedience::Fails);
    let (_, result) = desk.order(UnitOrder::Start);
    assert_eq!(result, Err(JobFailure::Failed(format!("{UNIT} is failed (exit-code)"))));

    desk.systemd
        .obey(UNIT, Obedience::Refused("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"));
    let (_, result) = desk.order(UnitOrder::Start);
    assert!(matches!(&result, Err(JobFailure::Refused(why)) if why.contains("polkit")), "{result:?}");

    desk.systemd.reload(UNIT, "masked", "masked");
    desk.wait(|report| matches!(report, UnitReport::State { state, .. } if state.loading == Loading::Masked));
    let (_, result) = desk.order(UnitOrder::Start);
    assert!(matches!(&result, Err(JobFailure::Refused(_))), "{result:?}");
}

#[test]
fn a_unit_that_nobody_knows_is_told_and_its_stop_is_no_failure() {
    let mut desk = Desk::new();
    desk.keeper.give(UnitJob::Watch { id: 3, unit: "other.service".to_owned() }).unwrap();
    assert_eq!(desk.state().loading, Loading::NotFound);
    assert_eq!(desk.order(UnitOrder::Stop).1, Ok(()));
    assert!(matches!(desk.order(UnitOrder::Start).1, Err(JobFailure::Refused(_))));
}

#[test]
fn a_stop_replaces_a_start_that_hangs() {
    let mut desk = Desk::new();
    desk.systemd.obey(UNIT, Obedience::Hangs);
    desk.give(UnitOrder::Start);
    assert_eq!(desk.state().activity, Activity::Activating);
    assert_eq!(desk.order(UnitOrder::Stop).1, Ok(()));
    assert_eq!(desk.systemd.activity(UNIT), "inactive");
}

#[test]
fn a_job_whose_end_nobody_heard_is_judged_by_the_state() {
    let mut desk = Desk::new();
    desk.systemd.obey(UNIT, Obedience::Hangs);
    let start = desk.give(UnitOrder::Start);
    assert_eq!(desk.state().activity, Activity::Activating);
    desk.systemd.reexecute();
    assert_eq!(desk.end(start).1, Ok(()));
}

#[test]
fn a_stranger_on_the_bus_is_not_believed() {
    let desk = Desk::new();
    desk.systemd.happens(UNIT, "active", "running", "success");
    assert_eq!(desk.state().activity, Activity::Active);
    desk.systemd.forge(UNIT);
    desk.systemd.happens(UNIT, "deactivating", "stop-sigterm", "success");
    assert_eq!(desk.state().activity, Activity::Deactivating);
}

#[test]
fn what_is_enabled_is_told() {
    let desk = Desk::new();
    desk.systemd.reload(UNIT, "loaded", "enabled");
    assert!(desk.state().is_enabled());
}

#[test]
fn a_bus_that_is_gone_is_told_once_and_found_again() {
    let mut desk = Desk::new();
    desk.wait(|report| *report == UnitReport::Alive);
    desk.systemd.close();
    desk.wait(|report| matches!(report, UnitReport::Lost { .. }));
    let failed = desk.order(UnitOrder::Start).1;
    assert!(matches!(failed, Err(JobFailure::Unreachable(_))), "{failed:?}");
    desk.systemd.happens(UNIT, "active", "running", "success");
    desk.systemd.reopen();
    let mut after = Vec::new();
    while after.last() != Some(&UnitReport::Alive) {
        after.push(desk.next());
    }
    assert!(after.contains(&UnitReport::Found), "{after:?}");
    let is_lost = |report: &UnitReport| matches!(report, UnitReport::Lost { .. });
    assert!(!after.iter().any(is_lost), "{after:?}");
    let is_active = |report: &UnitReport| matches!(report, UnitReport::State { state, .. } if state.activity == Activity::Active);
    if !after.iter().any(is_active) {
        desk.wait(is_active);
    }
}

#[test]
fn a_bus_that_hangs_is_noticed_without_a_signal() {
    let mut desk = Desk::new();
    desk.wait(|report| *report == UnitReport::Alive);
    desk.systemd.hang(true);
    let start = desk.give(UnitOrder::Start);
    let lost = desk.wait(|report| matches!(report, UnitReport::Lost { .. } | UnitReport::Done { .. }));
    // The order is over with the connection; which of the two is told first does not matter.
    let (_, result) =
        if let UnitReport::Done { result, .. } = lost { (None, result) } else { desk.end(start) };
    assert!(matches!(result, Err(JobFailure::Unreachable(_))), "{result:?}");
    desk.systemd.hang(false);
    desk.wait(|report| *report == UnitReport::Alive);
    assert_eq!(desk.order(UnitOrder::Start).1, Ok(()));
}
