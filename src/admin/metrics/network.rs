//! The metrics of the network: the paths to the peer, the hosts that answer echoes, the witness.

use schrittmacher_api::PathHealth;

use super::text::Kind::{Counter, Gauge};
use super::text::Text;
use crate::admin::snapshot::{EchoFacts, PathFacts, WitnessFacts};

/// Nothing without `ping-address`.
pub(super) fn echoes(text: &mut Text, echoes: Option<&EchoFacts>) {
    text.family("schrittmacher_isolated", Gauge, "Whether no host of `ping-address` answers");
    echoes.inspect(|echoes| text.truth(&[], echoes.isolated));
    text.family("schrittmacher_ping_target_up", Gauge, "Whether this host of `ping-address` answers");
    for target in echoes.map(|echoes| &*echoes.targets).unwrap_or_default() {
        let label = [("address", target.address.as_str())];
        target.answers.inspect(|answers| text.truth(&label, *answers));
    }
}

/// Nothing, unless there are several.
pub(super) fn paths(text: &mut Text, paths: &[PathFacts]) {
    let numbers: Vec<String> = paths.iter().map(|path| path.number.to_string()).collect();
    let all = || paths.iter().zip(&numbers);
    text.family("schrittmacher_path_info", Gauge, "The addresses of a path to the peer; always 1");
    for (path, number) in all() {
        text.sample(&[("path", number), ("local", &path.local), ("remote", &path.remote)], 1.0);
    }
    text.family("schrittmacher_path_up", Gauge, "Whether messages come by a path, and the peer hears ours");
    all().for_each(|(path, number)| text.truth(&[("path", number)], path.health == PathHealth::Works));
    text.family("schrittmacher_path_losses_total", Counter, "How often a path that worked was lost");
    all().for_each(|(path, number)| text.count(&[("path", number)], path.losses));
    text.family(
        "schrittmacher_path_round_trip_seconds",
        Gauge,
        "Time by a path to the peer and back; smoothed",
    );
    for (path, number) in all().filter(|(path, _)| path.health == PathHealth::Works) {
        if let Some(time) = path.link.and_then(|link| link.round_trip) {
            text.sample(&[("path", number)], time.as_secs_f64());
        }
    }
    text.family(
        "schrittmacher_path_datagrams_sent_total",
        Counter,
        "Messages that the peer has sent by a path",
    );
    for (path, number) in all() {
        path.link.inspect(|link| text.count(&[("path", number)], link.sent));
    }
    text.family("schrittmacher_path_datagrams_received_total", Counter, "How many of them have come by it");
    for (path, number) in all() {
        path.link.inspect(|link| text.count(&[("path", number)], link.came));
    }
}

/// Nothing without `witness`.
pub(super) fn witness(text: &mut Text, facts: Option<&WitnessFacts>) {
    text.family("schrittmacher_witness_up", Gauge, "Whether the witness answered when it was last asked");
    facts.and_then(|facts| facts.answers).inspect(|answers| text.truth(&[], *answers));
    let pace = facts.and_then(|facts| facts.pace);
    text.family(
        "schrittmacher_witness_answer_seconds",
        Gauge,
        "How long the witness took to answer last, from the asking on",
    );
    pace.inspect(|pace| text.sample(&[], pace.last.as_secs_f64()));
    text.family("schrittmacher_witness_longest_answer_seconds", Gauge, "The longest of its answers of late");
    pace.inspect(|pace| text.sample(&[], pace.longest.as_secs_f64()));
    text.family("schrittmacher_witness_questions_total", Counter, "Questions for a lease, by their outcome");
    if let Some(WitnessFacts { granted, refused, unreachable, .. }) = facts {
        for (outcome, count) in [("granted", granted), ("refused", refused), ("unreachable", unreachable)] {
            text.count(&[("outcome", outcome)], *count);
        }
    }
}
