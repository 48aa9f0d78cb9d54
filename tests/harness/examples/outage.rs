//! Each kind of switch, as a client behind a bridge sees it, in network namespaces of its own: the second half of
//! `make demo`, for root.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{AT_ONCE, Lan, Pair, Probe, RESOURCE, Setup, Side};

const ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 0, 100)),
    IpAddr::V6(std::net::Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 0x100)),
];

/// The hosts, and the client that asks both addresses all the time.
struct Scene {
    // Before the network in which they live.
    probes: [Probe; 2],
    pair: Pair,
    lan: Lan,
}

fn main() -> ExitCode {
    let lan = match Lan::lay() {
        Ok(lan) => lan,
        Err(why) => {
            println!("  skipped: {why}");
            return ExitCode::SUCCESS;
        }
    };
    let mut scene = Scene::open(lan);
    println!("   {:<56}{:>9}{:>9}", "what happened", "IPv4", "IPv6");
    scene.step("An operator orders a failover", Side::B, |scene| {
        scene.pair[Side::A].page(&format!("?failover={RESOURCE}"));
    });
    scene.step("The hot application is killed", Side::A, |scene| scene.pair[Side::B].app().process.kill());
    scene.pair[Side::B].start_app("--start-as standby");
    scene.pair.wait_settled(Side::A, Duration::from_secs(1));
    scene.step("The hot host dies: timeout 1 s", Side::B, |scene| {
        scene.lan.unplug(Side::A);
        scene.lan.set_heartbeat_link(false);
        scene.pair[Side::A].kill();
    });
    scene.step("The dead host comes back", Side::B, |scene| {
        scene.lan.plug(Side::A);
        scene.lan.set_heartbeat_link(true);
        scene.pair.start_daemon(Side::A);
        scene.pair[Side::A].start_app("--start-as standby");
        scene.pair.wait_settled(Side::B, Duration::from_secs(1));
    });
    scene.step("The daemons' own link is cut: both are hot", Side::A, |scene| {
        scene.lan.set_heartbeat_link(false);
    });
    scene.step("The link is back: the greater priority stays hot", Side::A, |scene| {
        scene.lan.set_heartbeat_link(true);
        scene.pair.wait_settled(Side::A, Duration::from_secs(1));
    });
    scene.step("The hot daemon is stopped (SIGTERM)", Side::B, |scene| {
        scene.pair[Side::A].daemon().signal(Signal::SIGTERM);
    });
    println!("   The longest time for which the address did not answer, asked every 2 ms.\n");
    ExitCode::SUCCESS
}

impl Scene {
    /// A is hot, and the client is answered.
    fn open(lan: Lan) -> Scene {
        let setup = Setup {
            heartbeat: 0.1,
            timeout: 1.0,
            priority: [10, 0],
            resource: "shared-address = 10.1.0.100/24, fd01::100/64\nshared-interface = eth0",
            activate: None,
            deactivate: None,
            ..Setup::default()
        };
        let mut pair = Pair::on(setup, &lan);
        pair.start_daemon(Side::B);
        pair[Side::B].start_app("--start-as standby");
        pair[Side::B].log.wait_state("Standby", AT_ONCE);
        pair[Side::A].start_app("");
        pair.start_daemon(Side::A);
        pair.wait_settled(Side::A, AT_ONCE);
        pair[Side::A].wait_believed();
        pair[Side::B].wait_believed();
        let probes = ADDRESSES.map(|address| Probe::start(&lan, address));
        probes.iter().for_each(Probe::wait_answer);
        Scene { probes, pair, lan }
    }

    /// Lets something happen, waits until `hot` is hot and the client is answered, and prints for how long it was not.
    fn step(&mut self, title: &str, hot: Side, happen: impl FnOnce(&mut Scene)) {
        let begin = Instant::now();
        happen(self);
        self.pair.wait_hot(hot, Duration::from_secs(2));
        // The burst of announcements, one of which may be what brings the client back.
        self.probes.iter().for_each(Probe::wait_answer);
        std::thread::sleep(Duration::from_millis(500));
        let outages = self.probes.each_ref().map(|probe| format!("{} ms", probe.outage(begin).as_millis()));
        println!("   {title:<56}{:>9}{:>9}", outages[0], outages[1]);
    }
}
