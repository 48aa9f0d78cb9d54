//! The numbers of promotions (P14).

use schrittmacher_protocol::{Action, Epochs, Event, LAST_EPOCH, PeerReport, StateName};
use schrittmacher_testkit::lone::{Lone, modern, ours};
use schrittmacher_testkit::settings;
use schrittmacher_wire::{AppCode, PeerCode};

fn epochs(node: &Lone) -> Epochs {
    node.resource.machine().epochs
}

/// What the messages among these actions tell.
fn told(actions: &[Action]) -> Vec<Option<u64>> {
    let told = |action: &Action| if let Action::Send { epoch, .. } = action { Some(*epoch) } else { None };
    actions.iter().filter_map(told).collect()
}

fn hears_epoch(node: &mut Lone, code: PeerCode, epoch: u64) -> Vec<Action> {
    node.give(Event::Peer(PeerReport { code: Some(code), epoch: Some(epoch), ..node.peer }))
}

/// This side has the lesser address.
#[test]
fn a_promotion_takes_the_next_even_number_above_all_that_were_heard() {
    let mut node = Lone::standby(settings(0), ours());
    hears_epoch(&mut node, PeerCode::Hott, 7);
    assert_eq!(epochs(&node), Epochs { own: 0, greatest: 7 });
    let goes = node.hears(PeerCode::Fail);
    assert_eq!((node.state(), epochs(&node)), (StateName::ToHot, Epochs { own: 8, greatest: 8 }));
    assert_eq!(told(&goes), [Some(8)], "{goes:?}");
    node.app(AppCode::Lhot);
    // A late message of before, and one that the other side was given meanwhile.
    hears_epoch(&mut node, PeerCode::Stby, 5);
    assert_eq!(epochs(&node).greatest, 8);
    hears_epoch(&mut node, PeerCode::Stby, 9);
    assert_eq!(epochs(&node), Epochs { own: 8, greatest: 9 });
    assert_eq!(told(&node.hears(PeerCode::Unk)), [Some(8)], "that of its own promotion, while it serves");
}

#[test]
fn a_claim_keeps_its_number_unless_there_was_a_later_one() {
    for (kept, expected) in [((6, 6), 6), ((6, 7), 8), ((0, 0), 2), ((0, 3), 4)] {
        let mut node = Lone::new(settings(0), ours());
        node.give(Event::Epochs(Epochs { own: kept.0, greatest: kept.1 }));
        node.app(AppCode::Lhot);
        node.hears(PeerCode::Stby);
        assert_eq!((node.state(), epochs(&node).own), (StateName::Hot, expected), "{kept:?}");
    }
}

#[test]
fn a_peer_of_another_kind_is_told_none_and_tells_none() {
    let mut node = Lone::hot(settings(0), modern());
    assert!(epochs(&node).own > 0);
    // The extension was told often enough by now.
    let said = node.run(std::time::Duration::from_secs(20), &[PeerCode::Stby], &[AppCode::Lhot]);
    let said: Vec<Action> = said.into_iter().map(|(_, action)| action).collect();
    assert!(told(&said).len() > 5 && told(&said).iter().all(Option::is_none), "{said:?}");
    let before = epochs(&node);
    hears_epoch(&mut node, PeerCode::Stby, 1000);
    assert_eq!(epochs(&node), before);
}

#[test]
fn the_numbers_end_without_an_overflow() {
    let mut node = Lone::standby(settings(0), ours());
    hears_epoch(&mut node, PeerCode::Hott, u64::MAX);
    node.hears(PeerCode::Fail);
    assert_eq!(epochs(&node), Epochs { own: LAST_EPOCH, greatest: LAST_EPOCH });
}
