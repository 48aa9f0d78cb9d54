//! Requests to the kernel and its answers, as messages of rtnetlink.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library has an arm for each thing a kernel can say; most say nothing of addresses"
)]

use std::io;
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use socket2::SockRef;

/// A piece from the kernel is smaller.
const BUFFER: usize = 64 << 10;
/// How long an answer is waited for. The kernel answers before a request returns; an answer can only get lost.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) type Payload = NetlinkPayload<RouteNetlinkMessage>;

/// A socket for requests.
pub(super) struct Requests {
    socket: Socket,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Requests {
    pub fn open() -> io::Result<Requests> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        // The answer to an error would repeat the request otherwise; older kernels do, and nothing is lost.
        let _ = socket.set_cap_ack(true);
        SockRef::from(&socket).set_read_timeout(Some(PATIENCE))?;
        Ok(Requests { socket, buffer: Vec::with_capacity(BUFFER), sequence: 0 })
    }

    /// Sends requests in one go and waits for the answer to each.
    pub fn request(&mut self, messages: &[RouteNetlinkMessage], flags: u16) -> Vec<io::Result<()>> {
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        for message in messages {
            self.sequence = self.sequence.wrapping_add(1);
            append(&mut bytes, message.clone(), NLM_F_REQUEST | NLM_F_ACK | flags, self.sequence);
        }
        let mut results: Vec<Option<io::Result<()>>> = messages.iter().map(|_| None).collect();
        let outcome = self.socket.send(&bytes, 0).and_then(|_| {
            while results.iter().any(Option::is_none) {
                for (sequence, payload) in self.answers()? {
                    let index = usize::try_from(sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                    if let (NetlinkPayload::Error(answer), Some(slot)) = (payload, results.get_mut(index)) {
                        *slot = Some(answer.code.map_or(Ok(()), |_| Err(answer.to_io())));
                    }
                }
            }
            Ok(())
        });
        // Without an answer it is not known to be done.
        let why = || outcome.as_ref().map_or_else(|error| error.raw_os_error(), |()| None);
        let unanswered =
            || Err(why().map_or_else(|| io::ErrorKind::TimedOut.into(), io::Error::from_raw_os_error));
        results.into_iter().map(|result| result.unwrap_or_else(unanswered)).collect()
    }

    /// Asks for everything of a kind.
    pub fn dump(&mut self, request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = Vec::new();
        append(&mut bytes, request, NLM_F_REQUEST | NLM_F_DUMP, self.sequence);
        self.socket.send(&bytes, 0)?;
        let mut answers = Vec::new();
        loop {
            for (sequence, payload) in self.answers()? {
                match payload {
                    // An answer that came too late for an earlier request.
                    _ if sequence != self.sequence => {}
                    NetlinkPayload::Done(_) => return Ok(answers),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::InnerMessage(message) => answers.push(message),
                    _ => {}
                }
            }
        }
    }

    fn answers(&mut self) -> io::Result<Vec<(u32, Payload)>> {
        receive(&self.socket, &mut self.buffer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::from_raw_os_error(libc::ETIMEDOUT),
            _ => error,
        })
    }
}

/// A socket that hears of changes, and never waits.
pub(super) struct Listener {
    pub socket: Socket,
    buffer: Vec<u8>,
}

impl Listener {
    pub fn open(groups: &[u32]) -> io::Result<Listener> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        for group in groups {
            socket.add_membership(*group)?;
        }
        socket.set_non_blocking(true)?;
        Ok(Listener { socket, buffer: Vec::with_capacity(BUFFER) })
    }

    pub fn receive(&mut self) -> io::Result<Vec<(u32, Payload)>> {
        receive(&self.socket, &mut self.buffer)
    }
}

fn append(bytes: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16, sequence: u32) {
    let mut header = NetlinkHeader::default();
    (header.flags, header.sequence_number) = (flags, sequence);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let begin = bytes.len();
    bytes.resize(begin + message.buffer_len().next_multiple_of(4), 0);
    message.serialize(&mut bytes[begin..]);
}

/// One piece from the kernel. A message that the library cannot read is no answer to us.
fn receive(socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<Vec<(u32, Payload)>> {
    buffer.clear();
    socket.recv(&mut *buffer, 0)?;
    let mut rest = &buffer[..];
    let mut messages = Vec::new();
    while let Some(length) = rest.first_chunk::<4>().map(|length| u32::from_ne_bytes(*length)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < 16 || length > rest.len() {
            break;
        }
        if let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&rest[..length]) {
            messages.push((message.header.sequence_number, message.payload));
        }
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    Ok(messages)
}
