//! The keeper on real interfaces: two hosts with a cable between them, in network namespaces. Host B is the neighbour.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use schrittmacher_address::{
    Address, AddressJob, AddressKeeper, AddressReport, KeeperSettings, LinkState, SharedPlace, Trouble,
};
use schrittmacher_harness::{AT_ONCE, Cable, Side, skip, wait_for};

/// A hang guard, never a wait.
const GUARD: Duration = Duration::from_secs(20);
const WRONG: &str = "02:00:00:00:00:99";

struct Host {
    cable: Cable,
    keeper: AddressKeeper,
    reports: Receiver<AddressReport>,
}

fn lay(name: &str) -> Option<Host> {
    let cable = Cable::lay().map_err(|why| skip(name, why)).ok()?;
    let (keeper, reports) = start(&cable, Side::A, 0x53);
    Some(Host { cable, keeper, reports })
}

fn start(cable: &Cable, side: Side, owner: u8) -> (AddressKeeper, Receiver<AddressReport>) {
    let (sender, reports) = channel();
    let settings = KeeperSettings { owner };
    let report = move |report| drop(sender.send(report));
    let keeper = cable.end(side).run(|| AddressKeeper::start(settings, report)).unwrap();
    (keeper, reports)
}

fn shared(addresses: &[&str]) -> SharedPlace {
    let address = |text: &&str| {
        let (ip, prefix) = text.split_once('/').unwrap();
        Address { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
    };
    SharedPlace { interface: "cable".to_owned(), addresses: addresses.iter().map(address).collect() }
}

fn give(keeper: &AddressKeeper, job: AddressJob) {
    keeper.give(job).unwrap();
}

fn up(id: usize, shared: &SharedPlace) -> AddressJob {
    let refresh = Duration::from_secs(60);
    AddressJob::Up { id, ticket: 1, shared: shared.clone(), refresh, probe: false }
}

fn addresses(cable: &Cable) -> String {
    cable.end(Side::A).output("ip", "-o addr show dev cable")
}

impl Host {
    fn next(&self) -> AddressReport {
        self.reports.recv_timeout(GUARD).unwrap()
    }

    fn up(&self, shared: &SharedPlace) -> Result<(), String> {
        give(&self.keeper, up(7, shared));
        // The link may say something meanwhile.
        let result = loop {
            if let AddressReport::Up { id: 7, ticket: 1, result } = self.next() {
                break result;
            }
        };
        result.map_err(|(address, trouble)| format!("{address}: {trouble}"))
    }

    fn down(&self, shared: &SharedPlace) {
        give(&self.keeper, AddressJob::Down { id: 7, ticket: 2, shared: shared.clone() });
        let AddressReport::Down { id: 7, ticket: 2, result: Ok(()) } = self.next() else {
            panic!("another report")
        };
    }

    fn addresses(&self) -> String {
        addresses(&self.cable)
    }

    fn neighbour_knows(&self, ip: &str) -> String {
        self.cable.end(Side::B).output("ip", &format!("neigh show {ip} dev cable"))
    }

    fn mac(&self, side: Side) -> String {
        let link = self.cable.end(side).output("ip", "-o link show dev cable");
        link.split("link/ether ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    }
}

#[test]
fn an_address_that_comes_up_is_announced_to_those_that_had_it_elsewhere() {
    let Some(host) = lay("an_address_that_comes_up_is_announced_to_those_that_had_it_elsewhere") else {
        return;
    };
    let service = shared(&["10.0.0.88/32", "fd00::88/128"]);
    for ip in ["10.0.0.88", "fd00::88"] {
        host.cable.end(Side::B).ip(&format!("neigh replace {ip} lladdr {WRONG} dev cable nud reachable"));
    }
    host.up(&service).unwrap();
    let mac = host.mac(Side::A);
    for ip in ["10.0.0.88", "fd00::88"] {
        wait_for(&format!("the neighbour to learn where {ip} is"), AT_ONCE, || {
            host.neighbour_knows(ip).contains(&mac).then_some(())
        });
    }
    let addresses = host.addresses();
    assert!(addresses.contains("10.0.0.88/32") && addresses.contains("fd00::88/128"), "{addresses}");
    let ours = addresses.lines().find(|line| line.contains("fd00::88")).unwrap();
    assert!(!ours.contains("tentative") && !ours.contains("dadfailed"), "{ours}");

    // Somebody else has told the neighbours something: again.
    host.cable.end(Side::B).ip(&format!("neigh replace 10.0.0.88 lladdr {WRONG} dev cable nud reachable"));
    give(&host.keeper, AddressJob::Announce { id: 7 });
    wait_for("the neighbour to learn it again", AT_ONCE, || {
        host.neighbour_knows("10.0.0.88").contains(&mac).then_some(())
    });

    host.down(&service);
    assert!(!host.addresses().contains("88/"), "{}", host.addresses());
    host.down(&service);
}

#[test]
fn an_address_that_somebody_removes_is_put_back_and_announced() {
    let Some(host) = lay("an_address_that_somebody_removes_is_put_back_and_announced") else { return };
    let service = shared(&["10.0.0.88/32", "fd00::88/128"]);
    host.up(&service).unwrap();
    for address in service.addresses {
        let ip = address.ip.to_string();
        host.cable.end(Side::B).ip(&format!("neigh replace {ip} lladdr {WRONG} dev cable nud reachable"));
        host.cable.remove_address(Side::A, &address.to_string());
        let AddressReport::PutBack { id: 7, address: back } = host.next() else { panic!("another report") };
        assert_eq!(back, address);
        assert!(host.addresses().contains(&address.to_string()));
        let mac = host.mac(Side::A);
        wait_for("the neighbour to learn it", AT_ONCE, || {
            host.neighbour_knows(&ip).contains(&mac).then_some(())
        });
    }
}

/// An interface that goes down takes its IPv6 addresses along.
#[test]
fn the_state_of_the_link_is_reported_and_what_it_takes_along_comes_back() {
    let Some(host) = lay("the_state_of_the_link_is_reported_and_what_it_takes_along_comes_back") else {
        return;
    };
    let state = |expected| {
        loop {
            if let AddressReport::Link { interface, state } = host.next() {
                assert_eq!(interface, "cable");
                if state == expected {
                    return;
                }
            }
        }
    };
    give(&host.keeper, AddressJob::Track { interface: "cable".to_owned() });
    state(LinkState::Up);
    host.up(&shared(&["10.0.0.88/32", "fd00::88/128"])).unwrap();
    host.cable.end(Side::B).ip("link set cable down");
    state(LinkState::NoCarrier);
    host.cable.end(Side::A).ip("link set cable down");
    state(LinkState::Down);
    host.cable.end(Side::A).ip("link set cable up");
    host.cable.end(Side::B).ip("link set cable up");
    state(LinkState::Up);
    wait_for("the address to be back", AT_ONCE, || host.addresses().contains("fd00::88/128").then_some(()));
    host.cable.end(Side::A).ip("link del cable");
    state(LinkState::Missing);
    assert_eq!(
        host.up(&shared(&["10.0.0.88/32"])),
        Err("10.0.0.88/32: there is no such interface".to_owned())
    );
}

#[test]
fn an_address_of_somebody_else_is_refused_and_one_of_an_earlier_run_is_not() {
    let Some(host) = lay("an_address_of_somebody_else_is_refused_and_one_of_an_earlier_run_is_not") else {
        return;
    };
    host.cable.add_address(Side::A, "10.0.0.77/24");
    let refused = host.up(&shared(&["10.0.0.88/32", "10.0.0.77/24"])).unwrap_err();
    assert!(refused.contains("10.0.0.77/24: it is on cable already"), "{refused}");
    assert!(!host.addresses().contains("10.0.0.88"), "all or none: {}", host.addresses());

    let service = shared(&["10.0.0.88/32"]);
    host.up(&service).unwrap();
    let (second, reports) = start(&host.cable, Side::A, 0x53);
    give(&second, up(1, &service));
    assert!(matches!(reports.recv_timeout(GUARD).unwrap(), AddressReport::Up { id: 1, result: Ok(()), .. }));
    let (other, reports) = start(&host.cable, Side::A, 0x54);
    give(&other, up(1, &service));
    let AddressReport::Up { id: 1, result: Err((_, Trouble::Foreign { .. })), .. } =
        reports.recv_timeout(GUARD).unwrap()
    else {
        panic!("another report");
    };
    // The next run removes what belongs to no service of its file any more, and nothing that is not its own.
    give(&other, AddressJob::Sweep { keep: vec![] });
    give(&second, AddressJob::Sweep { keep: vec![service] });
    give(&second, AddressJob::Track { interface: "cable".to_owned() });
    assert!(host.addresses().contains("10.0.0.88/32"));
}

#[test]
fn a_sweep_removes_what_belongs_to_no_service_any_more() {
    let Some(host) = lay("a_sweep_removes_what_belongs_to_no_service_any_more") else { return };
    host.up(&shared(&["10.0.0.88/32", "fd00::88/128"])).unwrap();
    let (next, reports) = start(&host.cable, Side::A, 0x53);
    give(&next, AddressJob::Sweep { keep: vec![shared(&["10.0.0.99/32", "fd00::88/128"])] });
    let AddressReport::Swept { address } = reports.recv_timeout(GUARD).unwrap() else {
        panic!("another report")
    };
    assert_eq!(address.to_string(), "10.0.0.88/32");
    let addresses = host.addresses();
    assert!(addresses.contains("10.0.0.1/24") && addresses.contains("fd00::88/128"), "{addresses}");
}

/// The file's prefix has changed while no daemon ran.
#[test]
fn what_an_earlier_run_has_left_with_another_prefix_goes_too() {
    let Some(host) = lay("what_an_earlier_run_has_left_with_another_prefix_goes_too") else { return };
    host.up(&shared(&["10.0.0.88/32", "fd00::88/128"])).unwrap();
    let Host { cable, keeper, .. } = host;
    drop(keeper);
    let (next, reports) = start(&cable, Side::A, 0x53);
    let changed = shared(&["10.0.0.88/24", "fd00::88/64"]);
    give(&next, AddressJob::Down { id: 1, ticket: 3, shared: changed });
    let report = reports.recv_timeout(GUARD).unwrap();
    assert!(matches!(report, AddressReport::Down { ticket: 3, result: Ok(()), .. }), "{report:?}");
    let addresses = addresses(&cable);
    assert!(!addresses.contains("88/"), "{addresses}");
}

/// With `promote_secondaries` off the kernel removes every further address of a network with its first one. It is on if
/// the interface or all interfaces say so.
#[test]
fn the_other_addresses_of_a_network_stay() {
    let Some(host) = lay("the_other_addresses_of_a_network_stay") else { return };
    let service = shared(&["10.7.0.88/24"]);
    for (all, own) in [("0", "0"), ("0", "1"), ("1", "0")] {
        for (name, value) in [("all", all), ("cable", own)] {
            let setting = format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries");
            host.cable.end(Side::A).run(|| std::fs::write(setting, value)).unwrap();
        }
        host.up(&service).unwrap();
        host.cable.add_address(Side::A, "10.7.0.5/24");
        host.down(&service);
        let addresses = host.addresses();
        assert!(addresses.contains("10.7.0.5/24") && !addresses.contains("10.7.0.88"), "{addresses}");
        host.cable.remove_address(Side::A, "10.7.0.5/24");
    }
}

#[test]
fn an_address_that_answers_elsewhere_is_told() {
    let Some(host) = lay("an_address_that_answers_elsewhere_is_told") else { return };
    let service = shared(&["10.0.0.88/32", "fd00::88/128"]);
    for address in &service.addresses {
        host.cable.add_address(Side::B, &address.to_string());
    }
    // Before its interface is ready, an address answers nobody.
    wait_for("the addresses of the other host", AT_ONCE, || {
        let addresses = host.cable.end(Side::B).output("ip", "-o addr show dev cable");
        let ready = |line: &str| line.contains("fd00::88") && !line.contains("tentative");
        addresses.lines().any(ready).then_some(())
    });
    let refresh = Duration::from_secs(60);
    give(&host.keeper, AddressJob::Up { id: 7, ticket: 1, shared: service.clone(), refresh, probe: true });
    assert!(
        matches!(host.next(), AddressReport::Up { id: 7, result: Ok(()), .. }),
        "nothing waits for the answer"
    );
    let mut found = [host.next(), host.next()].map(|report| {
        let AddressReport::Elsewhere { id: 7, address, mac } = report else { panic!("another report") };
        let mac: Vec<_> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(mac.join(":"), host.mac(Side::B));
        address
    });
    found.sort_unstable();
    assert_eq!(found.to_vec(), service.addresses);
}
