//! Every metric: its name, its meaning, and where its value comes from.

use schrittmacher_api::ServiceLevel;
use schrittmacher_protocol::{Generation, StateName, Time};
use schrittmacher_text::wording;
use schrittmacher_wire::{AppCode, PeerCode};

use super::text::{Kind, Labels, Text};
use super::{Detail, network};
use crate::admin::service::PageFacts;
use crate::admin::snapshot::{FiguresSnapshot, ResourceStatus};
use crate::admin::status;
use crate::figures::{ResourceFigures, Unwelcome};
use crate::logging::LostLines;
use Kind::{Counter, Gauge, Untyped};

/// One resource: its state, its figures, and how it is served.
struct One<'a> {
    status: &'a ResourceStatus,
    figures: &'a ResourceFigures,
    service: ServiceLevel,
}

impl One<'_> {
    /// The state of the peer's side, if it is heard.
    fn peer_state(&self) -> Option<StateName> {
        self.status.peer.said.filter(|_| self.status.peer.alive)
    }
}

/// Bytes of a resource in the whole answer, a little more than usual.
const BYTES_OF_ONE: usize = 3500;

pub(super) fn write(snapshot: &FiguresSnapshot, facts: &PageFacts, detail: Detail) -> String {
    let resources: Vec<One<'_>> = snapshot
        .status
        .resources
        .iter()
        .zip(&snapshot.resources)
        .map(|(status, figures)| {
            let peer = status.peer.said.filter(|_| status.peer.alive);
            One { status, figures, service: status::service(status, peer).0 }
        })
        .collect();
    let expected = if detail == Detail::Resource { BYTES_OF_ONE * resources.len() } else { 0 };
    let mut text = Text::with_capacity(expected + (16 << 10));
    node(&mut text, snapshot, facts);
    log_lines(&mut text, &facts.lost);
    peer(&mut text, snapshot, facts, &resources);
    served(&mut text, &resources);
    let mut page = Page { text, resources, clock: snapshot.status.clock };
    if detail == Detail::Resource {
        page.states();
        page.service();
        page.application();
        page.commands();
        legacy(&mut page);
    }
    page.text.family("uptime", Untyped, "Seconds since startup");
    page.text.sample(&[], facts.started.elapsed().as_secs_f64());
    page.text.finish()
}

/// The resources in numbers: what `detail=node` has of them.
fn served(text: &mut Text, resources: &[One<'_>]) {
    text.family("schrittmacher_resources", Gauge, "Number of resources, by how they are served");
    for (service, word) in [
        (ServiceLevel::Protected, "protected"),
        (ServiceLevel::Unprotected, "unprotected"),
        (ServiceLevel::NobodyHot, "nobody-hot"),
        (ServiceLevel::BothHot, "both-hot"),
    ] {
        let count = resources.iter().filter(|one| one.service == service).count();
        text.count(&[("service", word)], count as u64);
    }
}

fn node(text: &mut Text, snapshot: &FiguresSnapshot, facts: &PageFacts) {
    let figures = &snapshot.node;
    text.family("schrittmacher_build_info", Gauge, "The daemon's version; always 1");
    text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    text.family("schrittmacher_start_time_seconds", Gauge, "When the daemon started, in seconds since 1970");
    let started = facts.started_at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    text.sample(&[], started.as_secs_f64());
    text.family(
        "schrittmacher_config_last_good",
        Gauge,
        "1 while the last good configuration is in force, because the file is broken",
    );
    text.truth(&[], figures.file_is_broken);
    text.family(
        "schrittmacher_config_last_reload_successful",
        Gauge,
        "Whether the file that was read last is in force",
    );
    text.truth(&[], !figures.reload_failed && !figures.file_is_broken);
    text.family("schrittmacher_config_info", Gauge, "A hash of the configuration in force; always 1");
    text.sample(&[("hash", &figures.configuration)], 1.0);
    text.family(
        "schrittmacher_config_last_reload_success_timestamp_seconds",
        Gauge,
        "When the configuration in force was put in force, in seconds since 1970",
    );
    let configured = figures.configured_at.unwrap_or(facts.started_at);
    text.sample(&[], configured.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs_f64());
    text.family("schrittmacher_reloads_total", Counter, "Reloads, by their outcome");
    for (outcome, count) in ["in-force", "refused"].into_iter().zip(figures.reloads) {
        text.count(&[("outcome", outcome)], count);
    }
    text.family("schrittmacher_orders_total", Counter, "Orders of operators that were looked at");
    for ((order, outcome), count) in &figures.orders {
        text.count(&[("order", order), ("outcome", outcome)], *count);
    }
    text.family(
        "schrittmacher_heartbeat_lateness_seconds",
        Kind::Histogram,
        "How late heartbeats to the peer were sent, after their time",
    );
    text.histogram(&[], &figures.lateness);
    text.family(
        "schrittmacher_stalls_total",
        Counter,
        "How often the event loop was late by more than 0.1 s: the process did not run",
    );
    text.count(&[], figures.stalls.times);
    text.family("schrittmacher_stall_seconds_total", Counter, "How late it was then, in all");
    text.sample(&[], figures.stalls.lasted.as_secs_f64());
    text.family(
        "schrittmacher_service_interruption_seconds",
        Kind::Histogram,
        "How long no side was hot, as far as this one knows, until one was again; planned switches, and others",
    );
    for (kind, outages) in ["planned", "failure"].into_iter().zip(&figures.outages) {
        text.histogram(&[("kind", kind)], outages);
    }
    text.family(
        "schrittmacher_messages_refused_total",
        Counter,
        "Datagrams and reports that were refused, by the reason",
    );
    for ((_, reason), count) in Unwelcome::ALL.into_iter().zip(figures.refused) {
        text.count(&[("reason", reason)], count);
    }
}

fn log_lines(text: &mut Text, lost: &LostLines) {
    text.family(
        "schrittmacher_log_lines_dropped_total",
        Counter,
        "Log lines for which a place had no room, or which it did not take",
    );
    for (place, count) in lost.by_place() {
        text.count(&[("place", place)], count);
    }
    text.family(
        "schrittmacher_log_lines_left_out_total",
        Counter,
        "Log lines above the limit of their resource",
    );
    text.count(&[], lost.left_out());
}

fn peer(text: &mut Text, snapshot: &FiguresSnapshot, facts: &PageFacts, resources: &[One<'_>]) {
    let newest = resources.iter().map(|one| &one.status.peer).max_by_key(|peer| peer.heard);
    text.family("schrittmacher_peer_up", Gauge, "Whether the peer was heard within its timeout");
    let is_heard = resources.iter().any(|one| one.status.peer.alive);
    text.truth(&[], is_heard);
    text.family("schrittmacher_peer_last_heard_seconds", Gauge, "Age of the peer's last message");
    if let Some(heard) = newest.and_then(|peer| peer.heard) {
        text.sample(&[], snapshot.status.clock.since(heard).as_secs_f64());
    }
    text.family(
        "schrittmacher_peer_info",
        Gauge,
        "The peer's address, and the kind of its program; always 1",
    );
    if let Some(peer) = newest.filter(|peer| peer.heard.is_some()) {
        let program = match peer.generation {
            Generation::Ours { .. } => "ours",
            Generation::Modern => "modern",
            Generation::Classic => "classic",
        };
        text.sample(&[("address", &facts.remote_address.to_string()), ("program", program)], 1.0);
    }
    let link = snapshot.status.link;
    text.family(
        "schrittmacher_peer_round_trip_seconds",
        Gauge,
        "Time to the peer and back, without its own waiting; smoothed",
    );
    let time = link.filter(|_| is_heard).and_then(|link| link.round_trip);
    time.inspect(|time| text.sample(&[], time.as_secs_f64()));
    text.family(
        "schrittmacher_peer_datagrams_sent_total",
        Counter,
        "Messages that the peer has sent, by their numbers",
    );
    link.inspect(|link| text.count(&[], link.sent));
    text.family("schrittmacher_peer_datagrams_received_total", Counter, "How many of them have come");
    link.inspect(|link| text.count(&[], link.came));
    network::paths(text, &snapshot.status.paths);
    text.family(
        "schrittmacher_watchdog_armed",
        Gauge,
        "Whether the host is reset if the daemon stands still",
    );
    snapshot.status.watchdog_armed.inspect(|is_armed| text.truth(&[], *is_armed));
    text.family(
        "schrittmacher_fences_total",
        Counter,
        "Runs of `fence-action`, with their repetitions, by what they have shown",
    );
    for (outcome, count) in ["confirmed", "not-confirmed", "in-vain"].into_iter().zip(snapshot.node.fences) {
        text.count(&[("outcome", outcome)], count);
    }
    network::echoes(text, snapshot.status.echoes.as_ref());
    network::witness(text, snapshot.status.witness.as_ref());
    let auth = snapshot.status.auth;
    text.family("schrittmacher_auth_enabled", Gauge, "Whether there is a key for the peer");
    text.truth(&[], auth.is_some());
    text.family("schrittmacher_auth_peer_signs", Gauge, "Whether the peer signs its messages");
    auth.inspect(|auth| text.truth(&[], auth.peer_key.is_some()));
    text.family(
        "schrittmacher_auth_refused_total",
        Counter,
        "Datagrams from the peer's address whose signature does not count",
    );
    auth.inspect(|auth| text.count(&[], auth.refused));
    text.family(
        "schrittmacher_auth_peer_hears_nothing",
        Gauge,
        "Whether the peer is heard, and hears nothing of this host",
    );
    auth.inspect(|auth| text.truth(&[], auth.is_deaf));
}

/// What has a value for each resource.
struct Page<'a> {
    text: Text,
    resources: Vec<One<'a>>,
    clock: Time,
}

impl Page<'_> {
    /// A family with at most one sample for each resource.
    fn each(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Fn(&One<'_>) -> Option<f64>) {
        self.many(name, kind, help, |one, text, name| {
            if let Some(value) = value(one) {
                text.sample(&[name], value);
            }
        });
    }

    /// The same of something that is or is not so.
    fn truth(&mut self, name: &'static str, help: &str, value: impl Fn(&One<'_>) -> bool) {
        self.each(name, Gauge, help, |one| Some(f64::from(u8::from(value(one)))));
    }

    /// A family with any number of samples for each resource, whose label comes first.
    fn many(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &str,
        mut samples: impl FnMut(&One<'_>, &mut Text, (&str, &str)),
    ) {
        self.text.family(name, kind, help);
        for one in &self.resources {
            samples(one, &mut self.text, ("resource", &one.status.name));
        }
    }

    fn states(&mut self) {
        self.many(
            "schrittmacher_resource_state",
            Gauge,
            "1 for the state of this side",
            |one, text, name| {
                for state in StateName::ALL {
                    text.truth(&[name, ("state", wording::state(state))], state == one.status.state);
                }
            },
        );
        let help = "1 for the state of the peer's side; all are 0 while it is not heard";
        self.many("schrittmacher_resource_peer_state", Gauge, help, |one, text, name| {
            for state in StateName::ALL {
                text.truth(&[name, ("state", wording::state(state))], one.peer_state() == Some(state));
            }
        });
        let clock = self.clock;
        self.each(
            "schrittmacher_resource_state_seconds",
            Gauge,
            "How long this side has been in its state",
            |one| Some(clock.since(one.status.since).as_secs_f64()),
        );
        let help = "Changes of state of this side that have occurred, by the kind of their cause";
        self.many("schrittmacher_transitions_total", Counter, help, |one, text, name| {
            for ((from, to, cause), count) in &one.figures.transitions {
                let (from, to) = (wording::state(*from), wording::state(*to));
                text.count(&[name, ("from", from), ("to", to), ("cause", cause)], *count);
            }
        });
        self.each("schrittmacher_resource_priority", Gauge, "The key `priority`", |one| {
            Some(one.status.priority.into())
        });
        self.each("schrittmacher_heartbeat_seconds", Gauge, "The key `heartbeat`", |one| {
            Some(one.status.heartbeat.as_secs_f64())
        });
        self.each("schrittmacher_timeout_seconds", Gauge, "The key `timeout`", |one| {
            Some(one.status.timeout.as_secs_f64())
        });
    }

    fn service(&mut self) {
        self.truth(
            "schrittmacher_resource_protected",
            "Whether one side is hot and the other standby",
            |one| one.service == ServiceLevel::Protected,
        );
        self.truth("schrittmacher_resource_both_hot", "Whether both sides are hot", |one| {
            one.service == ServiceLevel::BothHot
        });
        let help = "Whether no side is known to be hot or on its way";
        self.truth("schrittmacher_resource_none_hot", help, |one| one.service == ServiceLevel::NobodyHot);
        self.truth(
            "schrittmacher_resource_frozen",
            "Whether an operator forbids automatic switches",
            |one| one.status.frozen.is_some(),
        );
        let help = "Whether it starts nothing by itself: the peer was never heard, the file is broken, or its address is elsewhere";
        self.truth("schrittmacher_resource_held", help, |one| one.figures.held);
        self.each("schrittmacher_both_hot_total", Counter, "How often both sides were hot", |one| {
            Some(whole(one.figures.both_hot.times))
        });
        self.each("schrittmacher_both_hot_seconds_total", Counter, "How long both sides were hot", |one| {
            Some(one.figures.both_hot.lasted.as_secs_f64())
        });
        let help = "The number of this side's last promotion; absent if none is known";
        self.each("schrittmacher_epoch", Gauge, help, |one| one.status.epoch.map(whole));
        let help = "How often no side was hot for longer than a switch takes, or while frozen";
        self.each("schrittmacher_none_hot_total", Counter, help, |one| {
            Some(whole(one.figures.nobody_hot.times))
        });
        let help = "How long no side was hot since one was, short switches too";
        self.each("schrittmacher_none_hot_seconds_total", Counter, help, |one| {
            Some(one.figures.nobody_hot.lasted.as_secs_f64())
        });
        let help = "Whether the address that the daemon brings up is up; absent without one";
        self.each("schrittmacher_address_up", Gauge, help, |one| {
            one.figures.address_up.map(|up| f64::from(u8::from(up)))
        });
        let help = "How often the address was gone, by somebody else or with its interface, and the daemon has put it back";
        self.each("schrittmacher_address_put_back_total", Counter, help, |one| {
            one.figures.address_up.map(|_| whole(one.figures.put_back))
        });
    }

    fn application(&mut self) {
        self.truth(
            "schrittmacher_application_failed",
            "Whether the application has failed, or is silent",
            |one| one.status.app.failed,
        );
        let help =
            "Whether the end of the application is noticed at once: its process is known, or systemd tells";
        self.truth("schrittmacher_application_watched", help, |one| one.figures.watched);
        let clock = self.clock;
        let help = "Age of the application's last report";
        self.each("schrittmacher_application_last_report_seconds", Gauge, help, |one| {
            one.status.app.heard.map(|heard| clock.since(heard).as_secs_f64())
        });
    }

    fn commands(&mut self) {
        let help = "Commands that have ended, by their outcome";
        self.many("schrittmacher_commands_total", Counter, help, |one, text, name| {
            for of_kind in &one.figures.commands {
                for (outcome, count) in ["success", "failure"].into_iter().zip(of_kind.ended) {
                    text.count(&[name, ("command", of_kind.kind.as_str()), ("outcome", outcome)], count);
                }
            }
        });
        let help = "How long the commands that have ended ran, in all";
        self.many("schrittmacher_command_seconds_total", Counter, help, |one, text, name| {
            for of_kind in &one.figures.commands {
                text.sample(&[name, ("command", of_kind.kind.as_str())], of_kind.time.as_secs_f64());
            }
        });
        let help = "Whether a command failed when it was tried last";
        self.many("schrittmacher_command_failing", Gauge, help, |one, text, name| {
            for of_kind in &one.figures.commands {
                text.truth(&[name, ("command", of_kind.kind.as_str())], of_kind.failing);
            }
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "the format has no other numbers; exact up to 2^53")]
fn whole(count: u64) -> f64 {
    count as f64
}

/// The names of the older program, with its help (H3). Its label `resource-name` was not valid (D19). 2HOT had no name of its
/// own (D18).
fn legacy(page: &mut Page<'_>) {
    type Count = fn(&ResourceFigures) -> u64;
    let families: [(&'static str, &str, Count); 31] = [
        ("rx_2hot", "Total number of received 2HOT packets", |f| f.peer_received[PeerCode::ToHot as usize]),
        ("rx_2sby", "Total number of received 2SBY packets", |f| {
            f.peer_received[PeerCode::ToStandby as usize]
        }),
        ("rx_fail", "Total number of received FAIL packets", |f| f.peer_received[PeerCode::Fail as usize]),
        ("rx_fovr", "Total number of received FOVR packets", |f| f.peer_received[PeerCode::Fovr as usize]),
        ("rx_hott", "Total number of received HOTT packets", |f| f.peer_received[PeerCode::Hott as usize]),
        ("rx_l2ht", "Total number of received L2HT packets", |f| f.app_received[AppCode::L2ht as usize]),
        ("rx_l2sb", "Total number of received L2SB packets", |f| f.app_received[AppCode::L2sb as usize]),
        ("rx_lfai", "Total number of received LFAI packets", |f| f.app_received[AppCode::Lfai as usize]),
        ("rx_lhot", "Total number of received LHOT packets", |f| f.app_received[AppCode::Lhot as usize]),
        ("rx_lrfo", "Total number received LRFO packets", |f| f.app_received[AppCode::Lrfo as usize]),
        ("rx_lsby", "Total number of received LSBY packets", |f| f.app_received[AppCode::Lsby as usize]),
        ("rx_lrto", "Total number of received LRTO packets", |f| f.app_received[AppCode::Lrto as usize]),
        ("rx_ltto", "Total number of received LRTO packets", |f| f.app_received[AppCode::Lrto as usize]),
        ("rx_lunk", "Total number of received LUNK packets", |f| f.app_received[AppCode::Lunk as usize]),
        ("rx_sby", "Total number of received SBY packets", |f| f.peer_received[PeerCode::Stby as usize]),
        ("rx_tcnf", "Total number of received TCNF packets", |f| f.peer_received[PeerCode::Tcnf as usize]),
        ("rx_trej", "Total number of received TREJ packets", |f| f.peer_received[PeerCode::Trej as usize]),
        ("rx_treq", "Total number of received TREQ packets", |f| f.peer_received[PeerCode::Treq as usize]),
        ("rx_unk", "Total number of received UNK packets", |f| f.peer_received[PeerCode::Unk as usize]),
        ("start_action", "Total count of start action requests", |f| f.orders[0]),
        ("stop_action", "Total count of stop action requests", |f| f.orders[1]),
        ("tx_2hot", "Total number of sent 2HOT packets", |f| f.sent[PeerCode::ToHot as usize]),
        ("tx_2sby", "Total number of sent 2SBY packets", |f| f.sent[PeerCode::ToStandby as usize]),
        ("tx_fail", "Total number of sent FAIL packets", |f| f.sent[PeerCode::Fail as usize]),
        ("tx_fovr", "Total number of sent FOVR packets", |f| f.sent[PeerCode::Fovr as usize]),
        ("tx_hott", "Total number of sent HOTT packets", |f| f.sent[PeerCode::Hott as usize]),
        ("tx_sby", "Total number of sent SBY packets", |f| f.sent[PeerCode::Stby as usize]),
        ("tx_tcnf", "Total number of sent TCNF packets", |f| f.sent[PeerCode::Tcnf as usize]),
        ("tx_trej", "Total number of sent TREJ packets", |f| f.sent[PeerCode::Trej as usize]),
        ("tx_treq", "Total number of sent TREQ packets", |f| f.sent[PeerCode::Treq as usize]),
        ("tx_unk", "Total number of sent UNK packets", |f| f.sent[PeerCode::Unk as usize]),
    ];
    for (name, help, count) in families {
        page.text.family(name, Untyped, help);
        for one in &page.resources {
            let labels: Labels<'_> = &[("resource_name", &one.status.name)];
            page.text.count(labels, count(one.figures));
        }
    }
}
