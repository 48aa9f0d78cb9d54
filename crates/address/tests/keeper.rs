//! The keeper on real interfaces: two hosts with a cable between them, in network namespaces. Host B is the neighbour.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::io::Read;
use std::net::UdpSocket;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use schrittmacher_address::{
    Address, AddressJob, AddressKeeper, AddressReport, KeeperSettings, LinkState, Loss, SharedPlace, Trouble,
};
use schrittmacher_harness::{AT_ONCE, Cable, Side, skip, wait_for};
use socket2::{Domain, Protocol, Socket, Type};

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
    on("cable", addresses)
}

fn on(interface: &str, addresses: &[&str]) -> SharedPlace {
    let address = |text: &&str| {
        let (ip, prefix) = text.split_once('/').unwrap();
        Address { ip: ip.parse().unwrap(), prefix: prefix.parse().unwrap() }
    };
    SharedPlace { interface: interface.to_owned(), addresses: addresses.iter().map(address).collect() }
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
        let AddressReport::PutBack { id: 7, address: back, loss } = host.next() else {
            panic!("another report")
        };
        assert_eq!((back, loss), (address, Loss::BySomebody));
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
            if let AddressReport::Link { interface, state, .. } = host.next() {
                assert_eq!(interface, "cable");
                if state == expected {
                    return;
                }
            }
        }
    };
    give(&host.keeper, AddressJob::Track { interface: "cable".to_owned(), ends: vec![] });
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

/// It was said of each that somebody else had removed it.
#[test]
fn an_address_that_the_kernel_has_taken_is_not_said_to_be_removed_by_somebody() {
    let name = "an_address_that_the_kernel_has_taken_is_not_said_to_be_removed_by_somebody";
    let Some(host) = lay(name) else { return };
    let end = host.cable.end(Side::A);
    give(&host.keeper, AddressJob::Track { interface: "cable".to_owned(), ends: vec![] });
    host.up(&shared(&["10.0.0.88/32", "fd00::88/128"])).unwrap();
    let lost = || loop {
        let report = host.next();
        if let AddressReport::PutBack { address, loss, .. } = report {
            return (address.to_string(), loss, true);
        }
        if let AddressReport::Missing { address, loss, .. } = report {
            return (address.to_string(), loss, false);
        }
    };
    let lost_v6 = |loss, is_back| assert_eq!(lost(), ("fd00::88/128".to_owned(), loss, is_back));
    end.ip("link set cable down");
    lost_v6(Loss::WithInterface, true);
    end.ip("link set cable up");
    while !matches!(host.next(), AddressReport::Link { state: LinkState::Up, .. }) {}

    end.ip("link set cable mtu 1000");
    lost_v6(Loss::WithIpv6, false);
    end.ip("link set cable mtu 1500");
    lost_v6(Loss::WithIpv6, true);

    host.cable.remove_address(Side::A, "fd00::88/128");
    lost_v6(Loss::BySomebody, true);
}

/// The senders of ARP frames about 10.0.0.88, as host B sees them.
fn arp_senders(cable: &Cable) -> impl Iterator<Item = [u8; 6]> {
    const ARP: u16 = 0x0806;
    let socket = cable.end(Side::B).run(|| {
        Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(ARP.to_be())))).unwrap()
    });
    socket.set_read_timeout(Some(GUARD)).unwrap();
    std::iter::from_fn(move || {
        let mut frame = [0; 64];
        let length = (&socket).read(&mut frame).unwrap();
        // Ethernet, then the fixed part of ARP, then its sender.
        Some(
            (frame[..length].get(28..32) == Some(&[10, 0, 0, 88])).then(|| frame[22..28].try_into().unwrap()),
        )
    })
    .flatten()
}

/// A bridge takes the MAC address of another port, or a bond that of another member.
#[test]
fn a_new_mac_address_of_the_interface_is_announced() {
    let Some(host) = lay("a_new_mac_address_of_the_interface_is_announced") else { return };
    // A frame of the start is lost otherwise.
    let is_up = |side| host.cable.end(side).output("ip", "-o link show dev cable").contains("state UP");
    wait_for("both ends of the cable", AT_ONCE, || (is_up(Side::A) && is_up(Side::B)).then_some(()));
    let mut senders = arp_senders(&host.cable);
    host.up(&shared(&["10.0.0.88/32"])).unwrap();
    // The series of the start, a request and a reply each: at once, after 0.3, 1 and 5 s.
    senders.by_ref().take(8).for_each(drop);
    host.cable.end(Side::A).ip("link set cable address 02:00:00:00:00:77");
    assert_eq!(senders.next(), Some([2, 0, 0, 0, 0, 0x77]));
}

/// The kernel tells of its place in the bridge in the words for an interface that is gone.
#[test]
fn an_interface_that_leaves_a_bridge_is_not_missing() {
    let Some(host) = lay("an_interface_that_leaves_a_bridge_is_not_missing") else { return };
    let end = host.cable.end(Side::A);
    end.ip("link add bridge type bridge");
    give(&host.keeper, AddressJob::Track { interface: "cable".to_owned(), ends: vec![] });
    end.ip("link set cable master bridge");
    end.ip("link set cable nomaster");
    // The last thing that it is told.
    end.ip("link set cable down");
    loop {
        let AddressReport::Link { state, .. } = host.next() else { continue };
        assert_ne!(state, LinkState::Missing);
        if state == LinkState::Down {
            break;
        }
    }
}

#[test]
fn an_address_follows_the_name_of_its_interface() {
    let Some(host) = lay("an_address_follows_the_name_of_its_interface") else { return };
    let end = host.cable.end(Side::A);
    let service = shared(&["10.0.0.88/32", "fd00::88/128"]);
    host.up(&service).unwrap();
    let has = |interface: &str| {
        let shown = end.output("ip", &format!("-o addr show dev {interface}"));
        ["10.0.0.88/32", "fd00::88/128"].iter().all(|address| shown.contains(address))
    };
    // Another one has the name now.
    end.ip("link set cable down");
    end.ip("link set cable name old");
    end.ip("link add cable type veth peer name far");
    end.ip("link set far up");
    end.ip("link set cable up");
    wait_for("the address on the new interface", AT_ONCE, || has("cable").then_some(()));
    // That one is deleted, and made anew.
    end.ip("link del cable");
    end.ip("link add cable type veth peer name far");
    end.ip("link set far up");
    end.ip("link set cable up");
    wait_for("the address on the newest interface", AT_ONCE, || has("cable").then_some(()));
    // Not one of them has it when it is down.
    give(&host.keeper, AddressJob::Down { id: 7, ticket: 2, shared: service });
    while !matches!(host.next(), AddressReport::Down { id: 7, ticket: 2, result: Ok(()) }) {}
    let all = end.output("ip", "-o addr show");
    assert!(!all.contains("10.0.0.88") && !all.contains("fd00::88"), "{all}");
}

/// Host B learns by ARP where the address is, and the interface has the carrier of the cable below it.
fn is_reached_by(name: &str, interface: &str, lay_interface: &[&str]) {
    let Some(host) = lay(name) else { return };
    for (side, number) in [(Side::A, 1), (Side::B, 2)] {
        let end = host.cable.end(side);
        for words in lay_interface {
            let told = end.tool("ip", words, "").unwrap();
            if String::from_utf8_lossy(&told.stderr).contains("Unknown device type") {
                return skip(name, "this kernel has no such interface");
            }
        }
        end.ip(&format!("link set {interface} up"));
        end.ip(&format!("addr add 10.5.0.{number}/24 dev {interface}"));
    }
    let neighbour = host.cable.end(Side::B);
    let state = |expected| loop {
        if let AddressReport::Link { interface: which, state, .. } = host.next()
            && which == interface
            && state == expected
        {
            break;
        }
    };
    give(&host.keeper, AddressJob::Track { interface: interface.to_owned(), ends: vec![] });
    let service = on(interface, &["10.5.0.88/32"]);
    host.up(&service).unwrap();
    neighbour.run(|| UdpSocket::bind("10.5.0.2:0").unwrap().send_to(b"", "10.5.0.88:9").unwrap());
    wait_for("the neighbour to find it", AT_ONCE, || {
        neighbour
            .output("ip", &format!("neigh show 10.5.0.88 dev {interface}"))
            .contains("lladdr")
            .then_some(())
    });
    neighbour.ip("link set cable down");
    state(LinkState::NoCarrier);
    neighbour.ip("link set cable up");
    state(LinkState::Up);
    host.down(&service);
}

#[test]
fn a_bridge_has_addresses_as_any_interface() {
    let lay = ["link add bridge type bridge forward_delay 0 stp_state 0", "link set cable master bridge"];
    is_reached_by("a_bridge_has_addresses_as_any_interface", "bridge", &lay);
}

#[test]
fn a_vlan_has_addresses_as_any_interface() {
    let lay = ["link add link cable name cable.5 type vlan id 5"];
    is_reached_by("a_vlan_has_addresses_as_any_interface", "cable.5", &lay);
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
    give(&second, AddressJob::Track { interface: "cable".to_owned(), ends: vec![] });
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

/// Somebody gives the interface the address once more, with another prefix, while it is up. It would stay here, and clients reach
/// this host by it. On another interface it stays; that is told.
#[test]
fn what_somebody_has_added_meanwhile_goes_with_the_address() {
    let Some(host) = lay("what_somebody_has_added_meanwhile_goes_with_the_address") else { return };
    let service = shared(&["10.0.0.88/32"]);
    host.up(&service).unwrap();
    host.cable.add_address(Side::A, "10.0.0.88/24");
    host.cable.end(Side::A).ip("addr add 10.0.0.88/32 dev lo");
    host.down(&service);
    let mut told = [host.next(), host.next()].map(|report| {
        let AddressReport::Intruder { id: 7, address, interface, is_removed } = report else {
            panic!("another report")
        };
        format!("{address} {interface} {is_removed}")
    });
    told.sort_unstable();
    assert_eq!(told, ["10.0.0.88/24 cable true", "10.0.0.88/32 lo false"]);
    assert!(!host.addresses().contains("10.0.0.88"), "{}", host.addresses());
    // The standby of another run tells it, too, and removes nothing.
    host.cable.add_address(Side::A, "10.0.0.88/24");
    host.down(&service);
    let told = [host.next(), host.next()];
    let stays = |report: &AddressReport| matches!(report, AddressReport::Intruder { is_removed: false, .. });
    assert!(told.iter().all(stays), "{told:?}");
    assert!(host.addresses().contains("10.0.0.88/24"), "{}", host.addresses());
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

/// A resource was removed by a reload and taken up again: its second switch left the address here, for the sake of the first one.
#[test]
fn the_address_of_a_service_that_is_no_more_stays_and_may_be_taken_down_by_another() {
    let Some(host) = lay("the_address_of_a_service_that_is_no_more_stays_and_may_be_taken_down_by_another")
    else {
        return;
    };
    let service = shared(&["10.0.0.88/32"]);
    host.up(&service).unwrap();
    give(&host.keeper, AddressJob::Forget { id: 7 });
    give(&host.keeper, up(8, &service));
    let AddressReport::Up { id: 8, result: Ok(()), .. } = host.next() else { panic!("another report") };
    assert!(host.addresses().contains("10.0.0.88"), "it was not taken down");
    give(&host.keeper, AddressJob::Down { id: 8, ticket: 2, shared: service });
    let AddressReport::Down { id: 8, ticket: 2, result: Ok(()) } = host.next() else {
        panic!("another report")
    };
    assert!(!host.addresses().contains("10.0.0.88"), "{}", host.addresses());
}

/// A VLAN of the cable is no other way to the other host.
#[test]
fn the_ends_on_another_cable_with_a_connection_are_told_beside_the_link() {
    let Some(host) = lay("the_ends_on_another_cable_with_a_connection_are_told_beside_the_link") else {
        return;
    };
    let end = host.cable.end(Side::A);
    end.ip("addr add 10.5.0.1/24 dev cable");
    end.ip("link add other type veth peer name far");
    end.ip("addr add 10.6.0.1/24 dev other");
    let told = end.tool("ip", "link add link cable name cable.7 type vlan id 7", "").unwrap();
    if told.status.success() {
        end.ip("link set cable.7 up");
        end.ip("addr add 10.7.0.1/24 dev cable.7");
    }
    let ends = ["10.5.0.1", "10.6.0.1", "10.7.0.1", "10.8.0.1"].map(|end| end.parse().unwrap()).to_vec();
    give(&host.keeper, AddressJob::Track { interface: "cable".to_owned(), ends });
    // It is told without being asked again.
    let are = |expected: &[&str]| {
        wait_for("the ways", AT_ONCE, || {
            let AddressReport::Link { ways, .. } = host.next() else { return None };
            let ways: Vec<String> = ways.iter().map(ToString::to_string).collect();
            assert!(!ways.contains(&"10.7.0.1".to_owned()), "it is on the same cable");
            (ways == expected).then_some(())
        });
    };
    are(&[]);
    end.ip("link set far up");
    end.ip("link set other up");
    are(&["10.6.0.1"]);
    end.ip("link set far down");
    are(&[]);
}

/// Its side is standby: nothing asked for the address, and nothing said that it could not be added.
#[test]
fn an_address_of_somebody_else_is_told_before_it_is_wanted() {
    let Some(host) = lay("an_address_of_somebody_else_is_told_before_it_is_wanted") else { return };
    let is = |expected: Option<&str>| loop {
        if let AddressReport::Foreign { id: 7, holder } = host.next() {
            let holder = holder.map(|(address, interface)| format!("{address} on {interface}"));
            return assert_eq!(holder.as_deref(), expected);
        }
    };
    let end = host.cable.end(Side::A);
    end.ip("addr add 10.0.0.89/32 dev cable");
    let service = shared(&["10.0.0.88/32", "10.0.0.89/32"]);
    give(&host.keeper, AddressJob::Watch { id: 7, shared: service.clone() });
    is(Some("10.0.0.89/32 on cable"));
    end.ip("addr del 10.0.0.89/32 dev cable");
    is(None);
    // Our own is no foreign one, here and after the removal.
    host.up(&service).unwrap();
    host.down(&service);
    end.ip("addr add 10.0.0.88/24 dev cable");
    is(Some("10.0.0.88/32 on cable"));
    give(&host.keeper, AddressJob::Unwatch { id: 7 });
    is(None);
}

/// The thread slept for ever, if its owner was gone before it looked.
#[test]
fn what_waits_when_the_owner_goes_is_done() {
    let Some(host) = lay("what_waits_when_the_owner_goes_is_done") else { return };
    host.up(&shared(&["10.0.0.88/32"])).unwrap();
    let (second, reports) = start(&host.cable, Side::A, 0x53);
    give(&second, AddressJob::Sweep { keep: vec![] });
    drop(second);
    assert!(matches!(reports.recv_timeout(GUARD), Ok(AddressReport::Swept { .. })));
    assert!(reports.recv_timeout(GUARD).is_err_and(|error| error == RecvTimeoutError::Disconnected));
}
