//! The promises of the header, as a plain model of each client.

use std::collections::BTreeMap;
use std::ffi::{CString, c_int};
use std::ptr;

use schrittmacher_wire::{AppCode, is_sendable_name};

use crate::application::FREED;
use crate::functions::{self, Handle};

pub const OK: c_int = 0;
pub const NULL: c_int = -1;
pub const HANDLE: c_int = -2;
pub const INVALID: c_int = -3;
pub const UTF8: c_int = -4;
pub const NO_RESOURCE_ID: c_int = -5;
pub const NOT_STARTED: c_int = -6;
pub const NOT_POLLED: c_int = -7;
pub const ADDRESS: c_int = -8;
pub const NO_DAEMON: c_int = -9;
pub const SYSTEM: c_int = -10;

/// An errno that no call may change.
const ERRNO: c_int = 4711;

/// The handles that an input can name.
const SLOTS: usize = 4;

/// Texts of every kind that the header mentions.
pub fn text(value: u8) -> Option<CString> {
    let texts: [Option<Vec<u8>>; 20] = [
        None,
        Some(b"r1".to_vec()),
        Some(Vec::new()),
        Some("é\n\"\\".into()),
        Some(vec![b'n'; 255]),
        Some(vec![b'n'; 256]),
        Some(vec![b'"'; 127]),
        Some(vec![b'"'; 128]),
        Some("ü".repeat(700).into()),
        Some(vec![b'x'; 1399]),
        Some(vec![b'x'; 1400]),
        Some(vec![b'x'; 100_000]),
        Some(b"\xff\xfe".to_vec()),
        Some(b"a\xc3".to_vec()),
        Some(b"127.0.0.1".to_vec()),
        Some(b"::1".to_vec()),
        Some(b"LHOT".to_vec()),
        Some(b"L2SB".to_vec()),
        Some(b"LRFO".to_vec()),
        Some(b"lhot".to_vec()),
    ];
    let text = texts.into_iter().nth(usize::from(value) % 20).flatten();
    text.map(|text| CString::new(text).expect("no NUL in it"))
}

/// An address that needs no resolver: numeric, or no possible name.
pub fn is_safe_address(text: &CString) -> bool {
    text.to_str().map_or(true, |text| text.len() > 255 || text.parse::<std::net::IpAddr>().is_ok())
}

/// The sender of the heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drive {
    Thread,
    Loop,
}

/// A client as it should be.
#[derive(Debug)]
pub struct Client {
    /// In the order of `SET_TEXT`.
    pub texts: [Option<CString>; 6],
    /// In the order of `SET_NUMBER`, as far as nothing else changes them.
    numbers: [c_int; 9],
    drive: Option<Drive>,
    was_started: bool,
}

impl Client {
    fn new() -> Client {
        let pid = c_int::try_from(std::process::id()).expect("a pid is an int");
        Client {
            texts: Default::default(),
            numbers: [7701, 4, pid, 0, 1500, 30, 0, 0, 0],
            drive: None,
            was_started: false,
        }
    }

    /// The possible answers of a call that sends a message.
    pub fn sent(&self) -> Vec<c_int> {
        match (self.drive, &self.texts[0]) {
            (None, _) => vec![NOT_STARTED, NO_RESOURCE_ID],
            (Some(_), None) => vec![NO_RESOURCE_ID],
            (Some(_), Some(_)) if self.reports_to_sink() => vec![OK],
            (Some(_), Some(_)) => vec![OK, NO_DAEMON, SYSTEM],
        }
    }

    /// Started, and with our own socket as the daemon.
    pub fn reports_to_sink(&self) -> bool {
        let is_ipv4 = match self.texts[4].as_ref().map(|text| text.as_bytes()) {
            None => self.numbers[1] == 4,
            Some(text) => text == b"127.0.0.1",
        };
        self.drive.is_some() && self.texts[0].is_some() && is_ipv4
    }

    /// The possible answers of a call that opens a socket.
    pub fn may_fail_to_open(&self) -> Vec<c_int> {
        vec![OK, ADDRESS, SYSTEM]
    }

    fn may_fail_to_open_if_started(&self) -> Vec<c_int> {
        if self.drive.is_some() { self.may_fail_to_open() } else { vec![OK] }
    }

    pub fn dispatched(&self) -> Vec<c_int> {
        match self.drive {
            None => vec![NOT_STARTED],
            Some(Drive::Thread) => vec![NOT_POLLED],
            Some(Drive::Loop) => vec![OK, NO_RESOURCE_ID, NO_DAEMON, SYSTEM],
        }
    }

    pub fn started(&mut self, status: c_int, thread: bool) {
        self.drive = (status == OK).then_some(if thread { Drive::Thread } else { Drive::Loop });
        self.was_started |= status == OK;
    }

    pub fn stopped(&mut self) {
        self.drive = None;
    }

    /// The answer of the function of `SET_TEXT` with this number to a text.
    pub fn text_set(&self, at: usize, text: Option<&CString>) -> Vec<c_int> {
        let text = match text.map(|text| text.to_str()) {
            Some(Err(_)) => return vec![UTF8],
            Some(Ok(text)) => Some(text),
            None => None,
        };
        let valid = match (at, text) {
            (0, Some(text)) => !text.is_empty() && is_sendable_name(text),
            (1 | 2, Some(text)) => is_sendable_name(text),
            (3, Some(text)) => text.len() <= 1399,
            (4, _) => return self.may_fail_to_open_if_started(),
            (5, Some(text)) if !text.starts_with('/') => false,
            (5, _) => return self.may_fail_to_open_if_started(),
            (6 | 7, None) => return vec![NULL],
            (7, Some(text)) if AppCode::from_text(text).is_some() => return self.sent(),
            (7, Some(_)) => false,
            _ => true,
        };
        vec![if valid { OK } else { INVALID }]
    }

    /// The answer of the function of `SET_NUMBER` with this number to a number.
    pub fn number_set(&self, at: usize, number: c_int) -> Vec<c_int> {
        let valid = match at {
            0 => (1..=65_535).contains(&number),
            1 => [4, 6].contains(&number),
            3 => (0..=65_535).contains(&number),
            4 => (10..=10_000).contains(&number),
            6 => (0..=5).contains(&number),
            7 => true,
            8 => (0..=86_400_000).contains(&number),
            9 => number == 0 || (200..=205).contains(&number),
            10 => [0, 101, 102].contains(&number),
            12 => [libc::SIGUSR1, libc::SIGUSR2].contains(&number),
            _ => number >= 0,
        };
        match at {
            _ if !valid => vec![INVALID],
            0 | 1 => self.may_fail_to_open_if_started(),
            _ => vec![OK],
        }
    }

    pub fn note_number(&mut self, at: usize, number: c_int) {
        if let Some(noted) = self.numbers.get_mut(at) {
            *noted = if at == 7 { (number != 0).into() } else { number };
        }
    }

    /// The possible results of the function of `GET_NUMBER` with this number and name.
    pub fn number_got(&self, at: usize, name: &str) -> Vec<c_int> {
        match (self.numbers.get(at), name.trim_start_matches("schrittmacher_client_")) {
            (Some(number), _) => vec![*number],
            (None, "get_current_state") => [vec![0], (200..=205).collect()].concat(),
            (None, "get_wanted_state") => vec![0, 101, 102],
            (None, "is_started") => vec![self.drive.is_some().into()],
            (None, "is_daemon_lost") => vec![0, 1],
            (None, "poll_fd") if !self.was_started => vec![NOT_STARTED],
            // A counter, a descriptor, an errno.
            (None, _) => Vec::new(),
        }
    }
}

/// All clients of one input.
pub struct Session {
    clients: BTreeMap<usize, Client>,
    slots: [Handle; SLOTS],
    freed: Handle,
}

impl Default for Session {
    fn default() -> Session {
        Session { clients: BTreeMap::new(), slots: [ptr::null_mut(); SLOTS], freed: ptr::null_mut() }
    }
}

impl Session {
    /// The handle that a byte of the input means: the last client made there, a freed one, or a wild one.
    pub fn handle(&self, who: u8) -> Handle {
        match who {
            0..=199 => self.slots[usize::from(who) % SLOTS],
            200..=219 => self.freed,
            220..=229 => self.slots[0].wrapping_byte_add(1),
            230..=239 => self.slots[0].wrapping_byte_add(16 * usize::from(who)),
            _ => ptr::without_provenance_mut(usize::from(who).wrapping_sub(245)),
        }
    }

    pub fn client(&mut self, handle: Handle) -> Option<&mut Client> {
        self.clients.get_mut(&handle.addr())
    }

    /// Makes a client that reports to our own socket, in the place of one that goes.
    pub fn make(&mut self, slot: u8, port: u16) {
        let slot = usize::from(slot) % SLOTS;
        self.free(self.slots[slot]);
        let mut handle = ptr::null_mut();
        // SAFETY: the handle's place is given.
        let status = unsafe { functions::schrittmacher_client_new(&raw mut handle) };
        assert_eq!(status, OK);
        assert!(!handle.is_null() && !self.clients.contains_key(&handle.addr()));
        // SAFETY: it is a client.
        let status = unsafe { functions::schrittmacher_client_set_port(handle, port.into()) };
        assert_eq!(status, OK);
        let mut client = Client::new();
        client.note_number(0, port.into());
        self.clients.insert(handle.addr(), client);
        self.slots[slot] = handle;
    }

    pub fn free(&mut self, handle: Handle) {
        // SAFETY: any pointer may be given.
        unsafe { functions::schrittmacher_client_free(handle) };
        if self.clients.remove(&handle.addr()).is_some() {
            self.freed = handle;
        }
    }

    pub fn free_all(&mut self) {
        let handles: Vec<usize> = self.clients.keys().copied().collect();
        for handle in handles {
            self.free(ptr::without_provenance_mut(handle));
        }
    }

    /// Takes note of clients that a function of the application has freed.
    pub fn note_freed(&mut self) {
        for handle in FREED.with_borrow_mut(|freed| freed.as_mut().map(std::mem::take)).unwrap_or_default() {
            self.clients.remove(&handle.addr());
            self.freed = handle;
        }
    }

    /// Makes a call that says one of these, if the client is one.
    pub fn expect(&mut self, handle: Handle, expected: &[c_int], call: impl FnOnce() -> c_int) {
        self.expect_by(handle, |_| expected.to_vec(), call);
    }

    pub fn expect_by(
        &mut self,
        handle: Handle,
        expected: impl FnOnce(&Client) -> Vec<c_int>,
        call: impl FnOnce() -> c_int,
    ) -> c_int {
        let refusal = refusal(handle);
        let expected = self.client(handle).map_or(vec![refusal], |client| expected(client));
        let status = with_errno(call);
        assert!(expected.contains(&status), "says {status}, and should say one of {expected:?}");
        status
    }

    /// Makes a call that gives one of these, or anything but an error if there are none. A handle that is none gives
    /// an error, or 0 to a question.
    pub fn expect_got(
        &mut self,
        handle: Handle,
        is_question: bool,
        expected: impl FnOnce(&Client) -> Vec<c_int>,
        call: impl FnOnce() -> c_int,
    ) {
        let refusal = if is_question { 0 } else { refusal(handle) };
        let expected = self.client(handle).map_or(vec![refusal], |client| expected(client));
        let got = with_errno(call);
        let good = if expected.is_empty() { got >= 0 } else { expected.contains(&got) };
        assert!(good, "gives {got}, and should give one of {expected:?}");
    }
}

/// The answer to a wild handle.
fn refusal(handle: Handle) -> c_int {
    if handle.is_null() { NULL } else { HANDLE }
}

/// Makes a call that leaves errno alone.
fn with_errno(call: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: errno is this thread's own.
    let errno = unsafe { &mut *libc::__errno_location() };
    *errno = ERRNO;
    let result = call();
    // SAFETY: as above.
    assert_eq!(unsafe { *libc::__errno_location() }, ERRNO, "errno has changed");
    result
}
