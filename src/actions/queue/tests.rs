use std::time::Duration;

use super::Order::{Activate, Deactivate, Start, Stop};
use super::*;

mod invariants;

const LIMITS: Limits = Limits {
    interface_timeout: Duration::from_secs(5),
    action_timeout: Duration::from_secs(30),
    going_hot: Duration::from_secs(20),
    going_standby: Duration::from_secs(6),
};

fn at(seconds: f64) -> Time {
    Time::new(Duration::from_secs_f64(seconds))
}

/// A queue and the time it is told.
struct Bench {
    queue: Queue,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        Bench { queue: Queue::new(LIMITS), now: Time::ZERO }
    }

    /// A queue of a resource that is hot: activate and start have succeeded.
    fn hot() -> Bench {
        let mut bench = Bench::new();
        bench.order(&[Activate, Start]);
        assert_eq!(bench.steps(), [Step::Begin(Activate)]);
        assert_eq!(bench.end(Activate), [Step::Begin(Start)]);
        assert_eq!(bench.end(Start), []);
        bench.now = at(100.0);
        bench
    }

    fn order(&mut self, orders: &[Order]) {
        for &order in orders {
            self.queue.order(order, false, self.now);
        }
    }

    fn urgent(&mut self) {
        self.queue.order(Deactivate, true, self.now);
    }

    fn steps(&mut self) -> Vec<Step> {
        std::iter::from_fn(|| self.queue.next(self.now, true)).collect()
    }

    fn ordered(&mut self, orders: &[Order]) -> Vec<Step> {
        self.order(orders);
        self.steps()
    }

    fn end(&mut self, order: Order) -> Vec<Step> {
        self.queue.ended(order, true, self.now);
        self.steps()
    }

    fn fail(&mut self, order: Order) -> Vec<Step> {
        self.queue.ended(order, false, self.now);
        self.steps()
    }

    fn steps_at(&mut self, seconds: f64) -> Vec<Step> {
        self.now = at(seconds);
        self.steps()
    }
}

#[test]
fn going_hot_is_activate_then_start() {
    let mut bench = Bench::new();
    assert_eq!(bench.ordered(&[Activate, Start]), [Step::Begin(Activate)]);
    assert_eq!(bench.end(Activate), [Step::Begin(Start)]);
    assert_eq!(bench.end(Start), []);
    assert_eq!(bench.queue.next_deadline(), None);
}

#[test]
fn giving_way_is_stop_then_deactivate() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Stop, Deactivate]), [Step::Begin(Stop)]);
    assert_eq!(bench.end(Stop), [Step::Begin(Deactivate)]);
    assert_eq!(bench.end(Deactivate), []);
}

#[test]
fn urgent_deactivate_does_not_wait_for_stop_nor_start() {
    let mut bench = Bench::hot();
    bench.order(&[Start]);
    assert_eq!(bench.steps(), [Step::Begin(Start)]);
    bench.urgent();
    bench.order(&[Stop]);
    assert_eq!(bench.steps(), [Step::Begin(Deactivate)]);
    assert_eq!(bench.end(Start), [Step::Begin(Stop)]);
}

#[test]
fn orders_that_wait_for_nothing_begin_as_they_came() {
    let mut bench = Bench::hot();
    bench.urgent();
    bench.order(&[Stop]);
    assert_eq!(bench.steps(), [Step::Begin(Deactivate), Step::Begin(Stop)]);
}

#[test]
fn deactivate_that_waits_becomes_urgent() {
    let mut bench = Bench::hot();
    assert_eq!(bench.ordered(&[Stop, Deactivate]), [Step::Begin(Stop)]);
    bench.urgent();
    assert_eq!(bench.steps(), [Step::Begin(Deactivate)]);
}

#[test]
fn urgent_deactivate_ends_a_running_activate_first() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    bench.urgent();
    bench.order(&[Stop]);
    assert_eq!(
        bench.steps(),
        [Step::Terminate { lane: Lane::Interface, late: false }, Step::Begin(Stop)],
        "start is cancelled"
    );
    assert_eq!(bench.steps_at(2.0), [Step::Kill(Lane::Interface)]);
    assert_eq!(bench.fail(Activate), [Step::Begin(Deactivate)]);
}

#[test]
fn planned_deactivate_waits_for_a_running_activate() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    assert_eq!(bench.ordered(&[Deactivate]), []);
    assert_eq!(bench.end(Activate), [Step::Begin(Deactivate)]);
}

#[test]
fn opposite_orders_cancel_what_has_not_begun() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    assert_eq!(bench.ordered(&[Stop]), [Step::Begin(Stop)]);
    assert_eq!(bench.end(Stop), []);
    assert_eq!(bench.end(Activate), [], "start was cancelled");

    let mut bench = Bench::hot();
    bench.ordered(&[Stop, Deactivate]);
    bench.order(&[Activate, Start]);
    assert_eq!(bench.steps(), [], "deactivate was cancelled, so the interface is still up");
    assert_eq!(bench.end(Stop), [Step::Begin(Start)]);
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
    assert_eq!(bench.steps(), [Step::Terminate { lane: Lane::Interface, late: false }]);
    bench.queue.ended(Activate, true, bench.now);
    assert_eq!(bench.steps(), [Step::Begin(Activate)], "an overtaken success counts for nothing");
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
    assert_eq!(Bench::new().ordered(&[Deactivate]), [Step::Begin(Deactivate)]);
}

/// D27: the legacy took the interface for up whatever the command returned.
#[test]
fn failed_activate_is_retried_with_growing_pauses_and_start_runs() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    assert_eq!(bench.fail(Activate), [Step::Begin(Start)]);
    bench.end(Start);
    let mut now = 0.0;
    for pause in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
        assert_eq!(bench.queue.next_deadline(), Some(at(now + pause)));
        assert_eq!(bench.ordered(&[Activate]), [], "an equal order does not shorten the pause");
        assert_eq!(bench.steps_at(now + pause - 0.001), []);
        now += pause;
        assert_eq!(bench.steps_at(now), [Step::Begin(Activate)]);
        assert_eq!(bench.fail(Activate), []);
    }
    bench.steps_at(now + 30.0);
    bench.end(Activate);
    assert_eq!(bench.queue.next_deadline(), None);
}

#[test]
fn retry_ends_with_the_wish() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.fail(Activate);
    assert_eq!(bench.ordered(&[Deactivate]), [Step::Begin(Deactivate)]);
    assert_eq!(bench.fail(Deactivate), []);
    assert_eq!(bench.steps_at(1.0), [Step::Begin(Deactivate)], "a failed deactivate is retried the same way");
    bench.end(Deactivate);
    assert_eq!(bench.queue.next_deadline(), None);
}

#[test]
fn retry_of_an_urgent_deactivate_waits_for_nobody() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    bench.urgent();
    bench.steps();
    bench.fail(Deactivate);
    assert_eq!(bench.steps_at(101.0), [Step::Begin(Deactivate)]);
}

#[test]
fn order_is_not_given_again_while_its_command_runs() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    for second in 101..105 {
        bench.now = at(f64::from(second));
        assert_eq!(bench.ordered(&[Stop]), []);
    }
    assert_eq!(bench.end(Stop), []);
    assert_eq!(bench.ordered(&[Stop]), [Step::Begin(Stop)]);
}

#[test]
fn stubborn_application_is_told_every_second_and_then_every_timeout() {
    let mut bench = Bench::hot();
    let mut begun = Vec::new();
    for tenth in 0..300 {
        bench.now = at(100.0 + f64::from(tenth) / 10.0);
        if bench.ordered(&[Stop]) == [Step::Begin(Stop)] {
            begun.push(tenth);
            bench.end(Stop);
        }
    }
    assert_eq!(begun, [0, 10, 20, 30, 40, 50, 110, 170, 230, 290]);
}

#[test]
fn late_contradiction_is_answered_like_a_first_one() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    bench.end(Stop);
    bench.now = at(200.0);
    for second in [200.0, 201.0, 202.0] {
        bench.now = at(second);
        assert_eq!(bench.ordered(&[Stop]), [Step::Begin(Stop)]);
        bench.end(Stop);
    }
}

#[test]
fn command_that_hangs_is_terminated_killed_and_given_up() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    assert_eq!(bench.queue.next_deadline(), Some(at(5.0)));
    assert_eq!(bench.steps_at(4.9), []);
    assert_eq!(bench.steps_at(5.0), [Step::Terminate { lane: Lane::Interface, late: true }]);
    assert_eq!(bench.queue.next_deadline(), Some(at(7.0)));
    assert_eq!(bench.steps_at(7.0), [Step::Kill(Lane::Interface)]);
    assert_eq!(bench.steps_at(9.0), [Step::Abandon(Lane::Interface)]);
    assert_eq!(bench.queue.next_deadline(), Some(at(10.0)), "counts as failed: retried after a second");
    assert_eq!(bench.steps_at(10.0), [Step::Begin(Activate)]);
}

#[test]
fn exit_status_of_a_terminated_command_counts_for_nothing() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.steps_at(5.0);
    assert_eq!(bench.end(Activate), []);
    assert_eq!(bench.steps_at(6.0), [Step::Begin(Activate)]);
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
    let late = Step::Terminate { lane: Lane::Interface, late: true };
    assert_eq!(bench.queue.next(bench.now, false), Some(late));
    assert_eq!(bench.steps(), [Step::Begin(Stop)]);
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
    assert_eq!(bench.steps(), [Step::Begin(Stop)]);
    assert_eq!(bench.end(Stop), [Step::Begin(Deactivate)]);
    bench.now = at(101.0);
    assert_eq!(bench.ordered(&[Stop]), [Step::Begin(Stop)]);
    assert_eq!(bench.end(Deactivate), [Step::Released]);
}

#[test]
fn barrier_with_nothing_open_is_reached_at_once() {
    let mut bench = Bench::hot();
    bench.queue.barrier();
    assert_eq!(bench.steps(), [Step::Released]);
    assert_eq!(bench.steps(), []);
}

#[test]
fn barrier_does_not_wait_for_retries_nor_for_cancelled_orders() {
    let mut bench = Bench::hot();
    bench.order(&[Stop, Deactivate]);
    bench.queue.barrier();
    bench.steps();
    bench.end(Stop);
    assert_eq!(bench.fail(Deactivate), [Step::Released]);

    let mut bench = Bench::hot();
    bench.order(&[Stop, Deactivate]);
    bench.queue.barrier();
    bench.steps();
    assert_eq!(bench.ordered(&[Activate]), []);
    assert_eq!(bench.end(Stop), [Step::Released]);
}

#[test]
fn end_of_a_command_that_does_not_run_is_ignored() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate]);
    bench.end(Deactivate);
    bench.end(Stop);
    assert_eq!(bench.queue.running(Lane::Interface), Some(Activate));
}
