//! How one host stands, as far as the promises care.

use schrittmacher_protocol::{Asked, Generation, Said, State, StateName};
use schrittmacher_testkit::double as legacy;

use crate::app::{App, Role};
use crate::host::{Daemon, Host, Kind, Program};
use crate::relative::NOW;

/// How a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Hot, with a hot application.
    Hot,
    /// Standby, with a standby application.
    Standby,
    /// Takes no part: no daemon, or no application that could serve.
    Out,
    /// On its way to one of these.
    Moving,
}

impl Host {
    pub fn stand(&self) -> Stand {
        let (hot, standby, going) = match &self.daemon {
            Daemon::Down => return Stand::Out,
            Daemon::Ours(machine) => match machine.state.name() {
                StateName::Hot => (true, false, false),
                StateName::Standby => (false, true, false),
                StateName::ToHot | StateName::Releasing => (false, false, true),
                StateName::Unknown | StateName::ToStandby | StateName::Failed | StateName::Leaving => {
                    (false, false, false)
                }
            },
            Daemon::Legacy(legacy) => match legacy.state() {
                legacy::State::Hot => (true, false, false),
                legacy::State::Standby => (false, true, false),
                legacy::State::ToHot => (false, false, true),
                legacy::State::Unknown | legacy::State::ToStandby | legacy::State::Failed => {
                    (false, false, false)
                }
            },
        };
        if let Daemon::Ours(machine) = &self.daemon
            && matches!(machine.state, State::Failed { hold_back: Some(_) })
        {
            // It may serve again, but not beside a side that does.
            return Stand::Out;
        }
        if hot && self.app.is(Role::Hot) && self.may_lack_address() && self.may_be_cut_off() {
            Stand::Hot
        } else if standby && self.app.is(Role::Standby) {
            Stand::Standby
        } else if !hot && !going && !self.app.is_fit() {
            Stand::Out
        } else {
            Stand::Moving
        }
    }

    /// Its address is up, or its peer could not serve either.
    fn may_lack_address(&self) -> bool {
        let Daemon::Ours(machine) = &self.daemon else { return true };
        self.activate_fails.is_none() || !machine.peer.alive || machine.peer.said == Said::Fail
    }

    /// Clients reach it, or its peer could not serve either.
    fn may_be_cut_off(&self) -> bool {
        let Daemon::Ours(machine) = &self.daemon else { return true };
        !self.cut_off || (machine.peer.alive && machine.peer.said == Said::Fail)
    }

    /// Says that it is hot.
    pub fn claims(&self) -> bool {
        match &self.daemon {
            Daemon::Down => false,
            Daemon::Ours(machine) => machine.state.name() == StateName::Hot,
            Daemon::Legacy(legacy) => legacy.state() == legacy::State::Hot,
        }
    }

    /// The daemon has just started and knows nothing of its role yet; what its application is.
    pub fn is_fresh(&self) -> Option<Role> {
        let unknown = match &self.daemon {
            Daemon::Down => false,
            Daemon::Ours(machine) => machine.state == State::Unknown { claim: None },
            Daemon::Legacy(legacy) => legacy.state() == legacy::State::Unknown,
        };
        match self.app {
            App::Runs { role, going: None, hung: false, .. } if unknown => Some(role),
            _ => None,
        }
    }

    /// Could serve.
    pub fn is_fit(&self) -> bool {
        self.is_up() && self.app.is_fit() && !self.cut_off
    }

    /// The survivor is decided beforehand. An operator's takeover is under way. Or the peer has yielded a moment ago or is
    /// about to count as deaf. Or the daemon has lost time (S11), or has still to hear a message that is no longer true.
    pub fn is_biased(&self, kind: &Kind) -> bool {
        let untrue = self.report.is_some() || self.died || self.is_late() || self.ends();
        let (Daemon::Ours(machine), Program::Ours(settings)) = (&self.daemon, &kind.program) else {
            return untrue;
        };
        let forced = matches!(machine.asked, Some(Asked::Forced { .. }));
        let State::Hot { granted_until, reaction_due, .. } = machine.state else { return untrue || forced };
        // A conflict takes two heartbeats; what comes after that does not decide it.
        let beat = match machine.peer.generation {
            Generation::Ours { period } => settings.heartbeat.max(period),
            Generation::Classic | Generation::Modern => settings.heartbeat,
        };
        let soon_deaf = reaction_due.is_some_and(|deadline| deadline < NOW + 2 * beat);
        untrue || forced || machine.catching_up || granted_until.is_some() || soon_deaf
    }

    /// In words.
    pub fn words(&self) -> String {
        let daemon = match &self.daemon {
            Daemon::Down => "down".to_owned(),
            Daemon::Ours(machine) => machine.state.name().to_string(),
            Daemon::Legacy(legacy) => format!("{:?}", legacy.state()),
        };
        let app = match self.app {
            App::Dead => "dead".to_owned(),
            App::Failed { .. } => "failed".to_owned(),
            App::Runs { hung: true, .. } => "hung".to_owned(),
            App::Runs { going: Some((to, _)), .. } => format!("to{to:?}"),
            App::Runs { role, .. } => format!("{role:?}"),
        };
        let paused = if self.paused { ", paused" } else { "" };
        format!("{daemon}({}{paused})", app.to_lowercase())
    }
}
