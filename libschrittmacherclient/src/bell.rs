//! The part of a client that a signal handler may touch.
//!
//! A handler may take no lock and allocate nothing. It leaves the order in an atomic, and rings the alarm. The alarm is
//! only a wake-up. A forked child may ring the timer that it shares with its parent, but that gives the parent no
//! order.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use nix::errno::Errno;

use crate::alarm::Alarm;
use crate::{Error, WantedState};

const NONE: u8 = 0;
const HOT: u8 = 1;
const STANDBY: u8 = 2;

/// Orders that came by signal, and the alarm that wakes the thread for them.
#[derive(Debug)]
pub(crate) struct Bell {
    /// The last order that is not carried out yet. A later order replaces an earlier one.
    order: AtomicU8,
    /// Made by the first start.
    pub alarm: OnceLock<Alarm>,
    /// The process that the client belongs to.
    owner: AtomicU32,
    /// A panic was caught: nothing is sent any more.
    pub broken: AtomicBool,
    /// The client was freed: no function of the application may be called any more.
    closed: AtomicBool,
}

impl Bell {
    /// A bell that belongs to this process.
    pub fn new() -> Bell {
        Bell {
            order: AtomicU8::new(NONE),
            alarm: OnceLock::new(),
            owner: AtomicU32::new(std::process::id()),
            broken: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Leaves the order of signal `signo` and rings: SIGUSR1 means hot, SIGUSR2 standby. Async-signal-safe;
    /// `errno` is left as it was.
    pub fn signal(&self, signo: i32) -> Result<(), Error> {
        let order = match signo {
            libc::SIGUSR1 => HOT,
            libc::SIGUSR2 => STANDBY,
            _ => return Err(Error::Invalid("the signal is neither SIGUSR1 nor SIGUSR2")),
        };
        self.order.store(order, Ordering::SeqCst);
        let errno = Errno::last_raw();
        self.ring();
        Errno::set_raw(errno);
        Ok(())
    }

    /// Rings the alarm, if there is one yet.
    pub fn ring(&self) {
        if let Some(alarm) = self.alarm.get() {
            alarm.ring();
        }
    }

    /// Whether the client belongs to this process, and not to one that forked it.
    pub fn is_ours(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == std::process::id()
    }

    /// Makes the client belong to this process.
    pub fn own(&self) {
        self.owner.store(std::process::id(), Ordering::Relaxed);
    }

    /// Ends the calls of the application's functions.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Whether the application's functions may not be called any more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Whether an order waits.
    pub fn has_order(&self) -> bool {
        self.order.load(Ordering::SeqCst) != NONE
    }

    /// Takes the waiting order away.
    pub fn take_order(&self) -> Option<WantedState> {
        match self.order.swap(NONE, Ordering::SeqCst) {
            HOT => Some(WantedState::Hot),
            STANDBY => Some(WantedState::Standby),
            _ => None,
        }
    }
}
