//! Two daemons of ours with an application each.

use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use schrittmacher_harness::{AT_ONCE, Lan, Pair, Setup, Side};

use super::{Incident, Pace, SERVICE, System, lose};

pub struct Ours {
    pair: Pair,
}

/// The lines of the built-in address.
pub const BUILT_IN: &str = "shared-address = 10.1.0.100/24\nshared-interface = eth0";
/// The same, for links that never bounce.
pub const AT_ONCE_CUT_OFF: &str = "shared-address = 10.1.0.100/24\nshared-interface = eth0\ntrack-delay = 0";

/// With the built-in address by these lines, or with the commands that the manual shows.
pub fn start(lan: &Lan, pace: Pace, built_in: Option<&'static str>) -> Ours {
    let is_built_in = built_in.is_some();
    let heartbeat = Duration::from_millis(pace.period).as_secs_f64();
    let setup = Setup {
        heartbeat,
        timeout: heartbeat * f64::from(u32::try_from(pace.count).unwrap()),
        resource: built_in.unwrap_or_default(),
        activate: (!is_built_in).then_some("ip addr add 10.1.0.100/24 dev eth0"),
        deactivate: (!is_built_in).then_some("ip addr del 10.1.0.100/24 dev eth0"),
        // Both may ask for the role at once: A gets it.
        priority: [10, 0],
        start: Some("kill -10 `cat {pid-file}`"),
        stop: Some("kill -12 `cat {pid-file}`"),
        ..Setup::default()
    };
    assert_eq!(SERVICE, "10.1.0.100");
    let mut pair = Pair::on(setup, lan);
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    pair[Side::A].log.wait_state("Standby", AT_ONCE * 10);
    pair[Side::B].start_app("");
    pair.start_daemon(Side::B);
    pair.wait_settled(Side::B, AT_ONCE * 10);
    // As a service that has been switched before: its daemon knows how long that takes (`track-delay`).
    drop(pair[Side::B].page("?failover=service"));
    Ours { pair }
}

impl System for Ours {
    fn daemon(&self, side: Side) -> u32 {
        self.pair[side].daemon().pid()
    }

    fn settled(&self) -> Side {
        self.pair.wait_settled(Side::A, AT_ONCE * 10);
        // The daemons have told each other so, too.
        std::thread::sleep(Duration::from_secs(1));
        Side::A
    }

    fn strike(&mut self, incident: Incident, lan: &Lan, hot: Side) -> bool {
        match incident {
            Incident::AppKilled => {
                let pid = Pid::from_raw(self.pair[hot].app().pid().cast_signed());
                nix::sys::signal::kill(pid, Signal::SIGKILL).unwrap();
            }
            Incident::HostLost => {
                lose(hot, lan, || {
                    self.pair[hot].daemon().signal_group(Signal::SIGSTOP);
                    self.pair[hot].app().process.signal(Signal::SIGSTOP);
                });
            }
            Incident::Failover => drop(self.pair[hot].page("?failover=service")),
            Incident::DaemonStopped => self.pair[hot].daemon().signal(Signal::SIGTERM),
            Incident::PartitionHealed | Incident::TwoHot => {
                lan.set_heartbeat_link(false);
                let timeout = self.pair.timeout();
                self.pair.wait_hot(hot.other(), timeout);
                lan.set_heartbeat_link(true);
            }
            Incident::CablePulled => lan.unplug(hot),
        }
        true
    }
}
