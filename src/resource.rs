//! One protected service: the protocol's resource together with the words that travel beside it.

use std::net::IpAddr;
use std::time::SystemTime;

use schrittmacher_protocol::{PeerReport, Resource, Settings, Time};
use schrittmacher_wire::{AppCode, Message, PeerCode, PeerMessage, host};

use crate::admin::snapshot::{APP_TIMEOUT, PEER_TIMEOUT, app_word, peer_word};
use crate::config;
use crate::wording::beginning;

/// What is kept of a reason, in bytes: about as much as a datagram of ours has room for.
const REASON: usize = 1024;

/// The last message of one side, for the page, the commands and the wire.
#[derive(Clone, Debug, Default)]
pub struct LastMessage {
    /// What it was, in the legacy's words; empty before the first one.
    pub text: &'static str,
    /// The reason it gave. The application's goes on to the peer with our messages.
    pub reason: Option<String>,
    /// When it came.
    pub at: Option<SystemTime>,
}

/// A resource of this daemon.
#[derive(Debug)]
pub struct Managed {
    /// What the operator wants.
    pub config: config::Resource,
    /// The state machine.
    pub protocol: Resource,
    /// The application's last message.
    pub local: LastMessage,
    /// The peer's last message.
    pub remote: LastMessage,
    /// The daemon ends, or the resource was removed, and has nothing more to do.
    pub ended: bool,
    /// It has been told to end.
    pub given_up: bool,
    /// It stands in the configuration no more.
    pub removed: bool,
}

impl Managed {
    /// A resource of a daemon that starts now.
    pub fn new(core: &config::Core, config: config::Resource, now: Time) -> Managed {
        Managed {
            protocol: Resource::new(settings(core, &config), now),
            config,
            // 2.0.0 sends an empty reason until the application has said something.
            local: LastMessage { reason: Some(String::new()), ..LastMessage::default() },
            remote: LastMessage::default(),
            ended: false,
            given_up: false,
            removed: false,
        }
    }

    /// Takes a changed configuration of the same resource.
    pub fn configure(&mut self, core: &config::Core, config: config::Resource, now: Time) {
        let settings = settings(core, &config);
        if settings != *self.protocol.settings() {
            self.protocol.set_settings(now, settings);
        }
        self.config = config;
    }

    /// Takes note of what the application says beside its status. An `LUNK` without a reason keeps the old
    /// one, as 2.0.0 does.
    pub fn heard_app(&mut self, code: Option<AppCode>, reason: Option<String>) {
        self.local.at = Some(SystemTime::now());
        let Some(code) = code else { return };
        self.local.text = app_word(code);
        if reason.is_some() || code != AppCode::Lunk {
            self.local.reason = reason.map(|reason| beginning(reason, REASON));
        }
    }

    /// Takes note of what the peer says beside its status.
    pub fn heard_peer(&mut self, code: Option<PeerCode>, reason: Option<String>) {
        self.remote.at = Some(SystemTime::now());
        let Some(code) = code else { return };
        self.remote.text = peer_word(code);
        self.remote.reason = reason.map(|reason| beginning(reason, REASON));
    }

    /// Nothing was heard of the application for `app-timeout`; goes on to the peer as our reason.
    pub fn app_silent(&mut self) {
        self.local.text = APP_TIMEOUT;
        self.local.reason =
            Some(format!("application silent for {} s", self.config.app_timeout.as_secs_f64()));
    }

    /// Nothing was heard of the peer for its timeout.
    pub fn peer_silent(&mut self) {
        self.remote.text = PEER_TIMEOUT;
        let timeout = self.protocol.machine().peer.timeout(self.protocol.settings());
        self.remote.reason = Some(format!("peer silent for {} s", timeout.as_secs_f64()));
    }

    /// The datagram that carries this status.
    pub fn datagram(&self, code: PeerCode, random: u32, extended: bool, host: &str) -> Vec<u8> {
        PeerMessage {
            code,
            random,
            resource: &self.config.name,
            reason: self.local.reason.as_deref(),
            host: Some(host),
            priority: self.config.priority,
            heartbeat: extended.then_some(self.config.heartbeat),
        }
        .encode()
    }
}

/// What the protocol has to know of the configuration.
pub fn settings(core: &config::Core, config: &config::Resource) -> Settings {
    Settings {
        heartbeat: config.heartbeat,
        timeout: config.timeout,
        app_timeout: config.app_timeout,
        going_hot_timeout: config.going_hot_timeout,
        going_standby_timeout: config.going_standby_timeout,
        startup_delay: config.startup_delay,
        priority: config.priority,
        preempt: config.preempt,
        local: core.local_address,
        remote: core.remote_address,
        extensions: core.extensions,
    }
}

/// What a datagram of the peer says, as far as the protocol cares.
pub fn peer_report(message: &Message, code: Option<PeerCode>) -> PeerReport {
    PeerReport {
        code,
        priority: message.priority,
        random: message.random,
        host: message.host.as_deref().and_then(host::parse).map(|host: IpAddr| host.to_canonical()),
        has_type: message.kind.is_some(),
        period: message.heartbeat,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use schrittmacher_protocol::Event;

    use super::*;
    use crate::actions::tests::{core, resource};

    /// Of an ordinary resource.
    pub(crate) fn settings() -> Settings {
        super::settings(&core(), &resource("smsc"))
    }

    /// D33: a change of state, or silence, does not make an old message look fresh.
    #[test]
    fn the_age_of_a_message_is_its_own() {
        let mut managed = Managed::new(&core(), resource("smsc"), Time::ZERO);
        managed.heard_app(Some(AppCode::Lsby), None);
        managed.heard_peer(Some(PeerCode::Hott), None);
        let (local, remote) = (managed.local.at, managed.remote.at);
        assert!(local.is_some() && remote.is_some());

        managed.protocol.handle(Time::ZERO, Event::App(Some(AppCode::Lsby)));
        let before = managed.protocol.state().name();
        managed.protocol.handle(Time::ZERO, Event::App(Some(AppCode::Lfai)));
        assert_ne!(managed.protocol.state().name(), before);
        managed.app_silent();
        managed.peer_silent();
        assert_eq!((managed.local.at, managed.remote.at), (local, remote));
        assert_eq!((managed.local.text, managed.remote.text), (APP_TIMEOUT, PEER_TIMEOUT));
    }
}
