//! Frames by packet sockets.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

use libc::{BPF_ABS, BPF_B, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, SockFilter, Socket, Type};

use crate::frame;

/// Sends frames on any interface, and hears none.
#[derive(Debug)]
pub(crate) struct Sender(Socket);

impl Sender {
    pub fn open() -> io::Result<Sender> {
        // Protocol 0: the kernel hands nothing over.
        Ok(Sender(packet_socket(0)?))
    }

    /// Sends a whole Ethernet frame. One that cannot leave now is lost, as on any wire.
    pub fn send(&self, index: u32, frame: &[u8]) -> io::Result<()> {
        self.0.send_to(frame, &link_address(index, 0)).map(drop)
    }
}

/// Hears the ARP frames of one interface, or its neighbour advertisements, as long as it lives.
#[derive(Debug)]
pub(crate) struct Listener(Socket);

impl Listener {
    pub fn open(index: u32, is_ipv6: bool) -> io::Result<Listener> {
        let protocol = if is_ipv6 { libc::ETH_P_IPV6 } else { libc::ETH_P_ARP };
        let protocol = u16::try_from(protocol).unwrap_or_default();
        let socket = packet_socket(0)?;
        if is_ipv6 {
            socket.attach_filter(&neighbour_advertisements())?;
        }
        socket.bind(&link_address(index, protocol))?;
        Ok(Listener(socket))
    }

    /// The beginning of the next frame that waits, as far as `buffer` goes.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        let mut space = [MaybeUninit::<u8>::uninit(); 256];
        let length = match self.0.recv(&mut space) {
            Ok(length) => length.min(buffer.len()).min(space.len()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        for (to, from) in buffer.iter_mut().zip(&space[..length]) {
            // SAFETY: recv has written the first `length` bytes of `space`.
            *to = unsafe { from.assume_init() };
        }
        Ok(Some(&buffer[..length]))
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A filter without which the socket would hear, and the thread would read, the whole IPv6 traffic of the interface.
fn neighbour_advertisements() -> [SockFilter; 6] {
    let code = |code: u32| u16::try_from(code).unwrap_or_default();
    let load = |offset: usize| {
        SockFilter::new(code(BPF_LD | BPF_B | BPF_ABS), 0, 0, u32::try_from(offset).unwrap_or_default())
    };
    let unless =
        |value: u8, skip: u8| SockFilter::new(code(BPF_JMP | BPF_JEQ | BPF_K), 0, skip, u32::from(value));
    let keep = |length: u32| SockFilter::new(code(BPF_RET | BPF_K), 0, 0, length);
    [
        load(frame::NEXT_HEADER),
        unless(frame::ICMPV6, 3),
        load(frame::ICMPV6_TYPE),
        unless(frame::ADVERTISEMENT, 1),
        keep(u32::MAX),
        keep(0),
    ]
}

fn packet_socket(protocol: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(protocol.to_be()))))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The interface with this index; `protocol` as in Ethernet.
fn link_address(index: u32, protocol: u16) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is plain data that fits into the storage, as every address of a socket does.
    let link = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    link.sll_family = libc::AF_PACKET.try_into().unwrap_or_default();
    link.sll_protocol = protocol.to_be();
    link.sll_ifindex = index.cast_signed();
    link.sll_halen = 6;
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or_default();
    // SAFETY: the storage holds a sockaddr_ll, and this is its length.
    unsafe { SockAddr::new(storage, length) }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    /// On the loopback device: its traffic stays on this host.
    #[test]
    fn of_ipv6_a_listener_hears_the_advertisements_alone() {
        let Ok(sender) = Sender::open() else {
            return println!("SKIPPED: no packet socket: CAP_NET_RAW is needed");
        };
        let index = nix::net::if_::if_nametoindex("lo").expect("a loopback device");
        let listener = Listener::open(index, true).expect("a listener");
        let (mac, ip): (_, IpAddr) = ([2, 0, 0, 0, 0, 7], "fd00::88".parse().expect("an address"));
        let advertisement = &frame::announcements(mac, ip, false)[0];
        for frame in [&frame::probe(mac, ip), advertisement] {
            sender.send(index, frame).expect("a frame that leaves");
        }
        let mut buffer = [0; 128];
        assert_eq!(listener.receive(&mut buffer).expect("a frame"), Some(&advertisement[..]));
        assert_eq!(listener.receive(&mut buffer).expect("no error"), None);
    }
}
