//! The input of the targets that take steps: settings first, then steps of four bytes.
//!
//! Steps of one size, so that libFuzzer can take some out, double them and exchange them without shifting the rest.

use std::time::Duration;

use schrittmacher_protocol::{FenceRule, OnIsolation, Policy, Settings};
use schrittmacher_wire::{AppCode, PeerCode};

use schrittmacher_testkit::settings;

/// The bytes that one node's settings take.
const SETTINGS: usize = 8;

/// The rest of an input.
pub struct Bytes<'a>(&'a [u8]);

/// When, what, and what exactly.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub wait: Duration,
    pub what: u8,
    pub a: u8,
    pub b: u8,
}

impl<'a> Bytes<'a> {
    pub fn new(input: &'a [u8]) -> Bytes<'a> {
        Bytes(input)
    }

    /// The next bytes; zeros where the input is too short.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        std::array::from_fn(|at| taken.get(at).copied().unwrap_or_default())
    }

    /// The next step; none if less than that is left.
    pub fn step(&mut self) -> Option<Step> {
        let (&[wait, what, a, b], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Step { wait: duration(wait), what, a, b })
    }

    /// The settings of a node, within the ranges of the configuration.
    pub fn settings(&mut self) -> Settings {
        let [beat, timeout, app, hot, standby, delay, priority, flags] = self.take::<SETTINGS>();
        let heartbeat = Duration::from_millis(one_of(beat, &[2000, 1000, 500, 200, 50, 10, 20_000]));
        Settings {
            heartbeat,
            timeout: heartbeat * one_of(timeout, &[3, 4, 10]),
            app_timeout: Duration::from_secs(one_of(app, &[10, 1, 60])),
            going_hot_timeout: Duration::from_secs(one_of(hot, &[20, 2, 60])),
            going_standby_timeout: Duration::from_secs(one_of(standby, &[6, 1, 60])),
            startup_delay: Duration::from_secs(one_of(delay, &[0, 5, 60])),
            preempt: flags & 1 != 0,
            held: flags & 4 != 0,
            extensions: flags & 2 == 0,
            policy: one_of(
                flags >> 3,
                &[Policy::Available, Policy::Consistent { promise: heartbeat * 4 }, Policy::Manual],
            ),
            on_isolation: one_of(flags >> 5, &[OnIsolation::Keep, OnIsolation::StepDown]),
            fence: one_of(
                flags >> 6,
                &[None, Some(FenceRule { delay: 2 * heartbeat, pause: 4 * heartbeat })],
            ),
            ..settings(one_of(priority, &[0, 10, -10, i32::MAX, i32::MIN]))
        }
    }
}

/// Chosen by a byte; the first for zero.
pub fn one_of<T: Copy>(byte: u8, choices: &[T]) -> T {
    choices[usize::from(byte) % choices.len()]
}

/// Up to 41 s; short times are likelier.
pub fn duration(byte: u8) -> Duration {
    Duration::from_millis(u64::from(byte).pow(3) / 400)
}

/// A status of the peer, or an unknown one.
pub fn peer_code(byte: u8) -> Option<PeerCode> {
    PeerCode::ALL.get(usize::from(byte) % (PeerCode::ALL.len() + 1)).copied()
}

/// A status of the application, or an unknown one.
pub fn app_code(byte: u8) -> Option<AppCode> {
    AppCode::ALL.get(usize::from(byte) % (AppCode::ALL.len() + 1)).copied()
}
