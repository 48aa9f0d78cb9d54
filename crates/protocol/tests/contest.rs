//! When a hot side has to make its address known again (P11).

use std::time::Duration;

use schrittmacher_protocol::{Event, StateName};
use schrittmacher_testkit::lone::{Lone, classic, modern, ours};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

const SECOND: Duration = Duration::from_secs(1);

/// Whether the side has to announce after this.
fn announces(node: &mut Lone, happens: impl FnOnce(&mut Lone)) -> bool {
    let before = node.resource.machine().contest();
    happens(node);
    node.resource.machine().has_prevailed(before)
}

fn hears(node: &mut Lone, code: PeerCode) -> bool {
    announces(node, |node| drop(node.hears(code)))
}

#[test]
fn when_the_peer_was_hot_or_on_its_way_and_gives_up() {
    for peer in [ours(), modern(), classic()] {
        for claim in [PeerCode::Hott, PeerCode::ToHot] {
            let mut node = Lone::hot(settings(1), peer);
            assert!(!hears(&mut node, claim), "it may still have the address");
            assert!(!hears(&mut node, claim));
            assert!(hears(&mut node, PeerCode::Stby), "{claim}");
            assert!(!hears(&mut node, PeerCode::Stby), "once");
        }
    }
}

#[test]
fn when_the_peer_confirms_and_again_when_it_has_given_up_what_an_earlier_run_has_left() {
    let mut node = Lone::hot(settings(1), ours());
    assert!(!hears(&mut node, PeerCode::Hott));
    assert!(hears(&mut node, PeerCode::Tcnf));
    assert!(!hears(&mut node, PeerCode::ToStandby), "its application has not reported");
    assert!(hears(&mut node, PeerCode::Stby));
}

#[test]
fn when_a_peer_is_back_that_was_silent() {
    let mut node = Lone::hot(settings(0), ours());
    node.run(10 * SECOND, &[], &[AppCode::Lhot]);
    assert_eq!(node.state(), StateName::Hot);
    assert!(hears(&mut node, PeerCode::Stby), "it may have been hot meanwhile");
}

#[test]
fn when_this_side_has_lost_time_and_goes_on() {
    let mut node = Lone::hot(settings(0), ours());
    node.sleep(60 * SECOND);
    node.app(AppCode::Lhot);
    node.tick();
    assert_eq!(node.state(), StateName::Unknown);
    assert!(hears(&mut node, PeerCode::Stby));
    assert_eq!(node.state(), StateName::Hot);
}

#[test]
fn not_on_the_way_to_hot_nor_in_quiet_times() {
    let mut node = Lone::standby(settings(0), ours());
    assert!(!hears(&mut node, PeerCode::Fail), "`activate` announces");
    assert!(!announces(&mut node, |node| drop(node.app(AppCode::Lhot))));
    assert_eq!(node.state(), StateName::Hot);
    for _ in 0..30 {
        node.now = node.now + SECOND;
        assert!(!hears(&mut node, PeerCode::Stby));
        assert!(!announces(&mut node, |node| drop(node.app(AppCode::Lhot))));
        assert!(!announces(&mut node, |node| drop(node.give(Event::Tick))));
    }
}
