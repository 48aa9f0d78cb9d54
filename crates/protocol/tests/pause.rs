//! A node that was stopped or asleep and comes back (S11).

use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Event, Notice, StateName};
use schrittmacher_testkit::lone::{Lone, modern, ours, sent};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_hot_node_asks_before_it_goes_on() {
    for peer in [modern(), ours()] {
        let mut node = Lone::hot(settings(0), peer);
        node.sleep(60 * SECOND);
        // Messages wait in the sockets, oldest first: the peer's heartbeats until it took over, then its role.
        // None of it is news: neither STBY nor FAIL may make us hot.
        let stale = [PeerCode::Stby, PeerCode::Fail, PeerCode::Stby, PeerCode::ToHot, PeerCode::Hott];
        for code in stale {
            let actions = node.hears(code);
            assert_eq!(sent(&actions), [], "{code}");
            assert_eq!(node.state(), StateName::Unknown, "{code}");
            assert!(
                !actions.contains(&Action::Command(Command::Start))
                    && !actions.contains(&Action::Command(Command::Stop)),
                "{code}"
            );
        }
        node.app(AppCode::Lhot);
        let asks = node.tick();
        assert_eq!(sent(&asks), [PeerCode::Unk], "the sockets are drained: ask");
        assert_eq!(node.state(), StateName::Unknown, "no stop, no deactivate yet");
        node.hears(PeerCode::Hott);
        assert_eq!(node.state(), StateName::Standby, "the peer is hot: give way");
    }
}

/// Stopped between draining the sockets and looking at the time, it finds out by a tick.
#[test]
fn what_waits_is_no_news_after_a_tick_either() {
    let mut node = Lone::hot(settings(0), modern());
    node.sleep(60 * SECOND);
    assert_eq!(node.tick(), [Action::Notice(Notice::Paused)]);
    assert_eq!(node.hears(PeerCode::Stby), [], "said before the peer took over");
    assert_eq!(node.state(), StateName::Unknown);
    assert_eq!(sent(&node.tick()), [PeerCode::Unk], "due at once");
    node.hears(PeerCode::Hott);
    assert_eq!(node.state(), StateName::Standby);
}

#[test]
fn it_is_hot_again_if_nobody_objects() {
    let mut node = Lone::hot(settings(0), modern());
    node.sleep(60 * SECOND);
    assert_eq!(node.tick(), [Action::Notice(Notice::Paused)], "the sockets first");
    assert_eq!(sent(&node.tick()), [PeerCode::Unk]);
    let done = node.run(3 * SECOND, &[], &[AppCode::Lhot]);
    assert_eq!(node.state(), StateName::Hot, "after one heartbeat");
    assert!(!done.iter().any(|(_, action)| matches!(
        action,
        Action::Command(Command::Stop) | Action::Command(Command::Deactivate { .. })
    )));
}

#[test]
fn a_peer_known_to_be_hot_is_not_overruled_by_one_lost_answer() {
    let mut node = Lone::hot(settings(0), ours());
    node.sleep(60 * SECOND);
    node.hears(PeerCode::Hott);
    node.run(5 * SECOND, &[], &[AppCode::Lhot]);
    assert_ne!(node.state(), StateName::Hot, "its HOTT was old, but it is no consent either");
    let done = node.run(5 * SECOND, &[], &[AppCode::Lhot]);
    let lost =
        done.iter().position(|(_, action)| *action == Action::Notice(Notice::PeerLost)).expect("silence");
    let hot = done.iter().position(|(_, action)| sent(std::slice::from_ref(action)) == [PeerCode::Hott]);
    assert!(hot.expect("hot again") > lost, "only when its silence counts");
}

#[test]
fn silence_while_asleep_times_nobody_out() {
    let mut node = Lone::standby(settings(0), modern());
    node.sleep(3600 * SECOND);
    let done = node.tick();
    assert!(!done.contains(&Action::Notice(Notice::PeerLost)));
    assert!(!done.contains(&Action::Notice(Notice::AppSilent)));
    assert_eq!(node.state(), StateName::Standby);
    node.run(60 * SECOND, &[PeerCode::Hott], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Standby);
    node.sleep(3600 * SECOND);
    node.run(Duration::from_millis(1900), &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::Standby, "one heartbeat of grace");
    node.run(3 * SECOND, &[], &[AppCode::Lsby]);
    assert_eq!(node.state(), StateName::ToHot);
}

#[test]
fn lateness_below_the_timeout_is_no_pause() {
    let mut node = Lone::hot(settings(0), modern());
    let late = node.resource.next_deadline().since(node.now) + Duration::from_millis(5900);
    node.sleep(late);
    node.hears(PeerCode::Stby);
    assert_eq!(node.state(), StateName::Hot);
    assert_eq!(sent(&node.give(Event::Tick)), [PeerCode::Hott]);
}
