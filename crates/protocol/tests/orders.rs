//! Orders by operators, signals and settings: failover, shutdown, preempt (S4, S8, S9).

use std::time::Duration;

use schrittmacher_protocol::{
    Action, AppFailure, Command, Event, FORCED_RANDOM, OnIsolation, PeerReport, Policy, Refusal, Settings,
    StateName, Time,
};
use schrittmacher_testkit::lone::{Lone, classic, modern, ours, sent};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_second_signal_exits_at_once() {
    let mut node = Lone::hot(settings(0), modern());
    node.give(Event::Shutdown);
    assert_eq!(node.state(), StateName::Releasing);
    assert_eq!(node.give(Event::Shutdown), [Action::Exit], "while the commands run (S9)");

    let mut node = Lone::hot(settings(0), modern());
    node.give(Event::Shutdown);
    node.release();
    assert_eq!(node.state(), StateName::Leaving);
    assert_eq!(node.give(Event::Shutdown), [Action::Exit], "while the peer is told");
}

#[test]
fn the_first_signal_during_a_failover_ends_the_daemon_after_it() {
    let mut node = Lone::hot(settings(0), modern());
    node.give(Event::Failover { force: false });
    assert_eq!(node.give(Event::Shutdown), []);
    assert_eq!(sent(&node.release()), [PeerCode::Fovr]);
    assert_eq!(node.hears(PeerCode::ToHot), [], "it is not there yet");
    assert_eq!(node.hears(PeerCode::Hott), [Action::Exit]);
}

#[test]
fn a_leaving_daemon_tells_the_peer_until_it_takes_over() {
    use PeerCode::{Fail, Fovr, Unk};
    // A classic peer goes hot at FAIL without a word; UNK clears its note that we failed.
    let rows: [(_, _, &[PeerCode]); 3] =
        [(ours(), 100, &[Fovr]), (modern(), 1000, &[Fovr]), (classic(), 1000, &[Fail, Unk, Fail])];
    for (peer, period, words) in rows {
        let mut node = Lone::hot(settings(0), peer);
        let release = node.give(Event::Shutdown);
        assert_eq!(
            release,
            [
                Action::Command(Command::Stop),
                Action::Command(Command::Deactivate { urgent: false }),
                Action::Command(Command::Barrier)
            ]
        );
        node.pass(2 * SECOND);
        assert_eq!(node.state(), StateName::Releasing, "it waits for the commands");
        let mut said = sent(&node.release());
        let began = node.now;
        said.extend(sent(&node.pass(2 * SECOND).into_iter().map(|(_, a)| a).collect::<Vec<_>>()));
        assert_eq!(said, words.repeat(2000 / period), "{peer:?}");
        assert_eq!(sent(&node.hears(PeerCode::Treq)), [PeerCode::Tcnf], "every request is answered (W5)");
        // A peer that does not take over: the role comes back, and the daemon leaves once that has settled.
        let patience = if peer == classic() { 10 * SECOND } else { 6 * SECOND };
        let back = node.run(11 * SECOND, &[PeerCode::Stby], &[AppCode::L2ht]);
        let start = back.iter().find(|(_, action)| *action == Action::Command(Command::Start)).unwrap();
        assert_eq!(start.0.since(began), patience, "{peer:?}");
        assert_eq!(node.state(), StateName::ToHot);
        let end = node.run(15 * SECOND, &[PeerCode::Stby], &[AppCode::Lhot]);
        let commands = end.iter().filter(|(_, action)| matches!(action, Action::Command(_))).count();
        assert_eq!(end.last().unwrap().1, Action::Exit, "{peer:?}");
        assert_eq!(commands, 0, "application and address stay as they are");
    }
}

#[test]
fn a_shutdown_without_a_healthy_peer_leaves_everything_alone() {
    let mut alone = Lone::plain(modern());
    alone.app(AppCode::Lhot);
    alone.run(30 * SECOND, &[], &[AppCode::Lhot]);
    assert_eq!(alone.state(), StateName::Hot);
    assert_eq!(sent(&alone.give(Event::Shutdown)), [PeerCode::Unk], "perhaps somebody is there after all");
    let end = alone.pass(Duration::from_millis(200));
    assert_eq!(end.iter().map(|(_, action)| *action).collect::<Vec<_>>(), [Action::Exit]);

    let mut failed_peer = Lone::hot(settings(0), modern());
    failed_peer.hears(PeerCode::Fail);
    assert_eq!(failed_peer.give(Event::Shutdown), [Action::Exit]);
}

#[test]
fn a_failover_needs_somebody_to_fail_over_to() {
    let failover = Event::Failover { force: false };
    let mut node = Lone::hot(settings(0), modern());
    node.hears(PeerCode::Fail);
    assert_eq!(node.give(failover), [Action::Refuse(Refusal::PeerFailed)]);
    node.run(20 * SECOND, &[], &[AppCode::Lhot]);
    assert_eq!(node.give(failover), [Action::Refuse(Refusal::NoPeer)]);
    assert_eq!(node.app(AppCode::Lrfo), [Action::Refuse(Refusal::NoPeer)], "the application's wish too");
    assert_eq!(node.state(), StateName::Hot);
}

#[test]
fn a_forced_failover_without_a_peer_lasts_three_heartbeats() {
    let mut node = Lone::hot(settings(0), modern());
    node.run(20 * SECOND, &[], &[AppCode::Lhot]);
    node.give(Event::Failover { force: true });
    node.release();
    assert_eq!(node.state(), StateName::Standby);
    node.run(Duration::from_millis(5900), &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Standby, "it does not claim again for three heartbeats (S8)");
    node.run(3 * SECOND, &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::ToHot, "and then somebody has to");
}

/// The commands are over late, and the first turn after that finds the peer silent as well.
#[test]
fn a_role_that_was_handed_over_is_not_taken_back_in_the_same_step() {
    let mut node = Lone::hot(settings(0), ours());
    node.hears(PeerCode::Stby);
    node.run(Duration::from_millis(5900), &[], &[AppCode::Lhot]);
    node.give(Event::Failover { force: true });
    node.give(Event::Released);
    node.sleep(SECOND / 5);
    assert_eq!(sent(&node.tick()), [PeerCode::Fovr]);
    assert_eq!(node.state(), StateName::Standby);
    node.run(Duration::from_millis(5900), &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Standby, "the other side may be on its way");
    node.run(3 * SECOND, &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::ToHot);
}

#[test]
fn refusals_name_their_reason() {
    let mut node = Lone::hot(settings(0), modern());
    assert_eq!(node.give(Event::Takeover { force: false }), [Action::Refuse(Refusal::AlreadyHot)]);
    node.give(Event::Failover { force: false });
    for order in [Event::Failover { force: true }, Event::Takeover { force: false }] {
        assert_eq!(node.give(order), [Action::Refuse(Refusal::HandingOver)]);
    }
    let mut node = Lone::standby(settings(0), modern());
    node.app(AppCode::Lfai);
    assert_eq!(node.give(Event::Takeover { force: false }), [Action::Refuse(Refusal::AppFailed)]);
    assert_eq!(node.give(Event::Failover { force: true }), [Action::Refuse(Refusal::NotHot)]);
}

#[test]
fn a_failover_repeated_by_a_lost_message_is_settled_by_the_next_heartbeat() {
    let mut node = Lone::hot(settings(10), ours());
    node.give(Event::Failover { force: false });
    assert_eq!(sent(&node.release()), [PeerCode::Fovr]);
    // FOVR was lost: the peer sees a standby beside it and asks. Our priority is higher, but it was an order.
    assert_eq!(sent(&node.hears(PeerCode::Stby)), []);
    assert_eq!(sent(&node.hears(PeerCode::Treq)), [PeerCode::Tcnf]);
    node.hears(PeerCode::Hott);
    assert_eq!(node.state(), StateName::Standby);
}

#[test]
fn a_takeover_wins_against_a_legacy_hot_node_of_higher_priority() {
    for peer in [modern(), classic()] {
        let mut node = Lone::standby(settings(0), PeerReport { priority: 10, ..peer });
        assert_eq!(sent(&node.give(Event::Takeover { force: false })), [PeerCode::Treq]);
        assert_eq!(sent(&node.hears(PeerCode::Trej)), [PeerCode::Trej], "which every legacy Hot obeys (D15)");
        assert_eq!(sent(&node.hears(PeerCode::Trej)), [], "once an order");
        let again = node.hears(PeerCode::Stby);
        assert!(matches!(again[..], [Action::Send { code: PeerCode::Treq, random: FORCED_RANDOM, .. }]));
        node.hears(PeerCode::Tcnf);
        assert_eq!(node.state(), StateName::ToHot);
    }
}

#[test]
fn a_forced_request_wins_unless_the_taker_has_failed() {
    for priority in [-10, 0, 10] {
        let peer = PeerReport { priority, ..ours() };
        let mut node = Lone::hot(settings(0), peer);
        let actions = node.hears_random(PeerCode::Treq, FORCED_RANDOM);
        assert_eq!(node.state(), StateName::Releasing, "D15: {actions:?}");
        assert_eq!(sent(&node.release()), [PeerCode::Tcnf]);

        let mut node = Lone::hot(settings(0), peer);
        node.hears(PeerCode::Fail);
        assert_eq!(sent(&node.hears_random(PeerCode::Treq, FORCED_RANDOM)), [PeerCode::Trej], "S3");
        assert_eq!(node.state(), StateName::Hot);
    }
}

#[test]
fn a_request_that_was_answered_late_is_answered_by_fovr() {
    let mut node = Lone::hot(settings(0), ours());
    node.hears_random(PeerCode::Treq, FORCED_RANDOM);
    node.pass(4 * SECOND);
    assert_eq!(sent(&node.release()), [PeerCode::Fovr], "the asker waits no more");
}

#[test]
fn giving_way_with_a_failed_application_ends_in_failed() {
    let mut node = Lone::standby(settings(0), modern());
    node.hears(PeerCode::Fail);
    node.app(AppCode::Lfai);
    assert_eq!(node.state(), StateName::ToHot, "it is given its time");
    node.pass(3 * SECOND);
    assert_eq!(sent(&node.hears(PeerCode::Hott)), [PeerCode::Stby, PeerCode::Fail]);
    assert_eq!(node.state(), StateName::Failed, "D16");

    // An application that ends while it is being stopped.
    let mut node = Lone::hot(settings(0), modern());
    node.give(Event::Failover { force: false });
    node.give(Event::AppFailed(AppFailure::Ended));
    assert_eq!(sent(&node.give(Event::Released)), [PeerCode::Fovr, PeerCode::Fail]);
    assert_eq!(node.state(), StateName::Failed);
}

#[test]
fn preempt_asks_once_after_a_healthy_while() {
    let preempting = Settings { preempt: true, ..settings(10) };
    let forced = |done: &[(Time, Action)]| {
        done.iter().filter(|(_, a)| matches!(a, Action::Send { random: FORCED_RANDOM, .. })).count()
    };
    for peer in [ours(), modern(), classic()] {
        let mut node = Lone::standby(preempting.clone(), peer);
        let early = node.run(6 * SECOND, &[PeerCode::Hott], &[AppCode::Lsby]);
        assert_eq!(forced(&early), 0, "not before max(timeout, app-timeout)");
        let then = node.run(60 * SECOND, &[PeerCode::Hott], &[AppCode::Lsby]);
        assert_eq!(forced(&then), 3, "one request, sent three times, not for ever");
    }
    let mut lower = Lone::standby(Settings { preempt: true, ..settings(-1) }, ours());
    assert_eq!(forced(&lower.run(60 * SECOND, &[PeerCode::Hott], &[AppCode::Lsby])), 0);
    let mut not_wanted = Lone::standby(settings(10), ours());
    assert_eq!(forced(&not_wanted.run(60 * SECOND, &[PeerCode::Hott], &[AppCode::Lsby])), 0, "S4");
}

/// After a failover we wait for the peer, towards a classic one for as long as its application may switch. If
/// the peer dies in that time there is nobody left to wait for.
#[test]
fn a_peer_that_dies_after_we_gave_way_is_replaced_after_its_timeout() {
    for (peer, timeout) in [(ours(), 6), (modern(), 6), (classic(), 10)] {
        let mut node = Lone::hot(settings(0), peer);
        node.hears(PeerCode::Stby);
        node.give(Event::Failover { force: false });
        node.release();
        assert_eq!(node.state(), StateName::Standby);
        let began = node.now;
        let end = node.run(30 * SECOND, &[], &[AppCode::Lsby]);
        let start = end
            .iter()
            .find(|(_, action)| *action == Action::Command(Command::Start))
            .expect("it goes hot again");
        assert!(start.0.since(began) <= (timeout + 2) * SECOND, "{peer:?}: {:?}", start.0.since(began));
    }
}

/// The last moment for the peer to confirm is also the one at which it counts as silent. A fuzzer met it.
#[test]
fn a_daemon_ends_once() {
    let mut node = Lone::hot(settings(0), modern());
    node.give(Event::Shutdown);
    node.release();
    assert_eq!(node.state(), StateName::Leaving);
    node.hears(PeerCode::Stby);
    node.app(AppCode::Lfai);
    let all = node.pass(Duration::from_secs(60));
    let exits = all.iter().filter(|(_, action)| *action == Action::Exit);
    assert_eq!(exits.count(), 1, "{all:?}");
}

/// Under `policy = manual` silence is no reason to take the role; an operator who has looked at the other host is one.
#[test]
fn a_role_that_silence_does_not_give_is_taken_by_force_and_not_without() {
    let manual = Settings { policy: Policy::Manual, ..settings(0) };
    let mut node = Lone::standby(manual.clone(), ours());
    node.run(30 * SECOND, &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Standby);
    let refused = [Action::Refuse(Refusal::PeerMayServe)];
    assert_eq!(node.give(Event::Takeover { force: false }), refused);
    assert_eq!(node.app(AppCode::Lrto), refused);
    node.give(Event::Takeover { force: true });
    assert_eq!(node.state(), StateName::ToHot);
    node.run(30 * SECOND, &[], &[AppCode::Lhot]);
    assert_eq!(node.state(), StateName::Hot);
    // A peer that is heard is asked, by force too.
    let mut node = Lone::standby(manual, ours());
    node.hears(PeerCode::Hott);
    assert_eq!(sent(&node.give(Event::Takeover { force: true })), [PeerCode::Treq]);
    assert_eq!(node.state(), StateName::Standby);
}

#[test]
fn an_isolated_side_refuses_a_takeover_that_it_would_undo_at_once() {
    let isolated = Settings { on_isolation: OnIsolation::StepDown, ..settings(0) };
    let mut node = Lone::standby(isolated, ours());
    node.give(Event::Isolated(true));
    node.run(30 * SECOND, &[], &[AppCode::Lsby]);
    for force in [false, true] {
        assert_eq!(node.give(Event::Takeover { force }), [Action::Refuse(Refusal::Isolated)]);
    }
}
