//! Links that are cut: in both directions or in one, for long or for a moment, and at the wrong one.

use std::fs;
use std::time::Duration;

use schrittmacher_harness::{AT_ONCE, Cable, Filter, Pair, RESOURCE, Setup, Side, Watch, skip, wait_for};

/// A pair on a cable.
fn lay(name: &str, setup: Setup) -> Option<(Pair, Cable)> {
    Cable::lay()
        .map(|cable| (Pair::at(setup, &cable, ["10.0.0.1", "10.0.0.2"]), cable))
        .map_err(|why| skip(name, why))
        .ok()
}

/// The same with filters, which cut it and leave the link up.
fn lay_filtered(name: &str, setup: Setup) -> Option<(Pair, Filter)> {
    let (pair, cable) = lay(name, setup)?;
    Filter::at(&cable).map(|filter| (pair, filter)).map_err(|why| skip(name, why)).ok()
}

/// The link is back: `survivor` stays hot without a break, the other one gives way and takes its address down.
fn heals(pair: &mut Pair, survivor: Side) {
    pair.settles(survivor, Duration::ZERO);
    assert_eq!(pair[survivor].log.transitions(), [], "the survivor never stopped");
    pair.journal.expect(survivor, &[]);
    pair.journal.expect_unordered(survivor.other(), &["stop", "deactivate"]);
    let last = pair[survivor.other()].log.transitions();
    assert_eq!(last.last().map(|change| change.to.as_str()), Some("Standby"));
}

/// P8, and P1 when it is back. A filter refuses what a daemon says, and the daemon is told so by its own system.
#[test]
fn a_link_that_refuses_to_send_makes_both_hot_until_it_is_back() {
    const NAME: &str = "a_link_that_refuses_to_send_makes_both_hot_until_it_is_back";
    for (priority, survivor) in [([10, 0], Side::A), ([0, 10], Side::B)] {
        let Some((mut pair, filter)) = lay_filtered(NAME, Setup { priority, ..Setup::default() }) else {
            return;
        };
        pair.start(Side::A);
        for side in [Side::A, Side::B] {
            filter.gag(side);
        }
        let timeout = pair.timeout();
        pair.wait_hot(Side::B, timeout);
        pair.journal.expect(Side::B, &["activate", "start"]);
        pair[Side::A].log.wait("peer is silent", timeout);
        pair[Side::A].log.wait("can't send to the peer: Operation not permitted", AT_ONCE);
        pair.stays();
        pair.forget();
        filter.heal();
        heals(&mut pair, survivor);
        // The loser has told the neighbours that the address is there (edge-2).
        wait_for("two announcements", Duration::from_secs(5), || {
            (pair.journal.count(survivor, "announce") == 2).then_some(())
        });
        assert_eq!(pair.journal.count(survivor.other(), "announce"), 0);
        // edge-22: both sides tell it, and who gave way.
        for (side, who) in [(survivor, "the other side gave way"), (survivor.other(), "this side gave way")] {
            let told = pair[side].log.wait("BOTH SIDES WERE HOT", AT_ONCE);
            assert!(told.contains("\tMAJOR\t") && told.contains(who), "{told}");
        }
    }
}

/// Only the hot side is still heard: the standby side knows that all is well, and the hot one stays hot.
#[test]
fn a_deaf_hot_side_changes_nothing() {
    // An application that does as it is told has not failed: this one is told nothing when it is stopped.
    let setup = Setup { stop: Some("{note}"), ..Setup::default() };
    let Some((mut pair, filter)) = lay_filtered("a_deaf_hot_side_changes_nothing", setup) else { return };
    pair.start(Side::A);
    filter.deafen(Side::A);
    let timeout = pair.timeout();
    pair[Side::A].log.wait("peer is silent", timeout);
    pair.stays_for(2.0);
    // It can't be asked, but it can still fail, and says so.
    pair[Side::A].tell_app("fail");
    pair.wait_hot(Side::B, Duration::ZERO);
    pair.journal.expect_unordered(Side::A, &["deactivate", "stop"]);
    pair.stays();
    filter.heal();
    pair[Side::A].log.wait("peer is heard", AT_ONCE);
    pair[Side::A].tell_app("standby");
    pair.settles(Side::B, Duration::ZERO);
}

/// P1 and P8 in one direction. The deaf side takes its peer for dead, and no request reaches it. So the side that is
/// not heard yields, at any priority. Nothing changes when the link is mended (S4).
#[test]
fn who_is_not_heard_gives_way_to_the_deaf_side() {
    const NAME: &str = "who_is_not_heard_gives_way_to_the_deaf_side";
    for priority in [[10, 0], [0, 10]] {
        let Some((mut pair, filter)) = lay_filtered(NAME, Setup { priority, ..Setup::default() }) else {
            return;
        };
        pair.start(Side::A);
        filter.deafen(Side::B);
        let timeout = pair.timeout();
        pair.wait_settled(Side::B, timeout);
        pair.journal.expect(Side::B, &["activate", "start"]);
        pair.journal.expect_unordered(Side::A, &["stop", "deactivate"]);
        pair.stays_for(2.0);
        pair.forget();
        filter.heal();
        pair[Side::B].log.wait("peer is heard", AT_ONCE);
        pair.settles(Side::B, Duration::ZERO);
        for side in [Side::A, Side::B] {
            assert_eq!(pair[side].log.transitions(), []);
            pair.journal.expect(side, &[]);
        }
    }
}

/// P3, with nothing left to chance: of twenty messages nineteen in a row are lost. That is a silence of 2 s, or of
/// 4 s if the application causes no message between the heartbeats. 6 s would be a cause.
#[test]
fn nineteen_lost_messages_of_twenty_change_nothing() {
    let setup = Setup { timeout: 6.0, ..Setup::default() };
    let Some((mut pair, filter)) = lay_filtered("nineteen_lost_messages_of_twenty_change_nothing", setup)
    else {
        return;
    };
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        filter.thin_out(side, 20);
    }
    pair.stays_for(8.0);
    for side in [Side::A, Side::B] {
        assert!(filter.dropped(side) >= 19, "{} packets", filter.dropped(side));
        assert_eq!(pair[side].log.transitions(), []);
        assert!(!pair[side].log.has("peer is silent"), "{}", pair[side].log.text());
    }
}

/// P3: a link that goes down and comes up, for less than the timeout, over and over.
#[test]
fn a_flapping_link_changes_nothing() {
    let setup = Setup { timeout: 6.0, ..Setup::default() };
    let Some((mut pair, cable)) = lay("a_flapping_link_changes_nothing", setup) else { return };
    pair.start(Side::A);
    for _ in 0..4 {
        cable.cut();
        pair.stays_for(0.5);
        cable.heal();
        pair.stays_for(0.3);
    }
    pair[Side::A].log.wait("can't send to the peer", AT_ONCE);
    pair.stays();
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), []);
        pair.journal.expect(side, &[]);
    }
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
}

/// A hand-over whose last message is lost. The old side has released the service by then (P5), so that for a moment
/// no side serves. The first message that arrives decides. Never do both serve.
#[test]
fn a_cut_during_a_hand_over_that_ends_in_time() {
    let Some((pair, watch, filter)) = half_way("a_cut_during_a_hand_over_that_ends_in_time", 600.0) else {
        return;
    };
    pair[Side::A].log.wait_state("Standby", AT_ONCE);
    assert!(!pair.journal.has(Side::B, "start"), "it can't have heard of it");
    filter.heal();
    let hot = pair.wait_either(Duration::ZERO);
    pair.stays();
    assert_eq!(watch.end(), [""; 0]);
    assert!(pair.journal.has(hot, "start") && pair.journal.has(hot, "activate"), "{}", pair.journal.text());
}

/// And when the link stays away, each side takes over for itself after its timeout (P8), until it is back.
#[test]
fn a_cut_during_a_hand_over_that_stays() {
    let Some((mut pair, watch, filter)) = half_way("a_cut_during_a_hand_over_that_stays", 3.0) else {
        return;
    };
    drop(watch);
    let timeout = pair.timeout();
    for side in [Side::A, Side::B] {
        pair.wait_hot(side, timeout);
    }
    pair.stays();
    pair.forget();
    filter.heal();
    heals(&mut pair, Side::B);
}

/// The link is cut in both directions while the commands of a hand-over from A run; they end after that.
fn half_way(name: &str, timeout: f64) -> Option<(Pair, Watch, Filter)> {
    let stop = Some("{note}; kill -12 `cat {pid-file}`; until test -e {folder}/cut; do sleep 0.05; done");
    let (mut pair, filter) = lay_filtered(name, Setup { stop, timeout, ..Setup::default() })?;
    pair.start(Side::A);
    let watch = Watch::begin(&pair);
    watch.planned(true);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.journal.wait(Side::A, "stop");
    for side in [Side::A, Side::B] {
        filter.deafen(side);
    }
    fs::write(pair.folder().join("cut"), "").unwrap();
    pair.journal.wait(Side::A, "deactivate");
    Some((pair, watch, filter))
}

/// The daemon of one side dies while the link is cut. Its application goes on serving. A new daemon then asks the
/// peer first (D11).
#[test]
fn a_daemon_that_dies_during_a_cut_gives_way_when_it_is_back() {
    const NAME: &str = "a_daemon_that_dies_during_a_cut_gives_way_when_it_is_back";
    let Some((mut pair, filter)) = lay_filtered(NAME, Setup { priority: [10, 0], ..Setup::default() }) else {
        return;
    };
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        filter.gag(side);
    }
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    pair[Side::A].daemon().kill();
    filter.heal();
    pair.stays();
    pair.forget();

    pair.start_daemon(Side::A);
    heals(&mut pair, Side::B);
}

/// A4: a daemon whose address comes up later, with its network: it waits, and then takes its place.
#[test]
fn an_address_that_appears_late() {
    const ADDRESS: &str = "10.0.0.1/24";
    let Some((mut pair, cable)) = lay("an_address_that_appears_late", Setup::default()) else {
        return;
    };
    cable.remove_address(Side::A, ADDRESS);
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as hot");
    pair.wait_hot(Side::B, Duration::from_secs(2));
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    pair[Side::A].log.wait_state("Standby", AT_ONCE);
    pair[Side::A].log.wait("can't send to the peer", AT_ONCE);
    assert!(!pair[Side::A].log.has("peer is heard"), "{}", pair[Side::A].log.text());
    pair.forget();

    cable.add_address(Side::A, ADDRESS);
    pair[Side::A].log.wait("peer is heard", Duration::from_secs(1));
    pair[Side::B].log.wait("peer is heard", Duration::from_secs(1));
    pair.settles(Side::B, Duration::ZERO);
    pair.forget();
    pair[Side::B].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::A, Duration::ZERO);
}

/// A link that goes down takes its IPv6 addresses with it; when they are back, so is the pair.
#[test]
fn an_ipv6_address_that_goes_with_its_link() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip("an_ipv6_address_that_goes_with_its_link", why),
    };
    let setup = Setup { priority: [10, 0], ..Setup::default() };
    let mut pair = Pair::at(setup, &cable, ["fd00::1", "fd00::2"]);
    pair.start(Side::A);
    cable.cut();
    let timeout = pair.timeout();
    pair.wait_hot(Side::B, timeout);
    cable.heal();
    // The link alone is not enough.
    pair.stays();
    pair.forget();
    cable.add_address(Side::A, "fd00::1/64");
    heals(&mut pair, Side::A);
}
