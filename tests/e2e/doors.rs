//! A datagram from the wire never counts as one of this host (A2), with any source address. And what this host may say is
//! bounded in its effect (P6).

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::{Domain, Protocol, Socket, Type};

use schrittmacher_harness::{
    AT_ONCE, Cable, PORT, Pair, RESOURCE, Setup, Side, is_root, report, skip, wait_for,
};

/// Sends a datagram with any address as its source, and the hop limit of a direct neighbour.
pub fn forge(source: SocketAddrV6, to: SocketAddrV6, payload: &[u8]) {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let mut udp =
        [source.port().to_be_bytes(), to.port().to_be_bytes(), length.to_be_bytes(), [0, 0]].concat();
    udp.extend(payload);
    let checksum = checksum(*source.ip(), *to.ip(), &udp);
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([17, 255]);
    packet.extend(source.ip().octets());
    packet.extend(to.ip().octets());
    packet.extend(udp);
    // 255 is IPPROTO_RAW: the header is ours.
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::from(255))).unwrap();
    let to = SocketAddr::from((*to.ip(), 0));
    assert_eq!(socket.send_to(&packet, &to.into()).unwrap(), packet.len());
}

/// RFC 768 and RFC 8200, 8.1.
fn checksum(source: Ipv6Addr, to: Ipv6Addr, udp: &[u8]) -> u16 {
    let mut bytes = [source.octets(), to.octets()].concat();
    bytes.extend(u32::try_from(udp.len()).unwrap().to_be_bytes());
    bytes.extend(17u32.to_be_bytes());
    bytes.extend(udp);
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from_be_bytes([0, 0, pair[0], *pair.get(1).unwrap_or(&0)])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// door-1: Linux delivers a datagram from the wire whose source is the receiver's own address.
#[test]
fn a_neighbour_with_our_own_address_is_a_stranger() {
    const NAME: &str = "a_neighbour_with_our_own_address_is_a_stranger";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let mut pair = Pair::at(Setup::default(), &cable, ["fd00::1", "fd00::2"]);
    let victim: Ipv6Addr = "fd00::1".parse().unwrap();
    let order = report("LRFO", RESOURCE);
    let attack = |port| {
        let to = SocketAddrV6::new(victim, port, 0, 0);
        let source = SocketAddrV6::new(victim, 40_000, 0, 0);
        cable.end(Side::B).run(|| forge(source, to, order.as_bytes()));
    };
    pair.start(Side::A);
    for port in [PORT, PORT + 1] {
        attack(port);
    }
    pair.stays();

    // The same words from this host are an order.
    cable.end(Side::A).run(|| {
        let socket = UdpSocket::bind((victim, 0)).unwrap();
        socket.send_to(order.as_bytes(), (victim, PORT + 1)).unwrap();
    });
    pair.settles(Side::B, Duration::ZERO);

    // While no peer is heard, every stranger is named: the forged datagrams do arrive.
    pair[Side::B].kill();
    let timeout = pair.timeout();
    pair.wait_hot(Side::A, timeout);
    pair[Side::A].log.wait("peer is silent", AT_ONCE);
    attack(PORT + 1);
    pair[Side::A].log.wait("unexpected datagram from fd00::1", AT_ONCE);
    assert!(pair[Side::A].is("Hot"));
}

/// door-6: every report is another one, and they come as fast as they can.
#[test]
fn an_application_that_changes_its_mind_drowns_neither_the_peer_nor_the_log() {
    const FLOOD: Duration = Duration::from_secs(2);
    let mut pair = Pair::new(Setup::default());
    let peer = UdpSocket::bind((pair[Side::B].address, PORT)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    pair.start_daemon(Side::A);
    peer.recv(&mut [0; 2000]).unwrap();

    peer.set_nonblocking(true).unwrap();
    let app = UdpSocket::bind((pair[Side::A].address, 0)).unwrap();
    let daemon = (pair[Side::A].address, PORT + 1);
    let (began, mut reports, mut heard) = (Instant::now(), 0_u32, 0_u32);
    while began.elapsed() < FLOOD {
        for code in ["LFAI", "LSBY", "LRFO", "LRTO"] {
            app.send_to(report(code, RESOURCE).as_bytes(), daemon).unwrap();
            reports += 1;
        }
        while peer.recv(&mut [0; 2000]).is_ok() {
            heard += 1;
        }
    }
    // It obeys the last word, which finds no room among the others perhaps.
    wait_for("the last word to count", AT_ONCE, || {
        app.send_to(report("LFAI", RESOURCE).as_bytes(), daemon).unwrap();
        pair[Side::A].page("").contains("<td>failed</td>").then_some(())
    });
    let seconds = u32::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert!(reports > 2000, "{reports} reports are no flood");
    assert!(heard <= 50 * seconds, "{heard} datagrams in {seconds} s for {reports} reports");
    let lines = pair[Side::A].log.text().lines().count();
    assert!(lines <= 1000, "{lines} lines for {reports} reports");
}

/// Without the rights of root from here on, on this thread alone.
fn become_nobody() {
    // SAFETY: takes no pointer. It changes the user of this thread alone, unlike the function of libc.
    let result = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
    assert_eq!(result, 0);
}

#[test]
fn a_user_cannot_signal_the_daemon() {
    const NAME: &str = "a_user_cannot_signal_the_daemon";
    if !is_root() {
        return skip(NAME, "another user's process needs root");
    }
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let daemon = Pid::from_raw(pair[Side::A].daemon().pid().cast_signed());
    std::thread::scope(|scope| {
        let user = scope.spawn(|| {
            become_nobody();
            // SIGCONT is allowed within a session, and stops nothing.
            for signal in Signal::iterator().filter(|signal| *signal != Signal::SIGCONT) {
                assert_eq!(kill(daemon, signal), Err(Errno::EPERM), "{signal}");
            }
        });
        user.join().unwrap();
    });
    pair.stays();
}

/// The kernel lets every user send with any IPv6 address as the source. To this host that comes by the loopback device.
#[test]
fn a_user_of_this_host_is_not_the_peer() {
    const NAME: &str = "a_user_of_this_host_is_not_the_peer";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    // Without runs a forged datagram of the peer counts, if it is one.
    let setup = Setup { core: "extensions = off\napp-address = fd00::7", ..Setup::default() };
    let mut pair = Pair::at(setup, &cable, ["fd00::1", "fd00::2"]);
    pair.start(Side::B);
    let victim: Ipv6Addr = "fd00::1".parse().unwrap();
    let say = |source: &str, port: u16, text: &str| {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
        socket.set_freebind_v6(true).unwrap();
        let source: Ipv6Addr = source.parse().unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.send_to(text.as_bytes(), &SocketAddr::from((victim, port)).into()).unwrap();
    };
    let failed = "{\"status\":\"FAIL\",\"random\":0,\"resource\":\"service\",\"reason\":\"\",\"priority\":0,\"type\":\"schrittmacher\"}";
    cable.end(Side::A).run(|| {
        become_nobody();
        let raw = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::from(255)));
        assert_eq!(raw.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        for _ in 0..10 {
            say("fd00::2", PORT, failed);
            say("fd00::7", PORT + 1, &report("LRTO", RESOURCE));
        }
    });
    pair.stays();
    // The same words from the peer's host count.
    cable.end(Side::B).run(|| say("fd00::2", PORT, failed));
    pair[Side::A].log.wait("transiting_to_hot", AT_ONCE);
}
