//! `/metrics` of real daemons: what monitoring sees of a switch, a freeze and an outage.

use crate::ordered_switch::on;
use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, skip, wait_for};

use schrittmacher_testkit::prometheus::{Families, parse, promtool};

pub fn scraped(pair: &Pair, side: Side) -> (String, Families) {
    let answer = pair[side].page("metrics");
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{head}");
    let families = parse(page).unwrap_or_else(|wrong| panic!("{wrong}\n{page}"));
    (page.to_owned(), families)
}

/// The value of a series; 0 if it is not there.
fn value(pair: &Pair, side: Side, name: &str, labels: &str) -> f64 {
    let (_, families) = scraped(pair, side);
    let series = if labels.is_empty() { name.to_owned() } else { format!("{name}{{{labels}}}") };
    families[name].samples.get(&series).copied().unwrap_or_default()
}

fn resource(pair: &Pair, side: Side, name: &str) -> f64 {
    value(pair, side, name, &format!("resource=\"{RESOURCE}\""))
}

#[test]
fn metrics_show_a_switch_and_are_valid() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair.wait_settled(Side::A, AT_ONCE);
    let protected = |pair: &Pair, side| resource(pair, side, "schrittmacher_resource_protected") == 1.0;
    wait_for("both sides to be protected", AT_ONCE, || {
        (protected(&pair, Side::A) && protected(&pair, Side::B)).then_some(())
    });
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.wait_settled(Side::B, AT_ONCE);
    let labels = format!("resource=\"{RESOURCE}\",from=\"hot\",to=\"releasing\",cause=\"operator\"");
    // An answer may be a tenth of a second old.
    wait_for("the hand-over to be counted", AT_ONCE, || {
        (value(&pair, Side::A, "schrittmacher_transitions_total", &labels) == 1.0).then_some(())
    });
    let order = "order=\"failover\",outcome=\"ordered\"";
    assert_eq!(value(&pair, Side::A, "schrittmacher_orders_total", order), 1.0);
    assert_eq!(value(&pair, Side::A, "schrittmacher_peer_up", ""), 1.0);
    let labels = format!("resource=\"{RESOURCE}\",state=\"hot\"");
    wait_for("both sides to agree", AT_ONCE, || {
        let there = value(&pair, Side::A, "schrittmacher_resource_peer_state", &labels);
        let here = value(&pair, Side::B, "schrittmacher_resource_state", &labels);
        (there == 1.0 && here == 1.0).then_some(())
    });
    let (page, families) = scraped(&pair, Side::B);
    let heartbeats = &families["schrittmacher_heartbeat_lateness_seconds"].samples;
    assert!(heartbeats["schrittmacher_heartbeat_lateness_seconds_count"] > 0.0);
    let interruptions = &families["schrittmacher_service_interruption_seconds"].samples;
    assert!(interruptions["schrittmacher_service_interruption_seconds_count{kind=\"planned\"}"] >= 1.0);
    assert_eq!(interruptions["schrittmacher_service_interruption_seconds_count{kind=\"failure\"}"], 0.0);
    wait_for("the application's process to be believed", AT_ONCE, || {
        (resource(&pair, Side::B, "schrittmacher_application_watched") == 1.0).then_some(())
    });
    let few = pair[Side::B].page("metrics?detail=node");
    assert!(
        few.contains("schrittmacher_resources{service=\"protected\"} 1\n") && !few.contains("resource=\""),
        "{few}"
    );
    let legacy = format!("{{resource_name=\"{RESOURCE}\"}}");
    for name in ["rx_lhot", "tx_hott", "rx_fovr", "start_action", "tx_2hot"] {
        assert!(families[name].samples[&format!("{name}{legacy}")] >= 1.0, "{name}");
    }
    match promtool(&["check", "metrics"], &page) {
        Some(verdict) => assert_eq!(verdict, (true, String::new())),
        None => skip("metrics_show_a_switch_and_are_valid", "no promtool, the rest has run"),
    }
}

#[test]
fn both_sides_measure_the_way_between_them() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair.wait_settled(Side::A, AT_ONCE);
    for side in [Side::A, Side::B] {
        let count =
            |what: &str| value(&pair, side, &format!("schrittmacher_peer_datagrams_{what}_total"), "");
        wait_for("twenty messages of the peer, none of them lost", AT_ONCE, || {
            (count("received") >= 20.0 && count("sent") == count("received")).then_some(())
        });
        let time = value(&pair, side, "schrittmacher_peer_round_trip_seconds", "");
        assert!(time > 0.0, "{time}");
    }
}

#[test]
fn metrics_show_on_both_sides_that_no_side_of_a_frozen_pair_is_hot() {
    let mut pair = Pair::new(Setup { core: "on-exit = handover", ..Setup::default() });
    pair.start(Side::A);
    pair.wait_settled(Side::A, AT_ONCE);
    assert_eq!(on(&pair, Side::B, &["freeze", RESOURCE, "--for", "1h"]).0, 0);
    for side in [Side::A, Side::B] {
        wait_for("both to be frozen", AT_ONCE, || {
            (resource(&pair, side, "schrittmacher_resource_frozen") == 1.0).then_some(())
        });
    }
    pair[Side::A].tell_app("fail");
    for side in [Side::A, Side::B] {
        wait_for("both to say that no side is hot", AT_ONCE, || {
            (resource(&pair, side, "schrittmacher_resource_none_hot") == 1.0).then_some(())
        });
        assert_eq!(resource(&pair, side, "schrittmacher_none_hot_total"), 1.0);
    }
}
