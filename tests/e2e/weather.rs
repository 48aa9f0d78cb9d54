//! A cable that loses, delays, doubles and reorders what the daemons say to each other.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Emulator, LOOK, Pair, RESOURCE, Setup, Side, Watch, Weather, skip, wait_for};

/// Thirty heartbeats in a row would have to be lost before anybody takes the peer for dead: at 30 % loss, two in
/// 10^16. All these tests together say less than 2,000, which leaves less than 10^-12.
const PATIENCE: f64 = 30.0;

/// A heartbeat so quick that a late packet is overtaken by the next one or two.
fn quick() -> Setup {
    Setup { heartbeat: 0.1, timeout: 0.1 * PATIENCE, ..Setup::default() }
}

/// A heartbeat so slow that no packet is later than one. That is what the rules about crossing packets ask for
/// (S10): when old words arrive later, an order may fail or be undone, although one side is hot in the end.
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

/// P1 and P2: whatever is lost of the negotiation, exactly one side is hot, and it does not change when the
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

/// Late, doubled and out of order, but not lost: each order is carried out, once.
#[test]
fn orders_are_carried_out_in_unrest() {
    let Some((mut pair, emulator)) = lay("orders_are_carried_out_in_unrest", slow()) else { return };
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

/// An order may get lost with its messages, three times (S3), and the operator gives it again. Never do both
/// serve, and at the end exactly one side does.
#[test]
fn an_order_given_again_is_carried_out_in_a_storm() {
    let Some((mut pair, emulator)) = lay("an_order_given_again_is_carried_out_in_a_storm", slow()) else {
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
                    std::thread::sleep(LOOK);
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

/// What fails is replaced: the failed side says so at each heartbeat.
#[test]
fn failures_are_relieved_in_a_storm() {
    let setup = Setup { app_timeout: 600.0, ..slow() };
    let Some((mut pair, emulator)) = lay("failures_are_relieved_in_a_storm", setup) else { return };
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    emulator.set(&Weather::STORM);
    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, Duration::from_secs(1));
    assert_eq!(pair[Side::A].log.state(), "failed");
    pair.journal.expect_unordered(Side::A, &["deactivate", "stop"]);
    pair.journal.expect(Side::B, &["activate", "start"]);

    pair[Side::A].start_app("--start-as standby");
    pair.settles(Side::B, Duration::ZERO);
    // The daemon alone is back before anybody misses it (S7).
    pair[Side::B].daemon().kill();
    pair.start_daemon(Side::B);
    pair.settles(Side::B, Duration::from_secs(1));
    emulator.set(&Weather::CLEAR);
    pair.settles(Side::B, Duration::ZERO);
}

/// S9: what ends says so until it is heard.
#[test]
fn sigterm_hands_over_in_a_storm() {
    let setup = Setup { timeout: 600.0, ..slow() };
    let Some((mut pair, emulator)) = lay("sigterm_hands_over_in_a_storm", setup) else { return };
    pair.start(Side::A);
    emulator.set(&Weather::STORM);
    let watch = Watch::begin(&pair);
    watch.planned(true);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    assert_eq!(pair[Side::A].daemon().wait_code(Duration::from_secs(1)), 0);
    pair.wait_hot(Side::B, Duration::ZERO);
    was_handed_over(&pair, Side::A);
    assert_eq!(watch.end(), [""; 0]);
}
