//! The steps of one host, each computed once: hosts are numbered, and a pair is two numbers and a link.
//!
//! The shipped code is called for every (host, event) that is met, and never twice for the same one. This is
//! exact: a step depends on nothing but the host, the event and the choice.

use std::collections::BTreeSet;
use std::time::Duration;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::app::{App, Role};
use crate::host::{FAULTS, Host, Input, Kind, MENDING, Message, Targets};
use crate::stand::Stand;
use crate::step::Choice;

/// Inputs that happen by themselves, apart from messages and time.
const BY_ITSELF: [Input; 10] = [
    Input::Tick,
    Input::Report,
    Input::Hear,
    Input::Died,
    Input::Released,
    Input::ReleaseFails,
    Input::ActivateFails,
    Input::Echoes,
    Input::HostSilent,
    Input::FenceFails,
];

/// The most different messages one side can send: they are numbered in six bits, from 1.
const MESSAGES: usize = 63;

/// A host as the search needs it, without a look inside.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    pub stand: Stand,
    pub claims: bool,
    /// Its application is hot, with or without a daemon.
    pub serves: bool,
    pub fresh: Option<Role>,
    pub fit: bool,
    pub up: bool,
    /// Its daemon has been asked to end.
    pub ends: bool,
    pub runs: bool,
    pub frozen: bool,
    pub biased: bool,
    /// Its targets are silent, and were so when the link was cut, or before.
    pub isolated_in_time: bool,
    pub isolated: bool,
    pub has_role: bool,
    pub waits_for_fence: bool,
    pub has_lost_peer: bool,
    pub hears_peer: bool,
    /// Clients get answers, also while it stops.
    pub answers: bool,
    pub late: bool,
    pub reporting: bool,
    pub hot_for: Duration,
    /// Bits of [`BY_ITSELF`]: what can and what must happen in this second.
    can: u16,
    must: u16,
    /// Bits of [`MENDING`] and [`FAULTS`].
    mending: u8,
    faults: u32,
}

/// A step's outcome in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub host: u32,
    pub sent: Box<[u8]>,
    pub broken: Option<&'static str>,
    /// See [`crate::step::Outcome`].
    pub stops: bool,
}

/// All that is known of one side.
pub struct Side {
    kind: Kind,
    hosts: Vec<Host>,
    numbers: HashMap<Host, u32, FxBuildHasher>,
    infos: Vec<Info>,
    steps: HashMap<(u32, u8), (u32, u8), FxBuildHasher>,
    effects: Vec<Effect>,
    messages: Vec<Message>,
    /// Lines of the list of deviations that were met.
    pub met: BTreeSet<usize>,
}

impl Side {
    pub fn new(kind: Kind) -> Side {
        Side {
            kind,
            hosts: Vec::new(),
            numbers: HashMap::default(),
            infos: Vec::new(),
            steps: HashMap::default(),
            effects: Vec::new(),
            messages: Vec::new(),
            met: BTreeSet::new(),
        }
    }

    pub fn is_manual(&self) -> bool {
        self.kind.is_manual()
    }

    /// Its daemon is restarted in good order.
    pub fn restarts(&mut self) {
        self.kind.restarts = true;
    }

    pub fn host(&self, number: u32) -> &Host {
        &self.hosts[number as usize]
    }

    pub fn info(&self, number: u32) -> Info {
        self.infos[number as usize]
    }

    /// A message of this side.
    pub fn message(&self, number: u8) -> Message {
        self.messages[usize::from(number) - 1]
    }

    pub fn number(&mut self, host: Host) -> u32 {
        if let Some(number) = self.numbers.get(&host) {
            return *number;
        }
        let number = u32::try_from(self.hosts.len()).expect("fewer hosts than memory");
        self.infos.push(self.look_at(&host));
        self.hosts.push(host.clone());
        self.numbers.insert(host, number);
        number
    }

    fn look_at(&self, host: &Host) -> Info {
        let bits = |inputs: &[Input], holds: &dyn Fn(Input) -> bool| {
            inputs.iter().enumerate().fold(0_u32, |bits, (at, input)| bits | u32::from(holds(*input)) << at)
        };
        let allowed = |input| host.allows(&self.kind, input);
        let low = |bits: u32| u16::try_from(bits).expect("fewer than sixteen");
        Info {
            stand: host.stand(),
            claims: host.claims(),
            serves: host.app.is(Role::Hot),
            fresh: host.is_fresh(),
            fit: host.is_fit() && !self.kind.starts_nothing(),
            up: host.is_up(),
            ends: host.ends(),
            runs: host.runs(),
            frozen: host.is_frozen(),
            biased: host.is_biased(&self.kind),
            isolated_in_time: matches!(host.targets, Targets::Silent { in_time: true, .. }),
            isolated: host.is_isolated(),
            has_role: host.has_role(),
            waits_for_fence: host.waits_for_fence(),
            has_lost_peer: host.has_lost_peer(),
            hears_peer: host.hears_peer(),
            answers: matches!(host.app, App::Runs { role: Role::Hot, .. }),
            late: host.is_late(),
            hot_for: host.hot_for(),
            reporting: host.report.is_some() || allowed(Input::Report),
            can: low(bits(&BY_ITSELF, &allowed)),
            must: low(bits(&BY_ITSELF, &|input| host.must(&self.kind, input))),
            mending: bits(&MENDING, &allowed).to_le_bytes()[0],
            faults: bits(&FAULTS, &allowed),
        }
    }

    /// The outcomes of a step, as a range for [`Side::effect`]. `sender` numbers the messages of the other side.
    pub fn step(&mut self, number: u32, input: Input, taken: u8) -> std::ops::Range<u32> {
        let key = (number, key(input, taken));
        let (first, count) = match self.steps.get(&key) {
            Some(known) => *known,
            None => self.compute(key, input),
        };
        first..first + u32::from(count)
    }

    pub fn effect(&self, at: u32) -> &Effect {
        &self.effects[at as usize]
    }

    fn compute(&mut self, key: (u32, u8), input: Input) -> (u32, u8) {
        let host = self.hosts[key.0 as usize].clone();
        let first = self.effects.len();
        let (takes, draws) = (self.kind.takes, self.kind.draws);
        let choices = takes.iter().flat_map(|takes| {
            draws.iter().flat_map(|draw| {
                [false, true].map(|crossing| Choice { takes: *takes, draw: *draw, crossing })
            })
        });
        for choice in choices {
            let outcome = host.step(&self.kind, input, choice);
            self.met.extend(outcome.met);
            let effect = Effect {
                host: self.number(outcome.host),
                sent: outcome.sent.into_iter().map(|message| self.number_message(message)).collect(),
                broken: outcome.broken,
                stops: outcome.stops,
            };
            // Most steps choose nothing.
            if !self.effects[first..].contains(&effect) {
                self.effects.push(effect);
            }
        }
        let count = u8::try_from(self.effects.len() - first).expect("a handful of choices");
        let found = (u32::try_from(first).expect("fewer effects than memory"), count);
        self.steps.insert(key, found);
        found
    }

    fn number_message(&mut self, message: Message) -> u8 {
        let at = self.messages.iter().position(|known| *known == message).unwrap_or_else(|| {
            self.messages.push(message);
            self.messages.len() - 1
        });
        assert!(at < MESSAGES, "more different messages than the search has numbers for");
        u8::try_from(at + 1).expect("at most 63")
    }
}

impl Info {
    /// The inputs that can happen by themselves.
    pub fn can(self) -> impl Iterator<Item = Input> {
        chosen(&BY_ITSELF, u32::from(self.can))
    }

    /// Whether something has to happen before the second is over.
    pub fn is_busy(self) -> bool {
        self.must != 0
    }

    pub fn mending(self) -> impl Iterator<Item = Input> {
        chosen(&MENDING, u32::from(self.mending))
    }

    pub fn faults(self) -> impl Iterator<Item = Input> {
        chosen(&FAULTS, self.faults)
    }
}

fn chosen(inputs: &'static [Input], bits: u32) -> impl Iterator<Item = Input> {
    inputs.iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, input)| *input)
}

/// A number for an input; messages by their own.
fn key(input: Input, taken: u8) -> u8 {
    match input {
        Input::Take(_) => 64 + taken,
        Input::Tick => 0,
        Input::Report => 1,
        Input::Hear => 2,
        Input::Died => 3,
        Input::Released => 4,
        Input::Pass => 5,
        Input::StartDaemon => 6,
        Input::StartApp => 7,
        Input::WakeApp => 10,
        Input::Resume => 11,
        Input::Crash => 12,
        Input::HostDies => 13,
        Input::AppDies => 14,
        Input::AppHangs => 15,
        Input::AppFails => 16,
        Input::Failover => 17,
        Input::Takeover => 18,
        Input::Shutdown => 19,
        Input::Pause => 20,
        Input::ActivateFails => 21,
        Input::AddressLost => 22,
        Input::Freeze => 23,
        Input::Thaw => 24,
        Input::ClientsLost => 25,
        Input::ReleaseFails => 26,
        Input::Restart => 27,
        Input::Echoes => 28,
        Input::Reach => 29,
        Input::TakeoverByForce => 30,
        Input::TargetsLost => 31,
        Input::TargetsLostLate => 32,
        Input::Isolated => 33,
        Input::FenceConfirms => 34,
        Input::FenceFails => 35,
        Input::HostSilent => 36,
    }
}
