//! How often what was received, sent and ordered: plain integers, never reset.

use schrittmacher_wire::{AppCode, PeerCode};

use crate::event::{Action, Command};

/// The counters of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    from_peer: [u64; PeerCode::ALL.len()],
    from_app: [u64; AppCode::ALL.len()],
    to_peer: [u64; PeerCode::ALL.len()],
    /// Orders to the application to go hot; repeated ones count too.
    pub starts: u64,
    /// Orders to the application to go standby; repeated ones count too.
    pub stops: u64,
}

impl Counters {
    /// Datagrams with this status received from the peer.
    pub fn from_peer(&self, code: PeerCode) -> u64 {
        self.from_peer[code as usize]
    }

    /// Datagrams with this status received from the application.
    pub fn from_app(&self, code: AppCode) -> u64 {
        self.from_app[code as usize]
    }

    /// Datagrams with this status sent to the peer.
    pub fn to_peer(&self, code: PeerCode) -> u64 {
        self.to_peer[code as usize]
    }

    pub(crate) fn received_from_peer(&mut self, code: PeerCode) {
        self.from_peer[code as usize] += 1;
    }

    pub(crate) fn received_from_app(&mut self, code: AppCode) {
        self.from_app[code as usize] += 1;
    }

    pub(crate) fn did(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Send { code, .. } => self.to_peer[*code as usize] += 1,
                Action::Command(Command::Start) => self.starts += 1,
                Action::Command(Command::Stop) => self.stops += 1,
                Action::Command(Command::Activate | Command::Deactivate { .. } | Command::Barrier)
                | Action::Refuse(_)
                | Action::Notice(_)
                | Action::Exit
                | Action::Witness(_) => {}
            }
        }
    }
}
