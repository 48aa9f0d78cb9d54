//! Races that the exhaustive search (`tests/model`) found in earlier versions, as single runs.

use std::time::Duration;

use schrittmacher_protocol::{Event, FORCED_RANDOM, StateName};
use schrittmacher_testkit::lone::{Lone, classic, modern, ours, sent};
use schrittmacher_testkit::settings;
use schrittmacher_wire::AppCode;
use schrittmacher_wire::PeerCode::{Hott, Stby, Tcnf, Trej, Treq, Unk};

const SECOND: Duration = Duration::from_secs(1);

/// Standby, with a peer of higher priority that is standby too.
fn beside_a_higher_standby(peer: schrittmacher_protocol::PeerReport) -> Lone {
    let mut node = Lone::standby(settings(0), peer);
    node.peer.priority = 1;
    assert_eq!(sent(&node.hears(Stby)), [Treq]);
    node
}

/// Both ask; 2.0.0 confirms whatever it has asked itself. Both went hot, both gave way, and began again, as fast
/// as their applications could switch.
#[test]
fn who_has_confirmed_is_not_confirmed_any_more() {
    for peer in [modern(), ours()] {
        let mut node = beside_a_higher_standby(peer);
        assert_eq!(sent(&node.hears(Treq)), [Tcnf], "the higher one wins");
        assert_eq!(sent(&node.hears(Tcnf)), [], "its answer crossed ours");
        assert_eq!(node.state(), StateName::Standby);
    }
}

/// 1.8.2 says HOTT, then its slow application reports what it was, and our STBY made it begin again, for ever.
#[test]
fn a_classic_peer_that_asks_on_its_way_hears_no_standby_for_three_heartbeats() {
    let mut node = Lone::standby(settings(0), classic());
    node.peer.priority = 1;
    node.run(12 * SECOND, &[Hott], &[AppCode::Lsby]);
    assert_eq!(sent(&node.hears(Treq)), [Tcnf]);
    let said = node.run(5 * SECOND, &[], &[AppCode::Lsby]);
    let said: Vec<_> = said.into_iter().map(|(_, action)| action).collect();
    assert!(!sent(&said).is_empty() && !sent(&said).contains(&Stby), "R6: {said:?}");
}

/// A conflict that was lost just before undid the operator's order. The request was confirmed instead of rejected, and a
/// 1.8.2 heard FAIL and went hot at once.
#[test]
fn an_order_to_take_over_ends_an_earlier_giving_way() {
    for peer in [modern(), classic()] {
        let mut node = beside_a_higher_standby(peer);
        node.hears(Trej);
        let asked = node.give(Event::Takeover { force: false });
        assert_eq!(sent(&asked), [Treq]);
        assert_eq!(sent(&node.hears_random(Treq, 7)), [Trej], "it does not give way to an unforced one");
        let next = node.run(3 * SECOND, &[], &[AppCode::Lsby]);
        let next: Vec<_> = next.into_iter().map(|(_, action)| action).collect();
        assert!(sent(&next).contains(&Stby), "not FAIL: {next:?}");
        assert_eq!(node.state(), StateName::Standby);
    }
}

/// Two orders at once: who loses the tie-break is told so.
#[test]
fn a_takeover_that_loses_against_another_one_is_reported() {
    use schrittmacher_protocol::{Action, Notice};
    let mut node = Lone::standby(settings(0), ours());
    node.peer.priority = 1;
    node.give(Event::Takeover { force: false });
    let lost = node.hears_random(Treq, FORCED_RANDOM);
    assert_eq!(sent(&lost), [Tcnf]);
    assert!(lost.contains(&Action::Notice(Notice::TakeoverUnanswered)));
}

/// The peer may have heard nothing but UNK since it was silent. It would reject the request then, and the next one is a heartbeat later.
#[test]
fn a_request_of_a_hot_side_comes_after_its_hott() {
    let mut node = Lone::hot(settings(1), ours());
    node.run(20 * SECOND, &[], &[AppCode::Lhot]);
    assert_eq!(sent(&node.hears(Unk)), [Hott]);
    assert_eq!(sent(&node.hears(Hott)), [Hott, Treq], "though it has just said so");
    assert_eq!(sent(&node.hears(Hott)), [], "once a heartbeat");
}
