use std::time::{Duration, Instant, SystemTime};

use schrittmacher_api::PathHealth;
use schrittmacher_auth::KeyId;
use schrittmacher_config::AuthMode;
use schrittmacher_protocol::{Cause, StateName, Time, Transition};
use schrittmacher_testkit::prometheus::{Families, named_in, parse, promtool};
use schrittmacher_wire::{AppCode, PeerCode};

use super::super::snapshot::{
    AuthFacts, EchoFacts, LinkFacts, PathFacts, ResourceStatus, StatusSnapshot, TargetFacts, WitnessFacts,
};
use super::*;
use crate::admin::Told;
use crate::commands::CommandKind;
use crate::figures::{CommandFigures, ResourceFigures};
use crate::logging::{LogLevel, LostLines};
use crate::witness::pace::Pace;

fn facts() -> PageFacts {
    PageFacts {
        local_address: [10, 0, 0, 1].into(),
        remote_address: [10, 0, 0, 2].into(),
        port: 7700,
        started: Instant::now(),
        started_at: SystemTime::now(),
        told: Told::default(),
        level: LogLevel::default(),
        lost: LostLines::default(),
    }
}

/// Everything that can have a value has one.
fn everything() -> FiguresSnapshot {
    let link = Some(LinkFacts {
        round_trip: Some(Duration::from_micros(400)),
        sent: 30,
        came: 28,
        recently_sent: 30,
        recently_lost: 2,
    });
    let mut resources = vec![
        ResourceStatus {
            frozen: Some((Duration::from_secs(9), String::new())),
            ..ResourceStatus::example("Zed", StateName::Standby)
        },
        ResourceStatus::example("al\"pha\\\n{x}", StateName::Hot),
    ];
    resources[1].peer.alive = true;
    let status = StatusSnapshot {
        clock: Time::new(Duration::from_secs(100)),
        resources,
        auth: Some(AuthFacts {
            mode: AuthMode::Enforce,
            own_key: None,
            peer_key: None::<KeyId>,
            refused: 3,
            last_refusal: None,
            is_deaf: false,
        }),
        link,
        watchdog_armed: Some(true),
        echoes: Some(EchoFacts {
            isolated: false,
            targets: vec![TargetFacts { address: "10.0.0.254".to_owned(), answers: Some(true) }],
        }),
        witness: Some(witness()),
        paths: vec![PathFacts {
            number: 2,
            local: "fe80::1%eth1".to_owned(),
            remote: "fe80::2%eth1".to_owned(),
            health: PathHealth::Works,
            heard: None,
            link,
            losses: 1,
        }],
        ..StatusSnapshot::default()
    };
    let mut snapshot = example(status);
    let figures = &mut snapshot.resources[0];
    figures.heard_peer(PeerCode::ToHot);
    figures.heard_app(AppCode::Lrto);
    figures.said(PeerCode::ToHot);
    figures.ordered(true);
    figures.changed(&Transition { cause: Cause::Tick, from: StateName::Standby, to: StateName::ToHot });
    figures.address_up = Some(true);
    snapshot.node.lateness.observe(Duration::from_millis(3));
    snapshot.node.outages[1].observe(Duration::from_millis(40));
    snapshot.node.configuration = "0badcafe".to_owned();
    snapshot.node.ordered("failover", "refused");
    snapshot.node.stalled(Duration::from_millis(1500));
    figures_of_a_command(&mut snapshot.resources[1]);
    snapshot
}

/// It has taken a long time once.
fn witness() -> WitnessFacts {
    let mut pace = Pace::default();
    pace.note(Duration::from_millis(80), Time::ZERO);
    pace.note(Duration::from_millis(2), Time::ZERO);
    WitnessFacts {
        answers: Some(true),
        alarm: false,
        pace: Some(pace),
        granted: 3,
        refused: 1,
        unreachable: 2,
    }
}

fn figures_of_a_command(figures: &mut ResourceFigures) {
    let time = Duration::from_millis(250);
    figures.commands =
        vec![CommandFigures { kind: CommandKind::Activate, ended: [1, 1], time, failing: false }];
}

fn families() -> Families {
    parse(&render(&everything(), &facts(), Detail::Resource)).unwrap()
}

#[test]
fn the_page_is_valid_and_names_are_only_labels() {
    let families = families();
    let sample = |family: &str, series: &str| families[family].samples[&format!("{family}{series}")];
    assert_eq!(sample("schrittmacher_resource_state", "{resource=\"Zed\",state=\"standby\"}"), 1.0);
    assert_eq!(sample("schrittmacher_resource_frozen", "{resource=\"al\\\"pha\\\\\\n{x}\"}"), 0.0);
    assert_eq!(
        sample(
            "schrittmacher_transitions_total",
            "{resource=\"Zed\",from=\"standby\",to=\"going-hot\",cause=\"time\"}"
        ),
        1.0
    );
    let outages = "schrittmacher_service_interruption_seconds";
    let outages =
        |kind: &str| families[outages].samples[&format!("{outages}_bucket{{kind=\"{kind}\",le=\"0.05\"}}")];
    assert_eq!((outages("planned"), outages("failure")), (0.0, 1.0));
    assert_eq!(sample("schrittmacher_config_info", "{hash=\"0badcafe\"}"), 1.0);
    assert_eq!(sample("schrittmacher_resources", "{service=\"unprotected\"}"), 1.0);
    assert_eq!(sample("schrittmacher_stalls_total", ""), 1.0);
    assert_eq!(sample("schrittmacher_stall_seconds_total", ""), 1.5);
    assert_eq!(sample("schrittmacher_peer_round_trip_seconds", ""), 0.0004);
    assert_eq!(sample("schrittmacher_peer_datagrams_received_total", ""), 28.0);
    assert_eq!(sample("schrittmacher_witness_up", ""), 1.0);
    assert_eq!(sample("schrittmacher_witness_answer_seconds", ""), 0.002);
    assert_eq!(sample("schrittmacher_witness_longest_answer_seconds", ""), 0.08);
    for (outcome, count) in [("granted", 3.0), ("refused", 1.0), ("unreachable", 2.0)] {
        let series = format!("{{outcome=\"{outcome}\"}}");
        assert_eq!(sample("schrittmacher_witness_questions_total", &series), count, "{outcome}");
    }
    let command = "{resource=\"al\\\"pha\\\\\\n{x}\",command=\"activate\"}";
    assert_eq!(sample("schrittmacher_command_seconds_total", command), 0.25);
    assert_eq!(sample("schrittmacher_orders_total", "{order=\"failover\",outcome=\"refused\"}"), 1.0);
    let lateness = &families["schrittmacher_heartbeat_lateness_seconds"].samples;
    assert_eq!(lateness["schrittmacher_heartbeat_lateness_seconds_bucket{le=\"0.002\"}"], 0.0);
    assert_eq!(lateness["schrittmacher_heartbeat_lateness_seconds_bucket{le=\"+Inf\"}"], 1.0);
}

/// For thousands of resources.
#[test]
fn the_detail_of_the_node_has_its_metrics_and_none_of_a_resource() {
    let text = render(&everything(), &facts(), Detail::parse(b"x=y&detail=node"));
    let node = parse(&text).unwrap();
    assert!(!text.contains("Zed"), "{text}");
    let all = families();
    for (name, family) in &all {
        let is_of_resources = family.samples.keys().any(|series| series.contains("{resource"));
        let is_empty = family.samples.is_empty();
        assert!(is_of_resources || is_empty || node.contains_key(name), "{name} is of the node");
    }
    assert!(node.contains_key("schrittmacher_resources") && node.len() > 20);
    assert_eq!(Detail::parse(b"detail=much"), Detail::Resource);
}

/// H3, D18, D19: a recording of 2.0.0 has each of these.
#[test]
fn the_names_of_the_older_program_are_there() {
    let families = families();
    let recorded = include_str!("../../../tests/data/http/get_metrics.txt");
    let recorded = recorded.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '));
    let page = render(&everything(), &facts(), Detail::Resource);
    let mut count = 0;
    for (name, help) in recorded {
        assert!(page.contains(&format!("# HELP {name} {help}\n")), "{name}: {help}");
        let series = if name == "uptime" { name.into() } else { format!("{name}{{resource_name=\"Zed\"}}") };
        assert!(families[name].samples.contains_key(&series), "{series}");
        count += 1;
    }
    assert_eq!(count, 29);
    assert_eq!(families["rx_ltto"].samples["rx_ltto{resource_name=\"Zed\"}"], 1.0);
    assert_eq!(families["rx_2sby"].samples["rx_2sby{resource_name=\"Zed\"}"], 0.0);
    assert_eq!(families["tx_2hot"].samples["tx_2hot{resource_name=\"Zed\"}"], 1.0);
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    match promtool(&["check", "metrics"], &render(&everything(), &facts(), Detail::Resource)) {
        Some(verdict) => assert_eq!(verdict, (true, String::new())),
        None => schrittmacher_harness::skip("promtool_finds_nothing_to_complain_about", "no promtool"),
    }
}

/// What we ship for monitoring names nothing that is not there.
#[test]
fn rules_and_dashboard_name_metrics_that_exist() {
    let rules = include_str!("../../../packaging/monitoring/schrittmacher.rules.yml");
    let dashboard = include_str!("../../../packaging/monitoring/schrittmacher.dashboard.json");
    let parsed: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 10);
    let families = families();
    let used: Vec<String> = named_in(rules).into_iter().chain(named_in(dashboard)).collect();
    assert!(used.len() > 25, "{used:?}");
    for name in used {
        let family = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|part| name.strip_suffix(part).filter(|name| families.contains_key(*name)))
            .unwrap_or(&name);
        assert!(families.contains_key(family), "{name}");
    }
}

#[test]
fn each_alert_comes_when_it_has_to() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/monitoring/rules-test.yml");
    let rules = include_str!("../../../packaging/monitoring/schrittmacher.rules.yml");
    let text = std::fs::read_to_string(tests).unwrap();
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(text.contains(&format!("alertname: {alert}\n")), "no test of {alert}");
    }
    match promtool(&["test", "rules", tests], "") {
        Some((passed, said)) => assert!(passed, "{said}"),
        None => schrittmacher_harness::skip("each_alert_comes_when_it_has_to", "no promtool"),
    }
}

/// Each metric has its line in the document, and the document names no other.
#[test]
fn the_document_has_every_metric() {
    let documented = named_in(include_str!("../../../docs/metrics.md"));
    let ours = families().into_keys().filter(|name| name.starts_with("schrittmacher_")).collect();
    assert_eq!(documented, ours);
}
