//! Commands that are tried again, and orders that are given again.

use super::*;

/// D27: the legacy took the interface for up whatever the command returned.
#[test]
fn failed_activate_is_retried_with_growing_pauses_and_start_runs() {
    let mut bench = Bench::new();
    bench.ordered(&[Activate, Start]);
    assert_eq!(bench.fail(Activate), [QueueStep::Begin(Start)]);
    bench.end(Start);
    let mut now = 0.0;
    for pause in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
        assert_eq!(bench.queue.next_deadline(), Some(at(now + pause)));
        assert_eq!(bench.ordered(&[Activate]), [], "an equal order does not shorten the pause");
        assert_eq!(bench.steps_at(now + pause - 0.001), []);
        now += pause;
        assert_eq!(bench.steps_at(now), [QueueStep::Begin(Activate)]);
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
    assert_eq!(bench.ordered(&[Deactivate]), [QueueStep::Begin(Deactivate)]);
    assert_eq!(bench.fail(Deactivate), []);
    assert_eq!(
        bench.steps_at(1.0),
        [QueueStep::Begin(Deactivate)],
        "a failed deactivate is retried the same way"
    );
    bench.end(Deactivate);
    assert_eq!(bench.queue.next_deadline(), None);
}

/// edge-6: the manual's commands say "not found" at each start of a healthy pair.
#[test]
fn a_deactivate_that_is_refused_at_the_start_is_no_trouble() {
    let mut bench = Bench::new();
    bench.ordered(&[Deactivate]);
    assert_eq!(bench.queue.ended(Deactivate, Verdict::Refused, bench.now), Sequel::NothingThere);
    assert_eq!((bench.steps(), bench.queue.next_deadline()), (vec![], None), "and is not tried again");
    assert_eq!(bench.ordered(&[Deactivate]), []);
    assert_eq!(bench.ordered(&[Activate]), [QueueStep::Begin(Activate)]);

    let mut bench = Bench::new();
    bench.ordered(&[Deactivate]);
    assert_eq!(
        bench.queue.ended(Deactivate, Verdict::Broken, bench.now),
        Sequel::Retry(Duration::from_secs(1)),
        "one that did not come to its end says nothing about the address"
    );
}

/// edge-7: minutes later it would take away what an operator has set up by hand.
#[test]
fn a_deactivate_that_goes_on_failing_is_given_up_after_half_a_minute() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop, Deactivate]);
    bench.end(Stop);
    let mut now = 100.0;
    for pause in [1, 2, 4, 8, 16] {
        let sequel = bench.queue.ended(Deactivate, Verdict::Refused, bench.now);
        assert_eq!(sequel, Sequel::Retry(Duration::from_secs(pause)), "the address is here because of us");
        now += f64::from(u32::try_from(pause).expect("small"));
        assert_eq!(bench.steps_at(now), [QueueStep::Begin(Deactivate)]);
    }
    assert_eq!(bench.queue.ended(Deactivate, Verdict::Refused, bench.now), Sequel::GivenUp);
    assert_eq!(bench.queue.next_deadline(), None);
    assert_eq!(bench.ordered(&[Activate]), [QueueStep::Begin(Activate)], "the next order counts as ever");
}

/// edge-7: only a retry may be dropped; the first attempt is the order itself.
#[test]
fn a_retry_of_deactivate_can_be_dropped_and_its_first_attempt_cannot() {
    let mut bench = Bench::hot();
    bench.ordered(&[Deactivate]);
    assert!(!bench.queue.drop_retry());
    bench.fail(Deactivate);
    bench.steps_at(101.0);
    assert!(bench.queue.drop_retry());
    assert_eq!((bench.steps(), bench.queue.next_deadline()), (vec![], None));
}

#[test]
fn retry_of_an_urgent_deactivate_waits_for_nobody() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    bench.urgent();
    bench.steps();
    bench.fail(Deactivate);
    assert_eq!(bench.steps_at(101.0), [QueueStep::Begin(Deactivate)]);
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
    assert_eq!(bench.ordered(&[Stop]), [QueueStep::Begin(Stop)]);
}

#[test]
fn stubborn_application_is_told_every_second_and_then_every_timeout() {
    let mut bench = Bench::hot();
    let mut begun = Vec::new();
    for tenth in 0..300 {
        bench.now = at(100.0 + f64::from(tenth) / 10.0);
        if bench.ordered(&[Stop]) == [QueueStep::Begin(Stop)] {
            begun.push(tenth);
            bench.end(Stop);
        }
    }
    assert_eq!(begun, [0, 10, 20, 30, 40, 50, 110, 170, 230, 290]);
}

#[test]
fn a_repetition_counts_from_the_real_beginning() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    bench.queue.begun(Stop, at(100.4));
    bench.end(Stop);
    bench.now = at(101.3);
    assert_eq!(bench.ordered(&[Stop]), []);
    bench.now = at(101.4);
    assert_eq!(bench.ordered(&[Stop]), [QueueStep::Begin(Stop)]);
}

#[test]
fn late_contradiction_is_answered_like_a_first_one() {
    let mut bench = Bench::hot();
    bench.ordered(&[Stop]);
    bench.end(Stop);
    bench.now = at(200.0);
    for second in [200.0, 201.0, 202.0] {
        bench.now = at(second);
        assert_eq!(bench.ordered(&[Stop]), [QueueStep::Begin(Stop)]);
        bench.end(Stop);
    }
}
