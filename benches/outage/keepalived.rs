//! Two keepaliveds of Debian with a process to watch each.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{Lan, Process, Side, wait_for};
use tempfile::TempDir;

use super::{Incident, Pace, SERVICE, System, lose};

pub struct Keepalived {
    daemons: [Process; 2],
    apps: [Process; 2],
    lan: [schrittmacher_harness::Namespace; 2],
    _folder: TempDir,
}

/// If it is installed.
pub fn start(lan: &Lan, pace: Pace) -> Option<Keepalived> {
    Command::new("keepalived").arg("--version").stderr(Stdio::null()).output().ok()?;
    let folder = TempDir::with_prefix("schrittmacher-outage.").unwrap();
    let hosts = lan.hosts();
    let start = |side: Side| {
        let (name, own, other) = (side.name(), side.index() + 1, side.other().index() + 1);
        // Looked at each second, as often as a script can be. The kernel tells of processes outside of namespaces only, so
        // `track_process` finds none here. VRRP 2 would round the interval to seconds.
        let mut app = Command::new("sleep");
        app.arg("1000");
        let app = Process::spawn(app, Some(&hosts[side.index()]));
        let pid = app.pid();
        let file = |kind: &str| folder.path().join(format!("{name}.{kind}"));
        let priority = if side == Side::A { 110 } else { 100 };
        let text = format!(
            "global_defs {{\n router_id {name}\n vrrp_version 3\n script_user root\n}}\n\
             vrrp_script app {{\n script \"/usr/bin/test -e /proc/{pid}/exe\"\n interval 1\n fall 1\n rise 1\n}}\n\
             vrrp_instance service {{\n interface hb0\n virtual_router_id 51\n state BACKUP\n nopreempt\n \
             dont_track_primary\n \
             priority {priority}\n advert_int {}\n down_timer_adverts {}\n unicast_src_ip 10.9.0.{own}\n \
             unicast_peer {{\n 10.9.0.{other}\n }}\n track_interface {{\n eth0\n }}\n track_script {{\n app\n }}\n \
             virtual_ipaddress {{\n {SERVICE}/24 dev eth0\n }}\n}}\n",
            Duration::from_millis(pace.period).as_secs_f64(),
            pace.count,
        );
        fs::write(file("conf"), text).unwrap();
        let mut command = Command::new("keepalived");
        command.args(["--dont-fork", "--vrrp", "--log-console", "-D"]);
        for (option, kind) in
            [("-f", "conf"), ("-p", "pid"), ("-r", "vrrp.pid"), ("-c", "checkers.pid"), ("-b", "bfd.pid")]
        {
            command.arg(option).arg(file(kind));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        (Process::spawn(command, Some(&hosts[side.index()])), app)
    };
    let (a, app_a) = start(Side::A);
    wait_for("keepalived to be master", Duration::from_secs(3), || has_address(&hosts[0]).then_some(()));
    let (b, app_b) = start(Side::B);
    Some(Keepalived { daemons: [a, b], apps: [app_a, app_b], lan: hosts, _folder: folder })
}

fn has_address(host: &schrittmacher_harness::Namespace) -> bool {
    host.output("ip", "-o addr show dev eth0").contains(SERVICE)
}

impl System for Keepalived {
    fn daemon(&self, side: Side) -> u32 {
        self.daemons[side.index()].pid()
    }

    fn settled(&self) -> Side {
        // Its standby tells nobody that it is ready; a second of its adverts is enough by far.
        std::thread::sleep(Duration::from_secs(2));
        assert!(has_address(&self.lan[0]) && !has_address(&self.lan[1]));
        Side::A
    }

    fn strike(&mut self, incident: Incident, lan: &Lan, hot: Side) -> bool {
        match incident {
            Incident::AppKilled => self.apps[hot.index()].kill(),
            Incident::HostLost => {
                lose(hot, lan, || self.daemons[hot.index()].signal_group(Signal::SIGSTOP));
            }
            // It has no such order.
            Incident::Failover => return false,
            Incident::DaemonStopped => self.daemons[hot.index()].signal(Signal::SIGTERM),
            Incident::PartitionHealed | Incident::TwoHot => {
                lan.set_heartbeat_link(false);
                wait_for("both to be master", Duration::from_secs(2), || {
                    has_address(&self.lan[1]).then_some(())
                });
                lan.set_heartbeat_link(true);
            }
            Incident::CablePulled => lan.unplug(hot),
        }
        true
    }
}
