//! A unit of systemd as the application, beside a stand-in for systemd on each host.

use std::process::Command;
use std::time::Duration;

use schrittmacher_harness::{AT_ONCE, Obedience, Pair, Setup, Side, Systemd, program, wait_for};

const UNIT: &str = "web.service";
const A_SWITCH: Duration = Duration::from_secs(1);

struct Hosts {
    pair: Pair,
    systemd: [Systemd; 2],
}

impl Hosts {
    /// Both daemons run, and one side serves.
    fn start() -> (Hosts, Side) {
        let mut hosts = Hosts::new();
        for side in [Side::A, Side::B] {
            hosts.pair.start_daemon(side);
        }
        let hot = hosts.wait_hot();
        (hosts, hot)
    }

    /// Both units do nothing.
    fn new() -> Hosts {
        let resource = "unit = web";
        let mut pair = Pair::new(Setup { start: None, stop: None, resource, ..Setup::default() });
        let systemd = [Side::A, Side::B].map(|side| {
            let folder = pair.folder().join(format!("bus-{}", side.name()));
            std::fs::create_dir(&folder).unwrap();
            let systemd = Systemd::start(&folder);
            systemd.add(UNIT);
            pair[side].environment.push(("DBUS_SYSTEM_BUS_ADDRESS", systemd.address().into()));
            systemd
        });
        Hosts { pair, systemd }
    }

    fn systemd(&self, side: Side) -> &Systemd {
        &self.systemd[side.index()]
    }

    /// Waits until one side serves, and the other is ready.
    fn wait_hot(&self) -> Side {
        wait_for("one side to serve, and only one", 2 * A_SWITCH, || {
            [Side::A, Side::B].into_iter().find(|side| {
                let (hot, standby) = (*side, side.other());
                self.pair[hot].log.state() == "Hot"
                    && self.pair[standby].log.state() == "Standby"
                    && self.systemd(hot).activity(UNIT) == "active"
                    && self.systemd(standby).activity(UNIT) != "active"
            })
        })
    }
}

#[test]
fn a_unit_that_dies_or_is_stopped_by_hand_is_taken_over() {
    for (activity, sub, result, words) in [
        ("failed", "failed", "signal", "web.service is failed (signal)"),
        ("deactivating", "stop-sigterm", "success", "somebody else has stopped it"),
        ("activating", "auto-restart", "exit-code", "web.service is activating (auto-restart): exit-code"),
    ] {
        let (hosts, hot) = Hosts::start();
        hosts.systemd(hot).happens(UNIT, activity, sub, result);
        hosts.pair[hot].log.wait(words, AT_ONCE);
        hosts.pair[hot.other()].log.wait_state("Hot", A_SWITCH);
        // Stopped, it is fit again.
        hosts.systemd(hot).wait_call("StopUnit web.service");
        assert_eq!(hosts.wait_hot(), hot.other());
    }
}

#[test]
fn a_unit_that_somebody_else_starts_on_the_standby_side_is_stopped_with_a_warning() {
    let (hosts, hot) = Hosts::start();
    let standby = hot.other();
    hosts.systemd(standby).happens(UNIT, "active", "running", "success");
    hosts.pair[standby].log.wait("this daemon has not started it", AT_ONCE);
    hosts.systemd(standby).wait_call("StopUnit web.service");
    assert_eq!(hosts.wait_hot(), hot);
}

#[test]
fn a_unit_that_runs_when_the_daemons_start_is_hot_and_not_started_again() {
    let mut hosts = Hosts::new();
    hosts.systemd(Side::B).happens(UNIT, "active", "running", "success");
    for side in [Side::A, Side::B] {
        hosts.pair.start_daemon(side);
    }
    assert_eq!(hosts.wait_hot(), Side::B);
    for side in [Side::A, Side::B] {
        let calls = hosts.systemd(side).calls();
        assert!(!calls.contains(&"StartUnit web.service".to_owned()), "{calls:?}");
    }
}

#[test]
fn a_unit_that_cannot_be_started_leaves_the_role_to_the_other_side() {
    for obedience in [
        Obedience::Fails,
        Obedience::Refused("org.freedesktop.systemd1.UnitMasked"),
        Obedience::Refused("org.freedesktop.DBus.Error.AccessDenied"),
    ] {
        let (hosts, hot) = Hosts::start();
        hosts.systemd(hot.other()).obey(UNIT, obedience.clone());
        hosts.pair[hot].page(&format!("?failover={}", schrittmacher_harness::RESOURCE));
        hosts.systemd(hot.other()).wait_call("StartUnit web.service");
        hosts.pair[hot.other()].log.wait("failed here: ", A_SWITCH);
        wait_for("the first side to serve again", 2 * A_SWITCH, || {
            let serves = hosts.systemd(hot).activity(UNIT) == "active";
            (serves && hosts.pair[hot].log.state() == "Hot").then_some(())
        });
    }
}

#[test]
fn a_masked_unit_makes_the_standby_side_unfit_and_leaves_the_hot_one_alone() {
    let (hosts, hot) = Hosts::start();
    let standby = hot.other();
    for side in [hot, standby] {
        hosts.systemd(side).reload(UNIT, "masked", "masked");
    }
    hosts.pair[standby].log.wait_state("failed", A_SWITCH);
    hosts.pair[hot].log.wait("the peer has failed", A_SWITCH);
    assert_eq!(hosts.pair[hot].log.state(), "Hot");
    hosts.systemd(standby).reload(UNIT, "loaded", "disabled");
    assert_eq!(hosts.wait_hot(), hot);
}

/// Everything that the daemon wants of the bus hangs: it is asked to stop the unit, too.
#[test]
fn a_bus_that_hangs_costs_no_heartbeat() {
    let (hosts, hot) = Hosts::start();
    hosts.systemd(hot).hang(true);
    hosts.pair[hot].page(&format!("?failover={}", schrittmacher_harness::RESOURCE));
    hosts.pair[hot].log.wait("systemd cannot be reached: ", Duration::from_secs(8));
    assert!(!hosts.pair[hot.other()].log.has("peer is silent"));
    hosts.systemd(hot).hang(false);
    hosts.pair[hot].log.wait("systemd can be reached again", Duration::from_secs(6));
    hosts.wait_hot();
}

#[test]
fn a_bus_that_is_restarted_costs_no_switch() {
    let (mut hosts, hot) = Hosts::start();
    hosts.systemd[hot.index()].close();
    hosts.pair[hot].log.wait("systemd cannot be reached: ", A_SWITCH);
    hosts.systemd[hot.index()].reopen();
    hosts.pair[hot].log.wait("systemd can be reached again", 2 * A_SWITCH);
    assert_eq!(hosts.wait_hot(), hot);
    assert!(!hosts.pair[hot.other()].log.has("Standby -> "));
    // What happens afterwards is heard.
    hosts.systemd(hot).happens(UNIT, "failed", "failed", "exit-code");
    hosts.pair[hot.other()].log.wait_state("Hot", A_SWITCH);
}

#[test]
fn check_tells_what_else_starts_a_unit_and_why_it_cannot_serve() {
    let hosts = Hosts::new();
    let host = &hosts.pair[Side::A];
    let check = || {
        let mut command = Command::new(program("schrittmacher"));
        command.arg("--check").arg(host.files.config()).envs(host.environment.iter().cloned());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (loading, file, words) in [
        ("loaded", "enabled", "web.service is enabled: systemd starts it at boot"),
        ("masked", "masked", "web.service is masked: this side cannot serve"),
        ("not-found", "", "web.service is not found: this side cannot serve"),
    ] {
        hosts.systemd(Side::A).reload(UNIT, loading, file);
        assert!(check().contains(words), "{}", check());
    }
    hosts.systemd(Side::A).reload(UNIT, "loaded", "disabled");
    assert!(!check().contains("on this host"), "{}", check());
    hosts.systemd(Side::A).hang(true);
    assert!(check().contains("web.service is not known here: "), "{}", check());
}
