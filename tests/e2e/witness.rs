//! `policy = consistent` beside a real etcd: never two, and a role that is taken by the witness's word alone.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{
    Cable, Filter, HTTP_PORT, Pair, Process, RESOURCE, Setup, Side, ctl, holds_for, skip, wait_for,
};
use tempfile::TempDir;

/// Seconds. A quarter of it is what a busy machine may take to stop an application.
pub const PROMISE: u64 = 8;

/// An etcd with one member, on a port of its own.
pub struct Etcd {
    folder: TempDir,
    pub url: String,
    /// Further options.
    pub options: Vec<String>,
    process: Option<Process>,
}

impl Etcd {
    /// On loopback. `None`, and the reason is told, if the program is not here.
    pub fn start(test: &str) -> Option<Etcd> {
        Etcd::start_with(test, "http", Vec::new())
    }

    /// The same, by `http` or `https` and with options.
    pub fn start_with(test: &str, scheme: &str, options: Vec<String>) -> Option<Etcd> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Etcd::start_at(test, &format!("{scheme}://127.0.0.1:{port}"), options, None)
    }

    fn start_at(test: &str, url: &str, options: Vec<String>, cable: Option<&Cable>) -> Option<Etcd> {
        if Command::new("etcd").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip(test, "no etcd; as root: apt-get install etcd-server");
            return None;
        }
        let folder = TempDir::with_prefix("schrittmacher-etcd.").unwrap();
        let mut etcd = Etcd { folder, url: url.to_owned(), options, process: None };
        etcd.run(cable);
        Some(etcd)
    }

    /// Starts it, or starts it again with what it knew.
    pub fn run(&mut self, cable: Option<&Cable>) {
        let url = self.url.as_str();
        let mut command = Command::new("etcd");
        command.arg("--data-dir").arg(self.data()).args(&self.options);
        command.args(["--listen-client-urls", url, "--advertise-client-urls", url]);
        command.args(["--listen-peer-urls", "http://127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let end = cable.map(|cable| cable.end(Side::A));
        self.process = Some(Process::spawn(command, end));
        let connect = || TcpStream::connect(self.place()).ok().map(drop);
        wait_for("etcd to listen", Duration::from_secs(3), || match end {
            Some(end) => end.run(connect),
            None => connect(),
        });
    }

    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Address and port.
    pub fn place(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// What it knows.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A pair under the rule, with this third vote.
    pub fn setup(&self) -> Setup {
        self.setup_at(&self.url)
    }

    /// The same by a detour.
    pub fn setup_at(&self, url: &str) -> Setup {
        let core = format!("witness = etcd {url}\npolicy = consistent\npromise = {PROMISE}");
        Setup { core: core.leak(), priority: [1, 0], ..Setup::default() }
    }
}

pub fn promise() -> Duration {
    Duration::from_secs(PROMISE)
}

pub fn wait_trouble(pair: &Pair, side: Side, text: &str) {
    let place = format!("{}:{HTTP_PORT}", pair[side].address);
    wait_for(text, Duration::from_secs(10), || {
        ctl(["status", "--address", &place]).1.contains(text).then_some(())
    });
}

#[test]
fn a_silent_peers_role_is_taken_by_the_lease_alone() {
    let Some(mut etcd) = Etcd::start("a_silent_peers_role_is_taken_by_the_lease_alone") else { return };
    let mut pair = Pair::new(etcd.setup());
    pair.start(Side::A);
    etcd.kill();
    pair[Side::A].kill();
    pair[Side::B].log.wait("the witness does not answer", pair.timeout());
    holds_for(promise() + pair.timeout(), || {
        if pair[Side::B].log.state() == "Hot" { Err("hot without a vote".to_owned()) } else { Ok(()) }
    });
    pair.forget();
    etcd.run(None);
    pair[Side::B].log.wait("the witness answers", promise());
    pair.wait_hot(Side::B, promise());
}

#[test]
fn a_hot_host_that_dies_is_replaced_beside_a_witness() {
    let Some(etcd) = Etcd::start("a_hot_host_that_dies_is_replaced_beside_a_witness") else { return };
    let mut pair = Pair::new(etcd.setup());
    for hot in [Side::A, Side::B] {
        if hot == Side::A {
            pair.start(hot);
        } else {
            // The other one comes back, and stays standby.
            pair.start_daemon(Side::A);
            pair[Side::A].start_app("--start-as standby");
            pair.wait_settled(hot, promise());
            pair.forget();
        }
        pair[hot].kill();
        pair.wait_hot(hot.other(), pair.timeout() + promise());
    }
}

#[test]
fn a_witness_that_is_away_moves_nothing_and_without_the_peer_too_the_hot_side_stops_in_time() {
    const NAME: &str =
        "a_witness_that_is_away_moves_nothing_and_without_the_peer_too_the_hot_side_stops_in_time";
    let Some(mut etcd) = Etcd::start(NAME) else { return };
    let mut pair = Pair::new(etcd.setup());
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        wait_trouble(&pair, side, "witness answers within");
    }
    etcd.kill();
    for side in [Side::A, Side::B] {
        wait_trouble(&pair, side, "the witness does not answer");
    }
    pair.stays_for(promise().as_secs_f64());
    assert_eq!(pair[Side::A].log.transitions(), []);
    pair.forget();
    pair[Side::B].kill();
    let killed = Instant::now();
    wait_for("the service to be stopped", promise(), || pair.journal.has(Side::A, "stop").then_some(()));
    assert!(killed.elapsed() < promise(), "B may serve by now: {:?}", killed.elapsed());
    pair[Side::A].log.wait("no promise of the peer and no lease of the witness", promise());
    etcd.run(None);
    pair.wait_hot(Side::A, 2 * promise());
}

/// No daemon may come back: the peer would get the lease beside an application that serves.
#[test]
fn a_restart_leaves_no_service_without_a_daemon() {
    let Some(etcd) = Etcd::start("a_restart_leaves_no_service_without_a_daemon") else { return };
    let mut pair = Pair::new(etcd.setup());
    pair.start(Side::A);
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    pair.wait_hot(Side::B, pair.timeout());
    wait_for("the service to be stopped", promise(), || pair.journal.has(Side::A, "stop").then_some(()));
}

/// A pair at the ends of a cable, with filters there, and an etcd that both reach whatever the filters do.
fn cabled(test: &str) -> Option<(Pair, Filter, Etcd, Cable)> {
    let cable = Cable::lay().map_err(|why| skip(test, why)).ok()?;
    let filter = Filter::at(&cable).map_err(|why| skip(test, why)).ok()?;
    let etcd = Etcd::start_at(test, "http://10.0.0.1:2379", Vec::new(), Some(&cable))?;
    let mut pair = Pair::at(etcd.setup(), &cable, ["10.0.0.1", "10.0.0.2"]);
    pair.start(Side::A);
    Some((pair, filter, etcd, cable))
}

/// Where `available` has both sides hot (P8).
#[test]
fn a_cut_link_leaves_the_hot_side_hot_and_the_other_one_standby() {
    const NAME: &str = "a_cut_link_leaves_the_hot_side_hot_and_the_other_one_standby";
    let Some((pair, filter, _etcd, _cable)) = cabled(NAME) else { return };
    for side in [Side::A, Side::B] {
        filter.deafen(side);
    }
    pair[Side::B].log.wait("peer is silent", pair.timeout());
    pair.stays_for(2.5 * promise().as_secs_f64());
    assert!(pair.is_settled(Side::A));
    filter.heal();
    pair.settles(Side::A, Duration::ZERO);
    assert_eq!(pair[Side::B].log.transitions(), []);
}

/// It does not know yet that its peer is one of ours, and must not be taken for one without the rule.
#[test]
fn a_side_that_starts_and_hears_nothing_neither_serves_nor_ends_the_rule() {
    const NAME: &str = "a_side_that_starts_and_hears_nothing_neither_serves_nor_ends_the_rule";
    let Some((mut pair, filter, _etcd, _cable)) = cabled(NAME) else { return };
    filter.deafen(Side::B);
    pair[Side::B].daemon().kill();
    pair.start_daemon(Side::B);
    pair[Side::B].log.wait_state("Standby", Duration::from_secs(1));
    holds_for(promise() + pair.timeout() + Duration::from_secs(10), || {
        if pair[Side::B].log.state() == "Hot" { Err("two are hot".to_owned()) } else { Ok(()) }
    });
    assert!(pair[Side::A].is("Hot"));
    assert!(!pair[Side::A].log.has("does not follow"), "{}", pair[Side::A].log.text());
    filter.heal();
    pair.settles(Side::A, Duration::ZERO);
}

/// Each side is heard by one path and hears by the other one: a promise must not acknowledge by path. No etcd is there to help.
#[test]
fn two_paths_that_are_cut_crosswise_keep_the_word_fresh() {
    let test = "two_paths_that_are_cut_crosswise_keep_the_word_fresh";
    let Ok(cable) = Cable::lay().map_err(|why| skip(test, why)) else { return };
    cable.lay_second();
    let Ok(filter) = Filter::at(&cable).map_err(|why| skip(test, why)) else { return };
    let core = "witness = etcd http://10.0.0.9\npolicy = consistent\npromise = 8\n\
                local-address-2 = 10.0.1.{own}\nremote-address-2 = 10.0.1.{other}";
    let setup = Setup { core, priority: [1, 0], ..Setup::default() };
    let mut pair = Pair::at(setup, &cable, ["10.0.0.1", "10.0.0.2"]);
    pair.start(Side::A);
    pair.forget();
    filter.deafen_at(Side::A, "cable");
    filter.deafen_at(Side::B, "second");
    pair.stays_for(1.5 * promise().as_secs_f64());
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), [], "{}", pair[side].log.text());
    }
}

/// Nobody else can: silence changes nothing under `manual`, and a dead peer answers no request.
#[test]
fn under_manual_an_operator_takes_the_role_of_a_dead_host_by_force() {
    let setup = Setup { core: "policy = manual", priority: [1, 0], ..Setup::default() };
    let mut pair = Pair::new(setup);
    pair.start(Side::A);
    pair[Side::A].kill();
    pair[Side::B].log.wait("peer is silent", pair.timeout());
    let place = format!("{}:{HTTP_PORT}", pair[Side::B].address);
    let (code, _, complaint) = ctl(["takeover", RESOURCE, "--address", &place]);
    assert!(code != 0 && complaint.contains("may still serve"), "{code} {complaint}");
    assert!(pair[Side::B].is("Standby"));
    let (code, _, complaint) = ctl(["takeover", RESOURCE, "--force", "--address", &place]);
    assert_eq!(code, 0, "{complaint}");
    pair.wait_hot(Side::B, pair.timeout());
}
