//! Datagrams taken with one system call.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;

/// Taken with one call at most. A report comes alone as a rule; heartbeats of many resources, and a flood, do not.
#[cfg(target_os = "linux")]
const AT_ONCE: usize = 16;
/// Elsewhere one after the other.
#[cfg(not(target_os = "linux"))]
const AT_ONCE: usize = 1;

/// As much as the legacy daemon read of one datagram; the rest is cut off.
const DATAGRAM: usize = schrittmacher_wire::MAX_RECEIVED;

/// Room for datagrams, and those that were taken last.
#[derive(Debug)]
pub struct Batch {
    /// Of memory only what was written to is there.
    room: Vec<u8>,
    /// The length and the sender of each.
    taken: Vec<(usize, SocketAddr)>,
    #[cfg(target_os = "linux")]
    headers: linux::Headers,
}

impl Batch {
    /// Nothing is taken yet.
    pub fn new() -> Batch {
        Batch {
            room: vec![0; AT_ONCE * DATAGRAM],
            taken: Vec::with_capacity(AT_ONCE),
            #[cfg(target_os = "linux")]
            headers: linux::Headers::new(),
        }
    }

    /// There is no socket to take any from.
    pub(super) fn clear(&mut self) {
        self.taken.clear();
    }

    /// Whether the socket had as many as there is room for, and may have more.
    pub fn is_full(&self) -> bool {
        self.taken.len() == AT_ONCE
    }

    /// One of them, and its sender; empty if there is none with this number.
    pub fn datagram(&self, number: usize) -> Option<(&[u8], SocketAddr)> {
        let (length, source) = *self.taken.get(number)?;
        Some((self.room.get(number * DATAGRAM..)?.get(..length)?, source))
    }

    /// Takes those that wait at a socket, as many as there is room for. An error is the socket's, and nothing was taken.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn take(&mut self, socket: &UdpSocket, _is_ipv6: bool) -> io::Result<()> {
        self.taken.clear();
        let (length, source) = socket.recv_from(&mut self.room)?;
        self.taken.push((length, super::socket::canonical(source)));
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt;
    use std::io::IoSliceMut;
    use std::net::{IpAddr, Ipv4Addr};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg};

    use super::super::socket::canonical;
    use super::{AT_ONCE, Batch, DATAGRAM, SocketAddr, UdpSocket, io};

    /// Of a datagram without a sender, which UDP does not have: a stranger.
    const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

    /// What the call fills in. The kernel shortens the room for an address to that of the family, for later calls, too.
    pub(super) struct Headers {
        v4: MultiHeaders<SockaddrIn>,
        v6: MultiHeaders<SockaddrIn6>,
    }

    impl Headers {
        pub fn new() -> Headers {
            Headers {
                v4: MultiHeaders::preallocate(AT_ONCE, None),
                v6: MultiHeaders::preallocate(AT_ONCE, None),
            }
        }
    }

    impl fmt::Debug for Headers {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Headers")
        }
    }

    impl Batch {
        /// Takes those that wait at a socket, as many as there is room for. An error is the socket's, and nothing was taken.
        pub(in crate::udp) fn take(&mut self, socket: &UdpSocket, is_ipv6: bool) -> io::Result<()> {
            let Batch { room, taken, headers: Headers { v4, v6 } } = self;
            taken.clear();
            if is_ipv6 {
                take(socket, room, v6, |address| SocketAddr::V6((*address).into()), taken)
            } else {
                take(socket, room, v4, |address| SocketAddr::V4((*address).into()), taken)
            }
        }
    }

    fn take<Address: SockaddrLike + Copy>(
        socket: &UdpSocket,
        room: &mut [u8],
        headers: &mut MultiHeaders<Address>,
        convert: impl Fn(&Address) -> SocketAddr,
        taken: &mut Vec<(usize, SocketAddr)>,
    ) -> io::Result<()> {
        let mut rooms = room.chunks_exact_mut(DATAGRAM);
        let mut slices: [[IoSliceMut<'_>; 1]; AT_ONCE] =
            std::array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = recvmmsg(socket.as_raw_fd(), headers, &mut slices, flags, None)?;
        taken.extend(messages.map(|message| {
            (message.bytes, message.address.as_ref().map_or(NOBODY, |address| canonical(convert(address))))
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::super::socket::Socket;
    use super::*;

    fn sender(to: SocketAddr) -> std::net::UdpSocket {
        let own = std::net::UdpSocket::bind((to.ip(), 0)).unwrap();
        own.connect(to).unwrap();
        own
    }

    /// What one call takes, with the senders' ports.
    fn taken(socket: &Socket, batch: &mut Batch) -> Vec<(String, SocketAddr)> {
        socket.receive(batch).unwrap();
        let text = |number| {
            let (datagram, source) = batch.datagram(number)?;
            Some((String::from_utf8_lossy(datagram).into_owned(), source))
        };
        (0..).map_while(text).collect()
    }

    fn socket(ip: impl Into<std::net::IpAddr>) -> Option<(Socket, SocketAddr)> {
        let socket = Socket::bind(SocketAddr::new(ip.into(), 0), &[]).ok()?;
        let address = socket.local_address().unwrap();
        Some((socket, address))
    }

    #[test]
    fn each_datagram_comes_once_in_order_with_its_sender_whatever_the_family() {
        let Some((v6, at_v6)) = socket(Ipv6Addr::LOCALHOST) else {
            return println!(
                "SKIPPED: each_datagram_comes_once_in_order_with_its_sender_whatever_the_family: no IPv6"
            );
        };
        let (v4, at_v4) = socket(Ipv4Addr::LOCALHOST).unwrap();
        let mut batch = Batch::new();
        for round in 0..3 {
            for (socket, address) in [(&v4, at_v4), (&v6, at_v6)] {
                let (one, other) = (sender(address), sender(address));
                let said = |by: &std::net::UdpSocket, what: &str| {
                    by.send(what.as_bytes()).unwrap();
                    (what.to_owned(), by.local_addr().unwrap())
                };
                let expected = [said(&one, "a longer one"), said(&other, ""), said(&one, &round.to_string())];
                assert_eq!(taken(socket, &mut batch), expected);
                assert!(!batch.is_full());
                assert_eq!(taken(socket, &mut batch), [], "nothing of the last call");
            }
        }
    }

    #[test]
    fn more_than_there_is_room_for_wait_for_the_next_call_and_a_long_one_is_cut_off() {
        let (socket, address) = socket(Ipv4Addr::LOCALHOST).unwrap();
        let (by, mut batch) = (sender(address), Batch::new());
        let all: Vec<String> = (0..=AT_ONCE).map(|number| number.to_string()).collect();
        for text in &all {
            by.send(text.as_bytes()).unwrap();
        }
        let mut heard: Vec<_> = taken(&socket, &mut batch).into_iter().map(|(text, _)| text).collect();
        assert!(batch.is_full());
        heard.extend(taken(&socket, &mut batch).into_iter().map(|(text, _)| text));
        assert_eq!(heard, all);
        by.send(&vec![b'x'; DATAGRAM + 1]).unwrap();
        by.send(b"next").unwrap();
        let lengths: Vec<_> = taken(&socket, &mut batch).into_iter().map(|(text, _)| text.len()).collect();
        assert_eq!(lengths, [DATAGRAM, 4]);
    }

    /// The network answers that what was sent before has not arrived.
    #[test]
    fn an_answer_loses_no_datagram() {
        let (socket, address) = socket(Ipv4Addr::LOCALHOST).unwrap();
        socket.ask_for_answers().unwrap();
        let (by, mut batch) = (sender(address), Batch::new());
        let closed = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        socket.send(b"x", closed).unwrap();
        by.send(b"kept").unwrap();
        let answer = socket.receive(&mut batch).unwrap_err();
        assert_eq!(answer.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(batch.datagram(0), None);
        assert_eq!(taken(&socket, &mut batch).len(), 1);
    }
}
