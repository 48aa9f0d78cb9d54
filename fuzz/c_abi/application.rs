//! The surroundings of the client: the daemon's socket, the functions that it calls, the signals.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use schrittmacher_wire::{Code, Message};

use crate::functions::{self, Handle};

/// The socket in the place of the daemon.
pub struct Sink(UdpSocket);

impl Sink {
    /// The one of this process.
    pub fn get() -> &'static Sink {
        static SINK: OnceLock<Sink> = OnceLock::new();
        SINK.get_or_init(|| {
            functions::check_against_header();
            // libFuzzer has a handler of its own, which would end the run.
            for signal in [libc::SIGUSR1, libc::SIGUSR2] {
                // SAFETY: to ignore a signal needs nothing.
                unsafe { libc::signal(signal, libc::SIG_IGN) };
            }
            let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket on loopback");
            socket.set_nonblocking(true).expect("a socket that does not wait");
            FREED.set(Some(Vec::new()));
            Sink(socket)
        })
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("it is bound").port()
    }

    /// The statuses that have arrived. Every datagram is a message of an application.
    pub fn take(&self) -> Vec<String> {
        let mut statuses = Vec::new();
        let mut buffer = [0; 2000];
        loop {
            match self.0.recv(&mut buffer) {
                Ok(length) => {
                    let message = Message::parse(&buffer[..length]).expect("a datagram of ours");
                    assert!(matches!(message.code, Code::App(_)), "{message:?}");
                    statuses.push(message.status.into_owned());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return statuses,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The number that the next descriptor would get: higher if one was left open.
    pub fn first_free_descriptor(&self) -> c_int {
        // SAFETY: our own descriptor is doubled, and the copy closed.
        unsafe {
            let free = libc::dup(self.0.as_raw_fd());
            libc::close(free);
            free
        }
    }
}

thread_local! {
    /// Clients that were freed by a function that the library called; none on the library's threads.
    pub static FREED: RefCell<Option<Vec<Handle>>> = const { RefCell::new(None) };
}

pub unsafe extern "C" fn plain_order() {}

/// A go-hot or go-standby function that calls back into the library; by the number in `context`.
pub unsafe extern "C" fn on_order(client: Handle, context: *mut c_void) {
    // SAFETY: any pointer may be given, and NULL is no reason.
    unsafe {
        match context.addr() % 4 {
            0 => drop(functions::schrittmacher_client_report_active(client, std::ptr::null())),
            1 => drop(functions::schrittmacher_client_report_failed(client, std::ptr::null())),
            2 => drop(functions::schrittmacher_client_set_go_hot_func(client, None)),
            // Only on the fuzzer's own thread. Otherwise the answer of the next call would be unknown.
            _ => FREED.with_borrow_mut(|freed| {
                if let Some(freed) = freed {
                    functions::schrittmacher_client_free(client);
                    freed.push(client);
                }
            }),
        }
    }
}

pub unsafe extern "C" fn on_log(
    _client: Handle,
    level: c_int,
    message: *const c_char,
    _context: *mut c_void,
) {
    assert!((0..=5).contains(&level));
    // SAFETY: the header says that it is a text.
    assert!(unsafe { CStr::from_ptr(message) }.to_str().is_ok());
}

static HANDLERS: AtomicBool = AtomicBool::new(false);

pub fn handlers_are_installed() {
    HANDLERS.store(true, Ordering::Relaxed);
}

/// The daemon's order by signal, once the library has handlers.
pub fn raise(value: u8) {
    if HANDLERS.load(Ordering::Relaxed) {
        // SAFETY: ignored, or handled by the library.
        unsafe { libc::raise(if value & 1 == 0 { libc::SIGUSR1 } else { libc::SIGUSR2 }) };
    }
}
