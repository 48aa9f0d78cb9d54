//! What the application and the peer have said last. What keeps this side from serving goes on to the peer as its reason.

use schrittmacher_protocol::{State, Time};
use schrittmacher_wire::{AppCode, PeerCode};

use super::ManagedResource;
use crate::commands::{CommandKind, CommandOutcome};
use schrittmacher_text::{beginning, wording};

/// The part of a reason that is kept, in bytes: about as much as a datagram of ours has room for.
const REASON: usize = 1024;

/// One side's last word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Word<Code> {
    /// It has not said anything yet.
    #[default]
    Nothing,
    /// This.
    Said(Code),
    /// Nothing for its timeout.
    Silence,
}

/// The last message of one side, for the page, the commands and the wire.
#[derive(Clone, Debug)]
pub struct LastMessage<Code> {
    /// The word.
    pub word: Word<Code>,
    /// The reason it gave. The application's goes on to the peer with our messages.
    pub reason: Option<String>,
    /// When it came.
    pub at: Option<Time>,
}

impl<Code> LastMessage<Code> {
    /// Takes a reason from outside. Nearly all are those that were given last, and need no copy.
    fn set_reason(&mut self, reason: Option<&str>) {
        if self.reason.as_deref() != reason {
            self.reason = reason.map(|reason| beginning(reason.to_owned(), REASON));
        }
    }
}

impl ManagedResource {
    /// Takes note of what the application says beside its status. An `LUNK` without a reason keeps the old
    /// one, as 2.0.0 does. An application that is well does not erase what this daemon found wrong.
    pub fn heard_app(&mut self, code: Option<AppCode>, reason: Option<&str>, now: Time) {
        self.local.at = Some(now);
        self.app_has_died = false;
        let Some(code) = code else { return };
        self.local.word = Word::Said(code);
        self.reports_its_way |= matches!(code, AppCode::L2ht | AppCode::L2sb);
        if !matches!(code, AppCode::Lrfo | AppCode::Lrto) {
            self.app_said = Some(code);
        }
        let has_failed = code == AppCode::Lfai && reason.is_some_and(|reason| !reason.is_empty());
        if self.is_out_of_order && !has_failed && self.cannot_serve() {
            return;
        }
        self.is_out_of_order = false;
        if reason.is_some() || code != AppCode::Lunk {
            self.local.set_reason(reason);
        }
    }

    /// Whatever its application says.
    fn cannot_serve(&self) -> bool {
        let machine = self.protocol.machine();
        machine.cut_off || matches!(machine.state, State::Failed { .. })
    }

    /// Takes note of what the peer says beside its status.
    pub fn heard_peer(&mut self, code: Option<PeerCode>, reason: Option<&str>, now: Time) {
        self.remote.at = Some(now);
        let Some(code) = code else { return };
        self.remote.word = Word::Said(code);
        self.remote.set_reason(reason);
        if let Some(state) = wording::peer_state(code) {
            self.story.peer(Some(state), self.remote.reason.as_deref(), now);
        }
    }

    /// Nothing was heard of the application for `app-timeout`; goes on to the peer as our reason.
    pub fn app_silent(&mut self) {
        self.local.word = Word::Silence;
        self.local.reason =
            Some(format!("application silent for {} s", self.config.app_timeout.as_secs_f64()));
    }

    /// Nothing was heard of the peer for its timeout.
    pub fn peer_silent(&mut self, now: Time) {
        self.story.peer(None, None, now);
        self.remote.word = Word::Silence;
        let timeout = self.protocol.machine().peer.timeout(self.protocol.settings());
        self.remote.reason = Some(format!("peer silent for {} s", timeout.as_secs_f64()));
    }

    /// The application has failed by this; goes on to the peer as our reason.
    pub fn app_failed(&mut self, outcome: &CommandOutcome) {
        self.app_has_died = true;
        self.local.reason = Some(beginning(outcome.to_string(), REASON));
    }

    /// The words of a failed check are the reason that the operator and the peer see, or those of the start command before
    /// it. A failure keeps its first reason.
    pub fn reason_of_failure(
        &self,
        check: &CommandOutcome,
        is_news: bool,
        is_start_to_blame: bool,
    ) -> String {
        let known = self.local.reason.as_ref().filter(|reason| !is_news && !reason.is_empty());
        let start = self.outcomes[CommandKind::Start as usize].as_deref().filter(|_| is_start_to_blame);
        known.cloned().unwrap_or_else(|| beginning(start.unwrap_or(check).to_string(), REASON))
    }

    /// The address cannot be brought up; goes on to the peer as our reason.
    pub fn address_failed(&mut self) {
        if let Some(outcome) = &self.outcomes[CommandKind::Activate as usize] {
            self.local.reason = Some(beginning(outcome.to_string(), REASON));
            self.is_out_of_order = true;
        }
    }

    /// Clients cannot reach this host: the reason that the operator and the peer see.
    pub fn is_cut_off(&mut self, why: String) {
        log::error!(target: &self.config.name, "{why}");
        self.local.reason = Some(why);
        self.is_out_of_order = true;
    }

    /// The same, for another reason by now. Whether it is news.
    pub fn is_still_cut_off(&mut self, why: String) -> bool {
        // A failed application is the reason from then on.
        let is_news = self.is_out_of_order && self.local.reason.as_ref() != Some(&why);
        if is_news {
            log::error!(target: &self.config.name, "{why}");
            self.local.reason = Some(why);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::commands::Ending;
    use schrittmacher_protocol::Event;
    use schrittmacher_testkit::config::{core, resource};

    /// D33: a change of state, or silence, does not make an old message look fresh.
    #[test]
    fn the_age_of_a_message_is_its_own() {
        let mut managed = ManagedResource::new(&core(), resource("smsc"), None, Time::ZERO);
        managed.heard_app(Some(AppCode::Lsby), None, Time::ZERO);
        managed.heard_peer(Some(PeerCode::Hott), None, Time::ZERO);
        let (local, remote) = (managed.local.at, managed.remote.at);
        assert!(local.is_some() && remote.is_some());

        managed.protocol.handle(Time::ZERO, Event::App(Some(AppCode::Lsby)));
        let before = managed.protocol.state().name();
        managed.protocol.handle(Time::ZERO, Event::App(Some(AppCode::Lfai)));
        assert_ne!(managed.protocol.state().name(), before);
        managed.app_silent();
        managed.peer_silent(Time::ZERO);
        assert_eq!((managed.local.at, managed.remote.at), (local, remote));
        assert_eq!((managed.local.word, managed.remote.word), (Word::Silence, Word::Silence));
    }

    /// "All is well" was told as the reason of a failure.
    #[test]
    fn what_an_application_said_while_it_was_well_is_no_reason_for_its_end() {
        let mut managed = ManagedResource::new(&core(), resource("smsc"), None, Time::ZERO);
        managed.heard_app(Some(AppCode::Lhot), Some("all is well"), Time::ZERO);
        managed.app_died();
        assert_eq!(managed.local.reason.as_deref(), Some("the application's process ended"));
        managed.heard_app(Some(AppCode::Lfai), Some("disk full"), Time::ZERO);
        managed.app_died();
        assert_eq!(managed.local.reason.as_deref(), Some("disk full"));
    }

    #[test]
    fn an_address_that_is_wanted_here_again_is_no_trouble() {
        let mut managed = ManagedResource::new(&core(), resource("smsc"), None, Time::ZERO);
        let ended = |kind, failures| CommandOutcome {
            kind,
            ending: if failures > 0 { Ending::TimedOut(Duration::from_secs(5)) } else { Ending::AddressDone },
            duration: Duration::ZERO,
            output: String::new(),
            failures,
        };
        assert_eq!(managed.command_ended(ended(CommandKind::Deactivate, 4)), Some(Event::DeactivateFailed));
        assert_eq!(managed.failing_commands().count(), 1);
        managed.command_ended(ended(CommandKind::Activate, 1));
        assert_eq!(managed.failing_commands().count(), 2, "it is not up");
        managed.command_ended(ended(CommandKind::Activate, 0));
        assert_eq!(managed.failing_commands().count(), 0);
    }

    #[test]
    fn an_application_that_is_well_does_not_erase_ours() {
        let mut managed = ManagedResource::new(&core(), resource("smsc"), None, Time::ZERO);
        managed.heard_app(Some(AppCode::Lsby), Some("starting"), Time::ZERO);
        managed.is_cut_off("eth0 has no carrier".to_owned());
        managed.protocol.handle(Time::ZERO, Event::CutOff);
        for reason in [None, Some(""), Some("started")] {
            managed.heard_app(Some(AppCode::Lsby), reason, Time::ZERO);
            assert_eq!(managed.local.reason.as_deref(), Some("eth0 has no carrier"));
        }
        assert!(managed.is_still_cut_off("eth0 is missing".to_owned()));
        assert!(!managed.is_still_cut_off("eth0 is missing".to_owned()), "that is known");
        assert_eq!(managed.local.reason.as_deref(), Some("eth0 is missing"));
        managed.heard_app(Some(AppCode::Lfai), Some("disk full"), Time::ZERO);
        assert!(
            !managed.is_still_cut_off("eth0 has no carrier".to_owned()),
            "that is not the reason any more"
        );
        assert_eq!(managed.local.reason.as_deref(), Some("disk full"));
        managed.protocol.handle(Time::ZERO, Event::Reconnected);
        managed.heard_app(Some(AppCode::Lsby), Some(""), Time::ZERO);
        assert_eq!(managed.local.reason.as_deref(), Some(""));
    }
}
