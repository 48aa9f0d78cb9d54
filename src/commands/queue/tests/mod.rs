use std::time::Duration;

use schrittmacher_testkit::config::{resource, resource_with};

use super::CommandKind::{Activate, Announce, Check, Deactivate, Start, Stop};
use super::*;

mod invariants;
mod repetitions;

/// Commands of interfaces may take 5 s, the others 30 s; `start` is repeated for 20 s and `stop` for 6 s.
fn limits() -> Arc<ResourceValues> {
    resource("smsc").values
}

fn at(seconds: f64) -> Time {
    Time::new(Duration::from_secs_f64(seconds))
}

/// A queue and the time it is told.
struct Bench {
    queue: CommandQueue,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        Bench { queue: CommandQueue::new(limits()), now: Time::ZERO }
    }

    /// A check every 2 s, which may take 5 s.
    fn with_checks() -> Bench {
        let command = "true".to_owned();
        let (interval, timeout) = (Duration::from_secs(2), Duration::from_secs(5));
        let check = schrittmacher_config::Check { command, interval, timeout, rise: 1, fall: 1 };
        let resource = resource_with("smsc", |smsc| smsc.check = Some(check));
        Bench { queue: CommandQueue::new(resource.values), now: Time::ZERO }
    }

    /// A queue of a resource that is hot: activate and start have succeeded.
    fn hot() -> Bench {
        let mut bench = Bench::new();
        bench.order(&[Activate, Start]);
        assert_eq!(bench.steps(), [QueueStep::Begin(Activate)]);
        assert_eq!(bench.end(Activate), [QueueStep::Begin(Start)]);
        assert_eq!(bench.end(Start), []);
        bench.now = at(100.0);
        bench
    }

    fn order(&mut self, orders: &[CommandKind]) {
        for &order in orders {
            self.queue.order(order, false, self.now);
        }
    }

    fn urgent(&mut self) {
        self.queue.order(Deactivate, true, self.now);
    }

    fn steps(&mut self) -> Vec<QueueStep> {
        std::iter::from_fn(|| self.queue.next(self.now, true)).collect()
    }

    fn ordered(&mut self, orders: &[CommandKind]) -> Vec<QueueStep> {
        self.order(orders);
        self.steps()
    }

    fn end(&mut self, order: CommandKind) -> Vec<QueueStep> {
        self.queue.ended(order, Verdict::Success, self.now);
        self.steps()
    }

    fn fail(&mut self, order: CommandKind) -> Vec<QueueStep> {
        self.queue.ended(order, Verdict::Broken, self.now);
        self.steps()
    }

    fn steps_at(&mut self, seconds: f64) -> Vec<QueueStep> {
        self.now = at(seconds);
        self.steps()
    }
}

/// `activate` has a second part, and the commands of others come first.
#[test]
fn the_time_of_a_command_does_not_run_while_its_second_part_waits() {
    let mut bench = Bench::new();
    bench.order(&[Activate, Start]);
    assert_eq!(bench.steps(), [QueueStep::Begin(Activate)]);
    bench.queue.pause_interface();
    assert!(bench.queue.wants_room(bench.now) && bench.queue.waits_for_room(bench.now));
    assert_eq!(bench.queue.next_deadline(), None);
    bench.now = at(1000.0);
    assert_eq!(bench.steps(), []);
    bench.queue.begun(Activate, bench.now);
    assert!(!bench.queue.wants_room(bench.now));
    assert_eq!(bench.queue.next_deadline(), Some(at(1005.0)));
    bench.queue.pause_interface();
    bench.urgent();
    assert_eq!(bench.steps(), [QueueStep::Terminate { lane: Lane::Interface, late: false }]);
}

#[test]
fn going_hot_is_activate_then_start() {
    let mut bench = Bench::new();
    assert_eq!(bench.ordered(&[Activate, Start]), [QueueStep::Begin(Activate)]);
    assert_eq!(bench.end(Activate), [QueueStep::Begin(Start)]);
    assert_eq!(bench.end(Start), []);
    assert_eq!(bench.queue.next_deadline(), None);
}

#[test]
fn giving_way_is_stop_then_deactivate() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Stop, Deactivate]), [QueueStep::Begin(Stop)]);
    assert_eq!(bench.end(Stop), [QueueStep::Begin(Deactivate)]);
    assert_eq!(bench.end(Deactivate), []);
}

#[test]
fn urgent_deactivate_does_not_wait_for_stop_nor_start() {
    let mut bench = Bench::hot();
    bench.order(&[Start]);
    assert_eq!(bench.steps(), [QueueStep::Begin(Start)]);
    bench.urgent();
    bench.order(&[Stop]);
    assert_eq!(bench.steps(), [QueueStep::Begin(Deactivate)]);
    assert_eq!(bench.end(Start), [QueueStep::Begin(Stop)]);
}

#[test]
fn orders_that_wait_for_nothing_begin_as_they_came() {
    let mut bench = Bench::hot();
    bench.urgent();
    bench.order(&[Stop]);
    assert_eq!(bench.steps(), [QueueStep::Begin(Deactivate), QueueStep::Begin(Stop)]);
}

#[test]
fn deactivate_that_waits_becomes_urgent() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Stop, Deactivate]), [QueueStep::Begin(Stop)]);
    bench.urgent();
    assert_eq!(bench.steps(), [QueueStep::Begin(Deactivate)]);
}

#[test]
fn urgent_deactivate_ends_a_running_activate_first() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    bench.urgent();
    bench.order(&[Stop]);
    assert_eq!(
        bench.steps(),
        [QueueStep::Terminate { lane: Lane::Interface, late: false }, QueueStep::Begin(Stop)],
        "start is cancelled"
    );
    assert_eq!(bench.steps_at(2.0), [QueueStep::Kill(Lane::Interface)]);
    assert_eq!(bench.fail(Activate), [QueueStep::Begin(Deactivate)]);
}

#[test]
fn planned_deactivate_waits_for_a_running_activate() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    assert_eq!(bench.ordered(&[Deactivate]), []);
    assert_eq!(bench.end(Activate), [QueueStep::Begin(Deactivate)]);
}

#[test]
fn opposite_orders_cancel_what_has_not_begun() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    assert_eq!(bench.ordered(&[Stop]), [QueueStep::Begin(Stop)]);
    assert_eq!(bench.end(Stop), []);
    assert_eq!(bench.end(Activate), [], "start was cancelled");

    let mut bench = Bench::hot();
    bench.ordered(&[Stop, Deactivate]);
    bench.order(&[Activate, Start]);
    assert_eq!(bench.steps(), [], "deactivate was cancelled, so the interface is still up");
    assert_eq!(bench.end(Stop), [QueueStep::Begin(Start)]);
}

#[test]
fn running_command_satisfies_a_changed_mind() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.order(&[Deactivate, Activate]);
    assert_eq!(bench.end(Activate), []);
}

#[test]
fn activate_again_after_an_overtaken_one() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.urgent();
    bench.order(&[Activate]);
    assert_eq!(bench.steps(), [QueueStep::Terminate { lane: Lane::Interface, late: false }]);
    bench.queue.ended(Activate, Verdict::Success, bench.now);
    assert_eq!(bench.steps(), [QueueStep::Begin(Activate)], "an overtaken success counts for nothing");
}

#[test]
fn interface_commands_are_not_repeated_after_success() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Activate]), []);
    bench.ordered(&[Deactivate]);
    bench.end(Deactivate);
    assert_eq!(bench.ordered(&[Deactivate]), []);
    bench.urgent();
    assert_eq!(bench.steps(), []);
}

/// D1: the legacy took the interface for down at start and skipped this one.
#[test]
fn first_deactivate_always_runs() {
    assert_eq!(Bench::new().ordered(&[Deactivate]), [QueueStep::Begin(Deactivate)]);
}

/// edge-8.
#[test]
fn an_address_whose_commands_have_changed_is_taken_down_and_brought_up() {
    let mut bench = Bench::hot();
    assert!(bench.queue.renew());
    assert_eq!(bench.steps(), [QueueStep::Begin(Deactivate)]);
    assert_eq!(bench.end(Deactivate), [QueueStep::Begin(Activate)]);
    assert_eq!(bench.end(Activate), []);
    assert_eq!(bench.ordered(&[Activate]), []);

    assert!(bench.queue.renew());
    bench.steps();
    assert_eq!(
        bench.fail(Deactivate),
        [QueueStep::Begin(Activate)],
        "a failure does not keep the new one from coming up"
    );
    assert_eq!(
        bench.ordered(&[Stop, Deactivate]),
        [QueueStep::Begin(Stop)],
        "an order that comes meanwhile counts"
    );
    assert_eq!(bench.end(Activate), []);
    assert_eq!(bench.end(Stop), [QueueStep::Begin(Deactivate)]);
    bench.end(Deactivate);
    assert!(!bench.queue.renew(), "nothing is up");
    assert_eq!(bench.steps(), []);
}

/// edge-25: after a restart of the daemon alone the application is hot, and has not said so yet.
#[test]
fn a_start_waits_for_the_first_report_of_the_application() {
    let unknown = || {
        let mut bench = Bench::new();
        bench.queue.await_report(at(2.0));
        assert_eq!(bench.ordered(&[Activate, Start]), [QueueStep::Begin(Activate)]);
        assert_eq!(bench.end(Activate), []);
        bench
    };
    let mut bench = unknown();
    assert!(bench.queue.heard(true));
    assert_eq!(bench.steps(), []);

    let mut bench = unknown();
    bench.queue.heard(false);
    assert_eq!(bench.steps(), [QueueStep::Begin(Start)]);

    let mut bench = unknown();
    assert_eq!(bench.queue.next_deadline(), Some(at(2.0)));
    assert_eq!(bench.steps_at(2.0), [QueueStep::Begin(Start)], "one that says nothing");

    let mut bench = Bench::new();
    bench.queue.await_report(at(2.0));
    assert_eq!(bench.ordered(&[Stop]), [QueueStep::Begin(Stop)], "a stop waits for nothing");
}

/// proto-3: the first start reached nobody.
#[test]
fn a_start_is_repeated_at_once_when_the_application_reports_for_the_first_time() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    bench.end(Activate);
    assert_eq!(bench.fail(Start), []);
    bench.now = at(0.1);
    bench.queue.heard(false);
    assert_eq!(bench.ordered(&[Start]), [QueueStep::Begin(Start)]);
    bench.end(Start);
    bench.now = at(0.2);
    bench.queue.heard(false);
    assert_eq!(bench.ordered(&[Start]), [], "only at the first report");
}

/// edge-25.
#[test]
fn an_application_that_reports_hot_is_not_started_unless_it_was_stopped() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    assert!(bench.queue.start_of_hot());
    assert_eq!(bench.end(Activate), []);

    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    assert!(!bench.queue.start_of_hot(), "its report may be older than the stop");
    bench.end(Stop);
    assert!(!bench.queue.start_of_hot());

    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    assert!(bench.queue.heard(true), "one that has not begun");
    assert_eq!(bench.end(Activate), []);
    assert!(!bench.queue.heard(true));

    let mut bench = Bench::hot();
    bench.ordered(&[Start]);
    bench.order(&[Stop]);
    assert!(bench.queue.start_of_hot());
    assert_eq!(bench.end(Start), [], "a stop that has not begun is taken back");
}

#[test]
fn command_that_hangs_is_terminated_killed_and_given_up() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    assert_eq!(bench.queue.next_deadline(), Some(at(5.0)));
    assert_eq!(bench.steps_at(4.9), []);
    assert_eq!(bench.steps_at(5.0), [QueueStep::Terminate { lane: Lane::Interface, late: true }]);
    assert_eq!(bench.queue.next_deadline(), Some(at(7.0)));
    assert_eq!(bench.steps_at(7.0), [QueueStep::Kill(Lane::Interface)]);
    assert_eq!(bench.steps_at(9.0), [QueueStep::Abandon(Lane::Interface)]);
    assert_eq!(bench.queue.next_deadline(), Some(at(10.0)), "counts as failed: retried after a second");
    assert_eq!(bench.steps_at(10.0), [QueueStep::Begin(Activate)]);
}

#[test]
fn exit_status_of_a_terminated_command_counts_for_nothing() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.steps_at(5.0);
    assert_eq!(bench.end(Activate), []);
    assert_eq!(bench.steps_at(6.0), [QueueStep::Begin(Activate)]);
}

#[test]
fn start_and_stop_have_their_own_timeout() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    assert_eq!(bench.queue.next_deadline(), Some(at(130.0)));
}

#[test]
fn without_room_nothing_begins_but_the_rest_goes_on() {
    let mut bench = Bench::hot();
    bench.ordered(&[Deactivate]);
    bench.order(&[Stop]);
    assert_eq!(bench.queue.next(bench.now, false), None);
    assert!(bench.queue.wants_room(bench.now));
    bench.now = at(105.0);
    let late = QueueStep::Terminate { lane: Lane::Interface, late: true };
    assert_eq!(bench.queue.next(bench.now, false), Some(late));
    assert_eq!(bench.steps(), [QueueStep::Begin(Stop)]);
    assert!(!bench.queue.wants_room(bench.now));
}

#[test]
fn time_of_a_command_counts_from_its_real_beginning() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.queue.begun(Activate, at(3.0));
    assert_eq!(bench.queue.next_deadline(), Some(at(8.0)));
    bench.steps_at(8.0);
    bench.queue.begun(Activate, at(9.0));
    assert_eq!(bench.queue.next_deadline(), Some(at(10.0)), "SIGKILL is not put off");
}

#[test]
fn barrier_waits_for_what_was_ordered_before_it_only() {
    let mut bench = Bench::hot();
    bench.order(&[Stop, Deactivate]);
    bench.queue.barrier();
    assert_eq!(bench.steps(), [QueueStep::Begin(Stop)]);
    assert_eq!(bench.end(Stop), [QueueStep::Begin(Deactivate)]);
    bench.now = at(101.0);
    assert_eq!(bench.ordered(&[Stop]), [QueueStep::Begin(Stop)]);
    assert_eq!(bench.end(Deactivate), [QueueStep::Released]);
}

#[test]
fn barrier_with_nothing_open_is_reached_at_once() {
    let mut bench = Bench::hot();
    bench.queue.barrier();
    assert_eq!(bench.steps(), [QueueStep::Released]);
    assert_eq!(bench.steps(), []);
}

#[test]
fn barrier_does_not_wait_for_retries_nor_for_cancelled_orders() {
    let mut bench = Bench::hot();
    bench.order(&[Stop, Deactivate]);
    bench.queue.barrier();
    bench.steps();
    bench.end(Stop);
    assert_eq!(bench.fail(Deactivate), [QueueStep::Released]);

    let mut bench = Bench::hot();
    bench.order(&[Stop, Deactivate]);
    bench.queue.barrier();
    bench.steps();
    assert_eq!(bench.ordered(&[Activate]), []);
    assert_eq!(bench.end(Stop), [QueueStep::Released]);
}

#[test]
fn end_of_a_command_that_does_not_run_is_ignored() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.end(Deactivate);
    bench.end(Stop);
    assert_eq!(bench.queue.running(Lane::Interface), Some(Activate));
}

#[test]
fn an_address_that_is_up_is_announced_at_once_and_five_seconds_later() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Announce]), [QueueStep::Begin(Announce)]);
    // Its end does not matter, and nothing waits for it.
    assert_eq!(bench.fail(Announce), []);
    assert_eq!(bench.queue.next_deadline(), Some(at(105.0)));
    assert_eq!(bench.steps_at(104.9), []);
    assert_eq!(bench.steps_at(105.0), [QueueStep::Begin(Announce)]);
    assert_eq!(bench.end(Announce), []);
    assert_eq!(bench.queue.next_deadline(), None);
    // The address still counts as up.
    assert_eq!(bench.ordered(&[Activate]), []);
}

#[test]
fn an_address_is_announced_once_if_that_is_due_anyway() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Announce]), [QueueStep::Begin(Announce)]);
    assert_eq!(bench.end(Announce), []);
    assert_eq!(bench.ordered(&[Announce]), [], "five seconds later, as before");
    assert_eq!(bench.queue.next_deadline(), Some(at(105.0)));

    let mut bench = Bench::new();
    bench.order(&[Activate, Announce]);
    assert_eq!(bench.steps(), [QueueStep::Begin(Activate)]);
    assert_eq!(bench.end(Activate), [], "which has made it known");
    assert_eq!(bench.queue.next_deadline(), None);
}

#[test]
fn an_announcement_makes_way_for_deactivate_and_is_not_made_of_an_address_that_is_down() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Announce]), [QueueStep::Begin(Announce)]);
    assert_eq!(bench.ordered(&[Deactivate]), [QueueStep::Terminate { lane: Lane::Interface, late: false }]);
    assert_eq!(bench.fail(Announce), [QueueStep::Begin(Deactivate)]);
    assert_eq!(bench.end(Deactivate), []);
    assert_eq!(bench.ordered(&[Announce]), []);
    assert_eq!((bench.steps_at(200.0), bench.queue.next_deadline()), (vec![], None));
}

#[test]
fn checks_run_one_after_the_other_with_a_pause() {
    let mut bench = Bench::with_checks();
    assert_eq!(bench.steps(), [QueueStep::Begin(Check)]);
    bench.now = at(1.0);
    assert_eq!(bench.queue.ended(Check, Verdict::Refused, bench.now), Sequel::Nothing);
    assert_eq!(bench.queue.next_deadline(), Some(at(3.0)));
    assert_eq!(bench.steps_at(3.0), [QueueStep::Begin(Check)]);
    let late = QueueStep::Terminate { lane: Lane::Check, late: true };
    assert_eq!(bench.steps_at(8.0), [late], "one that hangs");
    bench.queue.barrier();
    assert_eq!(bench.steps(), [QueueStep::Released], "orders do not wait for it");
}

/// A removed resource was checked for ever.
#[test]
fn a_resource_that_is_gone_is_checked_no_more() {
    let mut bench = Bench::with_checks();
    assert_eq!(bench.steps(), [QueueStep::Begin(Check)]);
    bench.queue.end_checks();
    bench.now = at(1.0);
    bench.queue.ended(Check, Verdict::Refused, bench.now);
    assert_eq!((bench.steps_at(10.0), bench.queue.next_deadline()), (vec![], None));
}

#[test]
fn a_start_that_has_ended_is_checked_at_once_and_older_results_count_for_nothing() {
    let mut bench = Bench::with_checks();
    assert_eq!(bench.ordered(&[Start]), [QueueStep::Begin(Check)], "it may run already");
    bench.queue.ended(Check, Verdict::Refused, bench.now);
    assert_eq!(bench.steps(), [QueueStep::Begin(Start)]);
    assert_eq!(bench.steps_at(2.0), [QueueStep::Begin(Check)]);
    assert!(bench.queue.is_application_busy());
    assert_eq!(bench.end(Start), []);
    assert_eq!(bench.queue.ended(Check, Verdict::Refused, bench.now), Sequel::Outdated);
    assert_eq!(bench.steps(), [QueueStep::Begin(Check)]);
}
