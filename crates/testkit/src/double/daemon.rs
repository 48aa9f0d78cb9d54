//! A legacy daemon with one resource, from datagram to datagram: its doors, its words, its bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use schrittmacher_wire::{AppCode, Code, Message, PeerCode, host};
use serde::Serialize;

use super::legacy::{Action, Event, Legacy, Settings};
use super::table::{Generation, State};

/// The values of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The settings behind the behaviour.
    pub settings: Settings,
    /// The resource's `name`.
    pub resource: String,
    /// `local-address`.
    pub local: IpAddr,
    /// `remote-address`.
    pub remote: IpAddr,
}

/// Where a datagram came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `port`; 1.8.2 has no other.
    Peer,
    /// `port` + 1.
    Local,
}

/// The daemon's outputs, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A datagram to `remote-address`:`port`.
    Datagram(Vec<u8>),
    /// See [`Action::Activate`].
    Activate,
    /// See [`Action::Deactivate`].
    Deactivate,
    /// See [`Action::Start`].
    Start,
    /// See [`Action::Stop`].
    Stop,
}

/// The daemon.
#[derive(Clone, Debug)]
pub struct Daemon {
    config: Config,
    pub(crate) core: Legacy,
    /// The last local reason; 2.0.0 sends it with every message, and leaves the key out if there is none.
    pub(crate) reason: Option<String>,
    pid: Option<u32>,
}

const SILENCE: &str = "eventLocalTimeout issued due to outstanding local heartbeats";

impl Daemon {
    /// A daemon that starts now.
    pub fn start(config: Config, now: Duration, draw: &mut dyn FnMut() -> u32) -> (Daemon, Vec<Output>) {
        let (core, actions) = Legacy::start(config.settings, now, draw);
        let mut daemon = Daemon { config, core, reason: Some(String::new()), pid: None };
        let outputs = daemon.say(actions);
        (daemon, outputs)
    }

    /// A datagram has come in.
    pub fn receive(
        &mut self,
        now: Duration,
        door: Door,
        from: IpAddr,
        datagram: &[u8],
        draw: &mut dyn FnMut() -> u32,
    ) -> Vec<Output> {
        // Before it is looked at.
        self.core.overhear(now);
        if !self.admits(door, from) {
            return Vec::new();
        }
        let Ok(message) = Message::parse(datagram) else { return Vec::new() };
        if message.resource != self.config.resource {
            return Vec::new();
        }
        // Believed from any sender (D42).
        self.pid = message.pid.or(self.pid);
        // The code alone tells a daemon from an application, whatever the door.
        let event = match message.code {
            Code::Peer(code) => Event::Peer { code, priority: message.priority, random: message.random },
            Code::App(code) => {
                self.note_reason(code, message.reason.map(Into::into));
                Event::App(code)
            }
            Code::Unknown => return Vec::new(),
        };
        self.handle(now, event, draw)
    }

    /// Anything but a datagram: a button, or time.
    pub fn handle(&mut self, now: Duration, event: Event, draw: &mut dyn FnMut() -> u32) -> Vec<Output> {
        let actions = self.core.handle(now, event, draw);
        self.say(actions)
    }

    /// When [`Event::Timer`] is due.
    pub fn next_deadline(&self) -> Duration {
        self.core.next_deadline()
    }

    /// The state.
    pub fn state(&self) -> State {
        self.core.state()
    }

    /// The process that some message named.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// 2.0.0 compares texts: `ipv4:127.0.0.1` is received but `ipv4:localhost` is what a configured 127.0.0.1
    /// becomes, so loopback is never admitted by the peer door. Port and `port` + 1 know no other check.
    fn admits(&self, door: Door, from: IpAddr) -> bool {
        let from = from.to_canonical();
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        match (self.config.settings.generation, door) {
            (Generation::V182, _) | (Generation::V200, Door::Local) => true,
            (Generation::V200, Door::Peer) => {
                (from == self.config.remote || from == self.config.local) && !loopback.contains(&from)
            }
        }
    }

    fn note_reason(&mut self, code: AppCode, given: Option<String>) {
        let default = match code {
            AppCode::Lhot | AppCode::Lsby | AppCode::L2ht | AppCode::L2sb => None,
            AppCode::Lunk => self.reason.take(),
            AppCode::Lfai => Some("unknown-local-failure-indication".to_owned()),
            AppCode::Lrfo => Some("manual-requested-failover-from-app".to_owned()),
            AppCode::Lrto => Some("manual-requested-takeover-from-app".to_owned()),
        };
        self.reason = given.or(default);
    }

    pub(crate) fn say(&mut self, actions: Vec<Action>) -> Vec<Output> {
        // 2.0.0 mangles an IPv6 address before it sends to it.
        let mute = self.config.settings.generation == Generation::V200 && self.config.remote.is_ipv6();
        let mut outputs = Vec::new();
        for action in actions {
            outputs.push(match action {
                Action::Send { .. } if mute => continue,
                Action::Send { code, random } => Output::Datagram(self.encode(code, random)),
                Action::Activate => Output::Activate,
                Action::Deactivate => Output::Deactivate,
                Action::Start => Output::Start,
                Action::Stop => Output::Stop,
                Action::NotedSilence => {
                    self.reason = Some(SILENCE.to_owned());
                    continue;
                }
            });
        }
        outputs
    }

    /// The bytes of this generation. Written here and not by the `wire` crate, so that a mistake there can't
    /// hide in both.
    fn encode(&self, code: PeerCode, random: u32) -> Vec<u8> {
        let (status, resource) = (code.as_str(), self.config.resource.as_str());
        let priority = self.config.settings.priority;
        let json = match self.config.settings.generation {
            Generation::V182 => {
                serde_json::to_vec_pretty(&Datagram182 { random, status, resource, priority })
            }
            Generation::V200 => serde_json::to_vec_pretty(&Datagram200 {
                status,
                random,
                resource,
                reason: self.reason.as_deref(),
                host: host::unified(self.config.local),
                priority,
                kind: "schrittmacher",
            }),
        };
        json.expect("texts and numbers can be written")
    }
}

#[derive(Serialize)]
struct Datagram182<'a> {
    random: u32,
    status: &'a str,
    resource: &'a str,
    priority: i32,
}

#[derive(Serialize)]
struct Datagram200<'a> {
    status: &'a str,
    random: u32,
    resource: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    host: String,
    priority: i32,
    #[serde(rename = "type")]
    kind: &'a str,
}
