//! Many resources in one datagram (`docs/adr/0075-batches.md`), on real sockets.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{
    AT_ONCE, Generation, LEGACY_HEARTBEAT, LEGACY_TIMEOUT, Pair, Setup, Side, beside_both, wait_for,
};

use crate::authentication::write_keys;
use crate::forged::Forger;
use crate::metrics::scraped;

const KEY: &str = "auth-key-file = {folder}/peer.key";

/// Resources beside the one that is protected.
const OTHERS: usize = 30;

/// A pair with many resources. The others have no application, so they settle in Failed.
fn many(setup: Setup) -> Pair {
    let pair = Pair::new(setup);
    [Side::A, Side::B].into_iter().for_each(|side| configure(&pair, side, OTHERS));
    pair
}

/// Replaces the resources of a side's file by this number of others.
fn configure(pair: &Pair, side: Side, others: usize) {
    let file = pair[side].files.config();
    let text = fs::read_to_string(&file).unwrap();
    let own = text.split("\ngroup = resource\nname = other-").next().unwrap();
    let others =
        (0..others).map(|number| format!("\ngroup = resource\nname = other-{number}\napp-timeout = 1\n"));
    fs::write(file, format!("{own}{}", others.collect::<String>())).unwrap();
}

/// How many datagrams the other side has sent, and how many words about all resources this side has heard of it.
fn heard(pair: &Pair, side: Side) -> (f64, f64) {
    let (_, families) = scraped(pair, side);
    let sum = |name: &str| families.get(name).map_or(0.0, |family| family.samples.values().sum::<f64>());
    let words = ["unk", "hott", "stby", "treq", "tcnf", "trej", "fail", "fovr", "2hot", "2sby"];
    let words = words.iter().map(|word| sum(&format!("rx_{word}"))).sum();
    (sum("schrittmacher_peer_datagrams_sent_total"), words)
}

/// Waits until ten datagrams in a row of the other side have had at least `least` words each, in the mean.
fn wait_for_words(pair: &Pair, side: Side, least: f64) {
    let mut before = heard(pair, side);
    wait_for(&format!("{} to hear {least} words in a datagram", side.name()), 10 * AT_ONCE, || {
        let now = heard(pair, side);
        let (datagrams, words) = (now.0 - before.0, now.1 - before.1);
        if datagrams < 10.0 {
            return None;
        }
        before = now;
        (words >= least * datagrams).then_some(())
    });
}

/// Half of all resources: some words leave as a whole, and some heartbeats a moment later than the others.
const SHARED: f64 = OTHERS as f64 / 2.0;

fn both_share(pair: &Pair) {
    [Side::A, Side::B].into_iter().for_each(|side| wait_for_words(pair, side, SHARED));
}

#[test]
fn many_resources_share_their_datagrams_and_a_switch_is_told_at_once() {
    let mut pair = many(Setup::default());
    pair.start(Side::A);
    both_share(&pair);
    pair[Side::A].page("?failover=service");
    pair.settles(Side::B, Duration::ZERO);
    both_share(&pair);
}

#[test]
fn batches_are_signed_and_go_on_with_another_key_and_other_resources() {
    let mut pair = many(Setup { core: KEY, priority: [1, 0], ..Setup::default() });
    write_keys(&pair, &["00000001"]);
    pair.start(Side::A);
    both_share(&pair);
    write_keys(&pair, &["00000002", "00000001"]);
    for (side, others) in [(Side::A, OTHERS + 5), (Side::B, OTHERS - 5)] {
        configure(&pair, side, others);
        pair[side].daemon().signal(Signal::SIGHUP);
        pair[side].log.wait("configuration", AT_ONCE);
    }
    both_share(&pair);
    pair[Side::A].page("?failover=service");
    pair.settles(Side::B, Duration::ZERO);
}

/// It has lost what the numbers mean, and its own begin anew.
#[test]
fn a_peer_that_was_killed_learns_all_words_again() {
    let mut pair = many(Setup::default());
    pair.start(Side::A);
    both_share(&pair);
    pair[Side::B].daemon().kill();
    pair.start_daemon(Side::B);
    pair.settles(Side::A, Duration::ZERO);
    both_share(&pair);
}

#[test]
fn a_peer_with_extensions_off_hears_each_resource_by_itself() {
    let mut pair = many(Setup::default());
    pair.start(Side::A);
    both_share(&pair);
    let file = pair[Side::B].files.config();
    let text = fs::read_to_string(&file).unwrap();
    pair[Side::B].daemon().kill();
    fs::write(file, text.replace("security = legacy", "security = legacy\nextensions = off")).unwrap();
    pair.start_daemon(Side::B);
    pair.settles(Side::A, pair.timeout());
    // Without our extension it tells no number of datagrams. Its own words are what it hears of A.
    let before = heard(&pair, Side::B).1;
    wait_for("B to hear heartbeats", 10 * AT_ONCE, || {
        (heard(&pair, Side::B).1 > before + 100.0).then_some(())
    });
    pair.stays();
}

/// Our side counts its messages only when ours was silent for `timeout`, which is longer than a legacy daemon waits. It hears us
/// nevertheless, and does not go hot.
#[test]
fn a_legacy_daemon_in_the_place_of_ours_does_not_go_hot_beside_us() {
    for core in ["", KEY] {
        let setup = Setup { timeout: 25.0, core, priority: [1, 0], ..Setup::default() };
        beside_both(&setup, |mut mixed| {
            write_keys(&mixed, &["00000001"]);
            // More than two would starve the clock of a 1.8.2 (D30).
            let others = if mixed.generation == Generation::Classic { 1 } else { OTHERS };
            [Side::A, Side::B].into_iter().for_each(|side| configure(&mixed, side, others));
            let pair: &mut Pair = &mut mixed;
            pair.start(Side::A);
            wait_for_words(pair, Side::B, others as f64 * 0.8 + 0.6);
            pair[Side::B].kill();
            mixed.start_legacy(Some("standby"));
            mixed.wait_settled(Side::A, LEGACY_HEARTBEAT);
            let began = Instant::now();
            while began.elapsed() < LEGACY_TIMEOUT {
                mixed.stays(Side::A);
            }
        });
    }
}

/// A batch of somebody who cannot read what the daemons say, and a message as of a legacy daemon: the pair stays, and says
/// everything by itself no more often than it says heartbeats.
#[test]
fn forged_batches_do_nothing() {
    let mut pair = many(Setup { priority: [1, 0], ..Setup::default() });
    pair.start(Side::A);
    both_share(&pair);
    let forger = Forger::against(&pair, Side::A);
    for run in ["0123456789abcdef", "0123456789abcdef 00000000000000ff"] {
        for list in ["1+4095", "1 1 1 1", "999999999999999999", "0", "1+999999999999999999", "x"] {
            for key in ["says", "unknown"] {
                let text = format!("{{\"type\":\"schrittmacher\",\"run\":\"{run}\",\"{key}\":\"{list}\"}}");
                forger.socket.send_to(text.as_bytes(), forger.victim).unwrap();
            }
        }
    }
    pair.stays();
    both_share(&pair);
    let (before, began) = (heard(&pair, Side::B).0, Instant::now());
    for _ in 0..1000 {
        forger.say("UNK", 7, 0, None);
    }
    wait_for_words(&pair, Side::B, SHARED);
    let (datagrams, seconds) = (heard(&pair, Side::B).0 - before, began.elapsed().as_secs_f64());
    // Each heartbeat by itself, and everything at once each three seconds at most.
    let most = (OTHERS + 1) as f64 * ((seconds + 1.0) / 0.2 + seconds / 3.0 + 2.0);
    assert!(datagrams < most, "{datagrams} in {seconds} s");
    assert_eq!(pair[Side::A].log.transitions(), []);
}
