//! Orders that are waited for, looked at beforehand, and taken back; and the story of both sides.

use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, HTTP_PORT, Pair, RESOURCE, Setup, Side, ctl, holds_for, wait_for};
use serde_json::Value;

/// The priority decides about the start, however busy the machine is.
fn setup() -> Setup {
    Setup { priority: [1, 0], ..Setup::default() }
}

pub(crate) fn on(pair: &Pair, side: Side, words: &[&str]) -> (i32, String, String) {
    let config = pair[side].files.config();
    ctl(words.iter().copied().chain(["--config", config.to_str().unwrap()]))
}

#[test]
fn a_failover_is_waited_for_until_the_other_application_is_hot() {
    let mut pair = Pair::new(setup());
    pair.start_with(Side::A, "", "--switch-time 300");
    let (code, said, complaint) = on(&pair, Side::A, &["failover", RESOURCE, "--dry-run"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert!(said.starts_with("failover of service: would be carried out\nnow: hot here for "), "{said}");
    assert!(said.contains("; the peer is standby, heard 0."), "{said}");
    assert!(
        said.ends_with("expected: not known, because there was no such switch since the daemon's start\n"),
        "{said}"
    );
    pair.stays_for(0.0);

    let (code, said, complaint) = on(&pair, Side::A, &["failover", RESOURCE, "--wait"]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("no {text:?} in {said}"));
    let stages = [
        "ordered",
        "hot -> releasing",
        "releasing -> standby",
        "the peer is going-hot",
        "the peer is hot",
        "done in ",
    ];
    assert!(stages.map(place).is_sorted(), "{said}");
    assert!(said.contains("no side was hot for 0."), "{said}");
    pair.settles(Side::B, Duration::ZERO);

    let (code, said, complaint) = on(&pair, Side::A, &["takeover", "--all", "--wait=30s", "--json"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&told["outcome"], &told["resource"]), (&"hot".into(), &RESOURCE.into()), "{told}");
    assert!(told["stages"].as_array().unwrap().len() >= 3, "{told}");
    let (code, _, complaint) = on(&pair, Side::A, &["takeover", "--all"]);
    assert_eq!((code, complaint.as_str()), (1, "schrittmacherctl: no resource is hot on the other side\n"));
    // Both switches were planned, and their times say what the next ones will take.
    for order in ["failover", "takeover"] {
        let (_, said, _) = on(&pair, Side::A, &[order, RESOURCE, "--dry-run"]);
        if order == "failover" {
            assert!(
                said.contains("\nexpected: ")
                    && said.contains(" without service, as with the last such switch; stopping here took "),
                "{said}"
            );
        } else {
            assert_eq!(said, "", "it is hot here already");
        }
    }
    let last = status_of(&pair, Side::A);
    assert_eq!(last["direction"], "here", "{last}");
    assert!(last["by"].as_str().unwrap().ends_with(" at the control socket"), "{last}");
    assert!(last["without_service_seconds"].as_f64().unwrap() > 0.0, "{last}");
    let last = status_of(&pair, Side::B);
    assert_eq!((&last["direction"], last.get("by")), (&"away".into(), None), "{last}");
}

fn status_of(pair: &Pair, side: Side) -> Value {
    let (_, said, _) = on(pair, side, &["status", "--json"]);
    let status: Value = serde_json::from_str(&said).unwrap();
    status["resources"][0]["last_switch"].clone()
}

#[test]
fn a_switch_that_takes_too_long_is_taken_back() {
    let setup = Setup { core: "going-standby-timeout = 1", ..setup() };
    let mut pair = Pair::new(setup);
    pair.start_with(Side::A, "", "--start-as standby --switch-time 60000");
    let (code, said, complaint) = on(&pair, Side::A, &["failover", RESOURCE, "--undo-after", "500ms"]);
    assert_eq!((code, complaint.as_str()), (3, ""), "{said}");
    assert!(said.contains("undone (--undo-after): after "), "{said}");
    assert!(pair[Side::A].is("Hot"), "{}", pair[Side::A].report());
}

#[test]
fn a_switch_to_a_side_that_has_failed_comes_back() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    pair[Side::B].tell_app("fail");
    pair[Side::A].log.wait("not protected: the peer has failed", AT_ONCE);
    let (code, _, complaint) = on(&pair, Side::A, &["failover", RESOURCE, "--wait"]);
    assert_eq!(code, 1);
    assert!(
        complaint.contains("the peer's application has failed") && complaint.contains("--force overrides"),
        "{complaint}"
    );
    let (code, said, complaint) = on(&pair, Side::A, &["failover", RESOURCE, "--wait", "--force"]);
    assert_eq!((code, complaint.as_str()), (3, ""), "{said}");
    assert!(said.contains("NOT SWITCHED: after "), "{said}");
}

#[test]
fn the_daemons_of_both_hosts_are_compared() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    let peer = format!("--peer={}:{HTTP_PORT}", pair[Side::B].address);
    let config = pair[Side::A].files.config();
    let check =
        |words: &[&str]| ctl(["check"].iter().chain(words).copied().chain([config.to_str().unwrap()]));
    let (code, said, complaint) = check(&[&peer]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    assert!(said.ends_with("peer: it answers, and everything fits\n"), "{said}");
    // Our own page is that of a host that is not the peer.
    let own = format!("--peer={}:{HTTP_PORT}", pair[Side::A].address);
    let (code, said, _) = check(&[&own]);
    assert_eq!(code, 1);
    assert!(said.contains("  local-address here, remote-address there: "), "{said}");
    pair[Side::B].kill();
    let (code, said, _) = check(&[&peer]);
    assert_eq!(code, 1);
    assert!(said.contains("peer: NOT COMPARED: no daemon runs"), "{said}");
}

#[test]
fn the_records_of_both_sides_make_one_story() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    assert_eq!(on(&pair, Side::A, &["failover", RESOURCE, "--wait"]).0, 0);
    let files = [Side::A, Side::B].map(|side| pair.folder().join(format!("{}.record", side.name())));
    for (side, file) in [Side::A, Side::B].into_iter().zip(&files) {
        assert_eq!(on(&pair, side, &["record", "-o", file.to_str().unwrap()]).0, 0);
    }
    let [a, b] = files.each_ref().map(|file| file.to_str().unwrap());
    let (code, said, complaint) = ctl(["explain", "--json", RESOURCE, "--record", a, "--record", b]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let place =
        |text: &str| lines.iter().rposition(|line| line["what"].as_str().unwrap().starts_with(text)).unwrap();
    assert!(place("releasing -> standby") < place("HOT here"), "{said}");
    assert!(place("HOT here") < place("the peer is hot"), "{said}");
}

/// The one who runs the tests, as orders name him.
fn user() -> String {
    let user = nix::unistd::getuid();
    if user.is_root() { "root".to_owned() } else { format!("user {user}") }
}

/// What a freeze means for both sides: see `docs/adr/0028-freeze.md`.
#[test]
fn a_frozen_pair_does_not_switch_and_both_sides_know() {
    let mut pair = Pair::new(Setup { core: "on-exit = handover", ..setup() });
    pair.start(Side::A);
    let (code, said, complaint) =
        on(&pair, Side::B, &["freeze", "--all", "--for", "1h", "--reason", "kernel update"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert_eq!(said, "freeze of service for 1 h: ordered, on both sides\n");
    pair[Side::A].log.wait("frozen for", AT_ONCE);
    let frozen = |pair: &Pair, side| on(pair, side, &["status"]).1;
    assert!(frozen(&pair, Side::B).contains("FROZEN for another 59 min"), "{}", frozen(&pair, Side::B));
    assert!(frozen(&pair, Side::A).contains("no reason is known here"), "{}", frozen(&pair, Side::A));

    // The standby host is restarted, and has not forgotten it when the peer fails.
    pair[Side::B].daemon().kill();
    pair.start_daemon(Side::B);
    pair[Side::B].log.wait("frozen for", AT_ONCE);
    pair[Side::B].log.wait_state("Standby", AT_ONCE);
    pair[Side::A].tell_app("fail");
    pair[Side::A].log.wait("NO SIDE IS HOT: failed here, standby there; frozen", AT_ONCE);
    pair[Side::B].log.wait("NO SIDE IS HOT: standby here, failed there; frozen", AT_ONCE);
    for side in [Side::A, Side::B] {
        // An answer may be a tenth of a second old.
        wait_for("the status to say it", AT_ONCE, || {
            let (code, said, _) = on(&pair, side, &["status"]);
            (code == 2 && said.contains("FROZEN for") && said.contains("NO SIDE IS HOT")).then_some(())
        });
    }
    let stays = || if pair[Side::B].is("Standby") { Ok(()) } else { Err(pair[Side::B].report()) };
    holds_for(Duration::from_secs(2), stays);

    // The other side ends it, and one of the two serves at once.
    let (code, said, _) = on(&pair, Side::A, &["thaw", "service"]);
    assert_eq!((code, said.as_str()), (0, "thaw of service: ordered, on both sides\n"));
    pair.wait_either(AT_ONCE);
    pair[Side::B].log.wait("frozen no longer", AT_ONCE);
    assert!(!frozen(&pair, Side::B).contains("FROZEN"), "{}", frozen(&pair, Side::B));
}

#[test]
fn a_frozen_service_goes_on_when_its_daemon_ends() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    assert_eq!(on(&pair, Side::A, &["freeze", "service", "--for=1h"]).0, 0);
    pair[Side::B].log.wait("frozen for", AT_ONCE);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair[Side::B].log.wait("the hot side is silent, and this one is frozen", pair.timeout());
    assert!(pair[Side::B].is("Standby"), "{}", pair[Side::B].report());
    assert!(!pair[Side::A].app().output.has("USR2"), "the application was told to go standby");
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait_state("Hot", AT_ONCE);
    pair[Side::A].log.wait("frozen for", AT_ONCE);
}

#[test]
fn the_history_survives_the_daemon_and_says_who_ordered_what() {
    let mut pair = Pair::new(setup());
    pair.start(Side::A);
    assert_eq!(on(&pair, Side::A, &["failover", RESOURCE, "--wait"]).0, 0);
    let has = |pair: &Pair, text: &str| on(pair, Side::A, &["history"]).1.contains(text);
    wait_for("the history to be written", AT_ONCE, || has(&pair, "hot on the other side").then_some(()));
    pair[Side::A].daemon().kill();
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait_state("Standby", AT_ONCE);
    let (code, said, complaint) = on(&pair, Side::A, &["history", RESOURCE, "--since", "1h", "--json"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let entries: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let place = |text: &str| {
        entries
            .iter()
            .position(|entry| entry["text"].as_str().unwrap().starts_with(text))
            .unwrap_or_else(|| panic!("no {text}: {said}"))
    };
    let order = place("failover of service: ordered");
    assert_eq!(
        (&entries[order]["kind"], &entries[order]["by"]),
        (&"order".into(), &format!("{} at the control socket", user()).into())
    );
    assert!(place("going-hot -> hot: ") < order && order < place("hot on the other side"), "{said}");
    assert!(place("releasing -> standby: ") < place("hot on the other side"), "{said}");
}
