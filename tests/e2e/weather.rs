//! A cable that loses, delays, doubles and reorders what the daemons say to each other.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use schrittmacher_harness::{
    AT_ONCE, Cable, Emulator, Generation, LEGACY_HEARTBEAT, LOOK, Mixed, Pair, RESOURCE, Setup, Side, Watch,
    Weather, skip, wait_for,
};

/// Thirty heartbeats in a row would have to be lost before a side takes the peer for dead: at 30 % loss, two in
/// 10^16. All these tests together say less than 2,000, which leaves less than 10^-12.
const PATIENCE: f64 = 30.0;

/// A heartbeat so quick that a late packet is overtaken by the next one or two.
fn quick() -> Setup {
    Setup { heartbeat: 0.1, timeout: 0.1 * PATIENCE, ..Setup::default() }
}

/// A heartbeat so slow that no packet is later than one. The rules about crossing packets need that (S10). If old
/// messages arrive later, an order may fail or be undone, although one side is hot in the end.
fn slow() -> Setup {
    Setup { heartbeat: 0.5, timeout: 0.5 * PATIENCE, ..Setup::default() }
}

fn lay(name: &str, setup: Setup) -> Option<(Pair, Emulator)> {
    match Emulator::lay() {
        Ok((cable, emulator)) => Some((Pair::at(setup, &cable, ["10.0.0.1", "10.0.0.2"]), emulator)),
        Err(why) => {
            skip(name, why);
            None
        }
    }
}

/// P3.
fn a_settled_pair_does_not_notice(name: &str, weather: &Weather) {
    let Some((mut pair, emulator)) = lay(name, quick()) else { return };
    pair.start(Side::A);
    emulator.set(weather);
    pair.stays_for(5.0);
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), []);
        assert!(!pair[side].log.has("peer is silent"), "{}", pair[side].log.text());
        pair.journal.expect(side, &[]);
        let toll = emulator.toll(side);
        assert_eq!(toll.lost > 0, weather.loss > 0, "{toll:?}");
        assert_eq!(toll.doubled > 0, weather.doubled > 0, "{toll:?}");
        assert!(toll.reordered > 0 || weather.overtaken == 0, "{toll:?}");
        assert!(toll.carried > 10, "{toll:?}");
    }
}

#[test]
fn a_settled_pair_does_not_notice_loss() {
    a_settled_pair_does_not_notice("a_settled_pair_does_not_notice_loss", &Weather::LOSS);
}

#[test]
fn a_settled_pair_does_not_notice_delay() {
    a_settled_pair_does_not_notice("a_settled_pair_does_not_notice_delay", &Weather::DELAY);
}

#[test]
fn a_settled_pair_does_not_notice_duplicates() {
    a_settled_pair_does_not_notice("a_settled_pair_does_not_notice_duplicates", &Weather::DUPLICATES);
}

#[test]
fn a_settled_pair_does_not_notice_reordering() {
    a_settled_pair_does_not_notice("a_settled_pair_does_not_notice_reordering", &Weather::REORDERING);
}

#[test]
fn a_settled_pair_does_not_notice_a_storm() {
    a_settled_pair_does_not_notice("a_settled_pair_does_not_notice_a_storm", &Weather::STORM);
}

/// The same once more where the kernel has `tc netem`; many kernels have not.
#[test]
fn a_settled_pair_does_not_notice_netem() {
    const NAME: &str = "a_settled_pair_does_not_notice_netem";
    let storm = "loss 30% delay 50ms 40ms distribution normal duplicate 20% reorder 25% 50%";
    let laid = Cable::lay().and_then(|cable| {
        cable.netem("delay 0ms")?;
        Ok(cable)
    });
    let cable = match laid {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let setup = Setup { app_timeout: 600.0, ..quick() };
    let mut pair = Pair::at(setup, &cable, ["10.0.0.1", "10.0.0.2"]);
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    cable.netem(storm).unwrap();
    pair.stays_for(5.0);
    for side in [Side::A, Side::B] {
        assert!(cable.netem_lost(side) > 0);
        assert_eq!(pair[side].log.transitions(), []);
        assert!(!pair[side].log.has("peer is silent"), "{}", pair[side].log.text());
    }
    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, Duration::from_secs(1));
    cable.netem("delay 0ms").unwrap();
    pair.stays();
    pair.journal.expect_unordered(Side::A, &["deactivate", "stop"]);
    pair.journal.expect(Side::B, &["activate", "start"]);
}

/// P1 and P2: with any losses in the negotiation, exactly one side is hot, and it does not change when the
/// weather does.
#[test]
fn a_cold_start_in_a_storm_makes_one_hot() {
    for state in ["unknown", "standby"] {
        let Some((mut pair, emulator)) = lay("a_cold_start_in_a_storm_makes_one_hot", slow()) else { return };
        emulator.set(&Weather::STORM);
        for side in [Side::A, Side::B] {
            pair[side].start_app(&format!("--start-as {state}"));
            pair.start_daemon(side);
        }
        let hot = pair.wait_either(Duration::from_secs(2));
        pair.stays();
        emulator.set(&Weather::CLEAR);
        pair.settles(hot, Duration::ZERO);
    }
}

/// So slow that a side that is told too early shows it.
const SLOW_STOP: Option<&str> = Some("{note}; sleep 0.4; kill -12 `cat {pid-file}`");

/// Late, doubled and out of order, but not lost: each order is carried out, once.
#[test]
fn orders_are_carried_out_in_unrest() {
    let setup = Setup { stop: SLOW_STOP, ..slow() };
    let Some((mut pair, emulator)) = lay("orders_are_carried_out_in_unrest", setup) else { return };
    pair.start(Side::A);
    emulator.set(&Weather::UNREST);
    let watch = Watch::begin(&pair);
    watch.planned(true);
    let mut hot = Side::A;
    for order in ["page failover", "page takeover", "app failover", "app takeover"] {
        let (whose, word) = order.split_once(' ').unwrap();
        let ordered = if word == "failover" { hot } else { hot.other() };
        pair.forget();
        match whose {
            "page" => drop(pair[ordered].page(&format!("?{word}={RESOURCE}"))),
            _ => pair[ordered].tell_app(word),
        }
        pair.settles(hot.other(), Duration::ZERO);
        was_handed_over(&pair, hot);
        hot = hot.other();
    }
    assert_eq!(watch.end(), [""; 0]);
}

/// P5, as the commands saw it.
fn was_handed_over(pair: &Pair, from: Side) {
    pair.journal.expect(from, &["stop", "deactivate"]);
    pair.journal.expect(from.other(), &["activate", "start"]);
    pair.journal.expect_order((from, "deactivate"), (from.other(), "activate"));
}

/// S10: HOTT of the old side is on its way for two seconds, while the new side is told, and goes hot. It is older
/// than the word that made it hot, and no conflict.
#[test]
fn an_old_word_of_the_side_that_gave_way_is_no_conflict() {
    let setup = Setup { heartbeat: 4.0, timeout: 60.0, ..Setup::default() };
    let Some((mut pair, emulator)) = lay("an_old_word_of_the_side_that_gave_way_is_no_conflict", setup)
    else {
        return;
    };
    pair.start_with(Side::A, "", "--switch-time 3000");
    let sent = emulator.toll(Side::B).sent;
    emulator.set_towards(Side::B, &Weather { delay: 2000..=2000, ..Weather::CLEAR });
    wait_for("a heartbeat", Duration::from_secs(4), || (emulator.toll(Side::B).sent > sent).then_some(()));
    emulator.set(&Weather::CLEAR);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.wait_settled(Side::B, Duration::from_secs(3));
    assert!(emulator.toll(Side::B).reordered > 0, "it came too early: {:?}", emulator.toll(Side::B));
    was_handed_over(&pair, Side::A);
    pair.stays_for(3.0);
}

/// An order may get lost with its messages, three times (S3), and the operator gives it again. Never do both
/// serve, and at the end exactly one side does.
#[test]
fn an_order_given_again_is_carried_out_in_a_storm() {
    let setup = Setup { stop: SLOW_STOP, ..slow() };
    let Some((mut pair, emulator)) = lay("an_order_given_again_is_carried_out_in_a_storm", setup) else {
        return;
    };
    pair.start(Side::A);
    emulator.set(&Weather::STORM);
    let watch = Watch::begin(&pair);
    watch.planned(true);
    for (order, to) in [("failover", Side::B), ("takeover", Side::A)] {
        wait_for(order, Duration::from_secs(6), || {
            let from = to.other();
            if pair.is_settled(from) {
                let ordered = if order == "failover" { from } else { to };
                pair[ordered].page(&format!("?{order}={RESOURCE}"));
                // Longer than the nine heartbeats for which a takeover is asked for.
                let given = Instant::now();
                while !pair.is_settled(to) && given.elapsed() < Duration::from_secs(6) {
                    thread::sleep(LOOK);
                }
            }
            pair.is_settled(to).then_some(())
        });
        pair.stays();
    }
    assert_eq!(watch.end(), [""; 0]);
    emulator.set(&Weather::CLEAR);
    pair.settles(Side::A, Duration::ZERO);
}

/// The packets to `side` are lost now and in the next moment.
fn is_lost(emulator: &Emulator, side: Side) {
    let lost = emulator.toll(side).lost;
    wait_for("messages to be lost", Duration::from_secs(2), || {
        (emulator.toll(side).lost >= lost + 4).then_some(())
    });
}

/// A failed side is replaced. It says so at each heartbeat; the first message may be lost.
#[test]
fn failures_are_relieved_in_a_storm() {
    let setup = Setup { app_timeout: 600.0, ..slow() };
    let Some((mut pair, emulator)) = lay("failures_are_relieved_in_a_storm", setup) else { return };
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    emulator.set(&Weather::NIGHT);
    pair[Side::A].app().process.kill();
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    is_lost(&emulator, Side::B);
    emulator.set(&Weather::STORM);
    pair.wait_hot(Side::B, Duration::from_secs(1));
    pair[Side::A].log.wait_state("failed", AT_ONCE);
    pair.journal.expect_unordered(Side::A, &["deactivate", "stop"]);
    pair.journal.expect(Side::B, &["activate", "start"]);

    pair[Side::A].start_app("--start-as standby");
    pair.settles(Side::B, Duration::ZERO);
    // The daemon alone is back before its peer misses it (S7).
    pair[Side::B].daemon().kill();
    pair.start_daemon(Side::B);
    pair.settles(Side::B, Duration::from_secs(1));
    emulator.set(&Weather::CLEAR);
    pair.settles(Side::B, Duration::ZERO);
}

/// S9: a daemon that ends says so until it is heard.
#[test]
fn sigterm_hands_over_in_a_storm() {
    let setup = Setup { stop: SLOW_STOP, timeout: 600.0, ..slow() };
    let Some((mut pair, emulator)) = lay("sigterm_hands_over_in_a_storm", setup) else { return };
    pair.start(Side::A);
    emulator.set(&Weather::STORM);
    let watch = Watch::begin(&pair);
    watch.planned(true);
    emulator.set_towards(Side::B, &Weather::NIGHT);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    pair.journal.wait(Side::A, "deactivate");
    is_lost(&emulator, Side::B);
    emulator.set(&Weather::STORM);
    assert_eq!(pair[Side::A].daemon().wait_code(Duration::from_secs(1)), 0);
    pair.wait_hot(Side::B, Duration::ZERO);
    was_handed_over(&pair, Side::A);
    assert_eq!(watch.end(), [""; 0]);
}

/// Does the same beside both legacy generations, at the two ends of a cable each.
fn beside_both(name: &str, setup: &Setup, what: impl Fn(Mixed, &Emulator) + Sync) {
    thread::scope(|scope| {
        for generation in [Generation::Modern, Generation::Classic] {
            let Some((pair, emulator)) = lay(name, setup.clone()) else { return };
            let what = &what;
            scope.spawn(move || what(Mixed::of(pair, generation), &emulator));
        }
    });
}

/// P7. A legacy daemon beats every two seconds and waits for six or ten. Ours beats often enough for it, and is
/// configured to be as patient.
#[test]
fn beside_a_legacy_peer_only_failures_count_in_a_storm() {
    const NAME: &str = "beside_a_legacy_peer_only_failures_count_in_a_storm";
    let setup = Setup { heartbeat: 0.2, timeout: 2.0 * PATIENCE, ..Setup::default() };
    beside_both(NAME, &setup, |mut mixed, emulator| {
        mixed.start(Side::A);
        mixed[Side::A].wait_believed();
        emulator.set(&Weather::STORM);
        mixed.stays(Side::A);
        mixed.journal.expect(Side::A, &[]);

        mixed[Side::A].app().process.kill();
        wait_for("the legacy side to be hot", LEGACY_HEARTBEAT, || mixed.serves(Side::B).then_some(()));
        mixed.journal.expect_unordered(Side::A, &["stop", "deactivate"]);
        // Not a fit one: a classic peer hands back to a fit side before its own application is hot (D8).
        mixed[Side::A].start_app("--start-as fail");
        mixed.stays(Side::B);
    });
}

/// P7. A classic peer of higher priority may reject a takeover (D15) if the messages about it come doubled or in the
/// wrong order. The operator is told, and orders it again. Never do both serve.
#[test]
fn beside_a_legacy_peer_orders_are_carried_out_in_unrest() {
    beside_both("beside_a_legacy_peer_orders_are_carried_out_in_unrest", &slow(), |mut mixed, emulator| {
        mixed.start(Side::A);
        emulator.set(&Weather::UNREST);
        mixed[Side::A].page(&format!("?failover={RESOURCE}"));
        mixed.settles(Side::B, LEGACY_HEARTBEAT * 2);
        mixed.journal.expect(Side::A, &["stop", "deactivate"]);
        wait_for("the takeover", LEGACY_HEARTBEAT * 2, || {
            if mixed.is_settled(Side::B) {
                mixed[Side::A].page(&format!("?takeover={RESOURCE}"));
                let given = Instant::now();
                while !mixed.is_settled(Side::A) && given.elapsed() < LEGACY_HEARTBEAT * 2 {
                    thread::sleep(LOOK);
                }
            }
            mixed.is_settled(Side::A).then_some(())
        });
        mixed.stays(Side::A);
    });
}
