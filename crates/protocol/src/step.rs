//! One step of a machine: what comes in becomes causes, time is acted on, the reaction is collected.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use schrittmacher_wire::{AppCode, Note, PeerCode};

use crate::epoch::Epochs;
use crate::event::{Action, AppFailure, AppReport, Command, Event, Notice, PeerReport, Reaction, Transition};
use crate::machine::Machine;
use crate::peer::Said;
use crate::set::Bond;
use crate::state::State;
use crate::{Settings, Time};

/// The input of a state: an event, or an effect of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// A known code of the peer.
    Peer(PeerCode),
    /// A report of the application.
    App(AppReport),
    /// The heartbeat timer, or a deadline of the state.
    Tick,
    /// The application has been silent for `app-timeout`; again at every heartbeat while it stays silent.
    AppSilent,
    /// The peer has been silent for its timeout; again at every heartbeat while it stays silent.
    PeerSilent,
    /// The application is known to have failed.
    AppFailed(AppFailure),
    /// The other side shall be hot.
    Failover {
        /// Where the order comes from.
        by: Orderer,
        /// Override the refusals of S8.
        force: bool,
    },
    /// This side shall be hot.
    Takeover {
        /// Where the order comes from.
        by: Orderer,
    },
    /// The daemon ends.
    Shutdown,
    /// The commands of a hand-over are over.
    Released,
    /// The process lost time (S11).
    Resumed,
    /// The start command has begun.
    StartBegan,
    /// An attempt to bring the interface up has failed.
    ActivateFailed,
    /// Clients cannot reach this host.
    CutOff,
    /// They can again.
    Reconnected,
    /// Neither the peer nor the witness lets this side be hot.
    NoMajority,
    /// This host is isolated, and does not hear its peer.
    Isolated,
}

/// The giver of an order for a failover or a takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Orderer {
    /// An operator.
    Operator,
    /// The application, by LRFO or LRTO.
    App,
    /// The other members of its set.
    Set,
}

/// A step in the making: the machine, what it may look at, and what it has done so far.
pub(crate) struct Step<'a> {
    pub(crate) machine: &'a mut Machine,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Time,
    /// The peer's message that is being handled.
    pub(crate) report: Option<PeerReport>,
    /// The application reports for the first time since this daemon started.
    pub(crate) is_first_report: bool,
    /// The operator wants the role also from a peer that is silent.
    pub(crate) takes_from_silent: bool,
    pub(crate) reaction: Reaction,
    watch: &'a mut dyn FnMut(&Machine, &Reaction),
}

/// What a transition may do, as it is known before.
#[derive(Clone, Copy)]
struct May {
    take_role: bool,
    take_from_silent: bool,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        machine: &'a mut Machine,
        settings: &'a Settings,
        now: Time,
        event: Event,
        watch: &'a mut dyn FnMut(&Machine, &Reaction),
    ) -> Step<'a> {
        let reaction = Reaction { event, transitions: SmallVec::new(), actions: SmallVec::new() };
        Step {
            machine,
            settings,
            now,
            report: None,
            is_first_report: false,
            takes_from_silent: false,
            reaction,
            watch,
        }
    }

    /// Takes the event in.
    pub(crate) fn handle(mut self) -> Reaction {
        let event = self.reaction.event;
        // A daemon that was stopped does this before anything else.
        self.follow_majority();
        // A tick that finds lost time does nothing else: the sockets have to be drained before time is acted on. An order that
        // waits is told right before a tick, which has to find it.
        let lost_time = event != Event::CommandWaits && self.notice_lost_time();
        if !lost_time || event != Event::Tick {
            self.take(event);
        }
        self.drop_unused_fence();
        self.reaction
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Tick => {
                self.machine.catching_up = false;
                self.act_on_time();
            }
            Event::Peer(report) => self.hear_peer(report),
            Event::App(code) => {
                self.machine.app.heard = self.now;
                self.machine.app.silent = false;
                if matches!(code, Some(AppCode::Lsby | AppCode::Lfai)) {
                    self.note_app_stopped();
                }
                match code {
                    Some(AppCode::Lrfo) => self.run(Cause::Failover { by: Orderer::App, force: false }),
                    Some(AppCode::Lrto) => self.run(Cause::Takeover { by: Orderer::App }),
                    Some(AppCode::Lunk) => self.hear_report(AppReport::Lunk),
                    Some(AppCode::Lsby) => self.hear_report(AppReport::Lsby),
                    Some(AppCode::L2ht) => self.hear_report(AppReport::L2ht),
                    Some(AppCode::Lhot) => self.hear_report(AppReport::Lhot),
                    Some(AppCode::L2sb) => self.hear_report(AppReport::L2sb),
                    Some(AppCode::Lfai) => self.hear_report(AppReport::Lfai),
                    None => {}
                }
            }
            Event::AppFailed(failure) => {
                self.note_app_stopped();
                self.run(Cause::AppFailed(failure));
            }
            Event::StartBegan => self.run(Cause::StartBegan),
            Event::ActivateFailed => self.run(Cause::ActivateFailed),
            Event::Activated => self.machine.setbacks.activate = 0,
            Event::CutOff if !self.machine.cut_off => {
                self.machine.cut_off = true;
                self.run(Cause::CutOff);
            }
            Event::Reconnected if self.machine.cut_off => {
                self.machine.cut_off = false;
                self.notice(Notice::Reconnected);
                self.begin_fence_anew();
                self.run(Cause::Reconnected);
            }
            // It is known already.
            Event::CutOff | Event::Reconnected => {}
            Event::HostSilent(since) => self.follow_host(since),
            Event::Isolated(isolated) => self.note_isolation(isolated),
            Event::StopFailed => self.note_stop_failed(),
            Event::DeactivateFailed => self.note_address_kept(),
            Event::Released => self.run(Cause::Released),
            Event::Failover { force } => self.run(Cause::Failover { by: Orderer::Operator, force }),
            Event::Takeover { force } => {
                self.takes_from_silent = force;
                self.run(Cause::Takeover { by: Orderer::Operator });
            }
            Event::Shutdown => self.run(Cause::Shutdown),
            Event::LeftHot(ago) => self.note_left_hot(ago),
            Event::Epochs(epochs) => self.learn_epochs(epochs),
            Event::Freeze(frozen) => self.machine.frozen = frozen,
            Event::Bond(bond) => self.bind(bond),
            Event::Follow { force } => self.run(Cause::Failover { by: Orderer::Set, force }),
            Event::Reloaded => self.machine.peer.advertise(),
            Event::CommandWaits => self.wait_for_command(),
            Event::Witness(answer) => self.hear_witness(answer),
            Event::Fenced(asked, outcome) => self.hear_fenced(asked, outcome),
        }
    }

    /// The application was hot when an earlier daemon heard it last. It would count as silent later than that, so this
    /// daemon claims for it as well, and need not wait for its report (edge-10).
    fn note_left_hot(&mut self, ago: Duration) {
        let is_new =
            matches!(self.machine.state, State::Unknown { claim: None }) && !self.machine.app.reported;
        if is_new && ago < self.settings.app_timeout {
            self.begin_claim();
        }
    }

    /// The application has no order yet that it could obey.
    fn wait_for_command(&mut self) {
        let (now, settings) = (self.now, self.settings);
        match &mut self.machine.state {
            State::ToHot { until, began: false, .. } => *until = now + settings.going_hot_timeout,
            State::ToStandby { until, .. } => *until = now + settings.going_standby_timeout,
            State::ToHot { began: true, .. }
            | State::Unknown { .. }
            | State::Standby { .. }
            | State::Hot { .. }
            | State::Releasing(_)
            | State::Failed { .. }
            | State::Leaving { .. } => {}
        }
    }

    /// The demands of its set have changed. What it had to let pass meanwhile has its effect now.
    fn bind(&mut self, bond: Option<Bond>) {
        let waited = self.waits_for_set();
        self.machine.bond = bond;
        let idle = matches!(self.machine.state, State::Standby { .. } | State::ToStandby { .. });
        if waited && !self.waits_for_set() && idle {
            if self.machine.peer.lost {
                self.run(Cause::PeerSilent);
            } else if self.machine.peer.said == Said::Fail {
                self.run(Cause::Peer(PeerCode::Fail));
            }
        }
    }

    /// An order of the application or an unknown code is no report: neither tells whether it serves.
    fn hear_report(&mut self, report: AppReport) {
        self.is_first_report = !std::mem::replace(&mut self.machine.app.reported, true);
        self.run(Cause::App(report));
    }

    /// A message of the peer is a sign of life. Its code is news, unless it is unknown (W3) or was said while we
    /// lost time (S11).
    fn hear_peer(&mut self, mut report: PeerReport) {
        if (report.code, report.note) == (Some(PeerCode::Hott), Some(Note::GoingHot)) {
            report.code = Some(PeerCode::ToHot);
        }
        if report.code == Some(PeerCode::Fail) {
            self.machine.preempt_armed = true;
        }
        if !self.machine.peer.alive {
            self.notice(Notice::PeerSeen);
        }
        self.end_fence();
        self.machine.peer.heard(self.now, &report, self.settings.extensions);
        self.hear_promise(&report);
        if let Some(greatest) = report.epoch.filter(|_| self.machine.peer.is_ours()) {
            self.learn_epochs(Epochs { own: 0, greatest });
        }
        self.keep_period();
        self.shorten_request();
        self.report = Some(report);
        if let Some(code) = report.code
            && !self.machine.catching_up
        {
            self.run(Cause::Peer(code));
        }
        self.answer_by_promise(&report);
    }

    /// A heartbeat that is late by more than the timeout means that this process was stopped or asleep (S11). It has
    /// to ask again for the right to be hot, and silence during that time proves nothing. The next tick is due at
    /// once.
    fn notice_lost_time(&mut self) -> bool {
        if self.now <= self.machine.next_tick + self.settings.timeout {
            return false;
        }
        let settings = self.settings;
        let Machine { peer, app, next_tick, catching_up, .. } = &mut *self.machine;
        let grace = self.now + peer.beat(settings);
        if !peer.lost {
            peer.heard = peer.heard.max(grace - peer.timeout(settings));
        }
        if !app.silent {
            app.heard = app.heard.max(grace - settings.app_timeout);
        }
        (*next_tick, *catching_up) = (self.now, true);
        self.put_off_fence();
        self.notice(Notice::Paused);
        self.run(Cause::Resumed);
        true
    }

    /// Acts on everything that is due. In the legacy's order: the heartbeat's own message, then the application's
    /// silence, then the peer's. A silent peer is asked before.
    fn act_on_time(&mut self) {
        self.pay_owed_word();
        let is_due = |deadline: Option<Time>| deadline.is_some_and(|deadline| self.now >= deadline);
        let beat = self.now >= self.machine.next_tick || is_due(self.machine.state_due());
        if beat {
            self.schedule_heartbeat();
            self.run(Cause::Tick);
        }
        if self.machine.question_due().is_some_and(|question| self.now >= question) {
            self.ask_silent_peer();
        }
        if self.now >= self.machine.app_due(self.settings) && (beat || !self.machine.app.silent) {
            if !self.machine.app.silent {
                self.notice(Notice::AppSilent);
            }
            self.machine.app.silent = true;
            self.run(Cause::AppSilent);
        }
        self.follow_isolation();
        let peer = self.machine.peer_due(self.settings);
        let seeks = self.is_due_to_seek();
        if peer.is_some_and(|silent| self.now >= silent) && (beat || seeks || !self.machine.peer.lost) {
            self.lose_peer();
        }
        if seeks {
            self.delay_next_try();
        }
    }

    /// The peer is silent, or silent still.
    pub(crate) fn lose_peer(&mut self) {
        if self.machine.peer.alive {
            self.notice(Notice::PeerLost);
            self.note_last_word();
            self.tell_that_it_stays();
            // What it has handed over in this very step, it has handed over to a silent peer.
            if self.reaction.change().is_none() {
                self.stop_yielding();
            }
        }
        self.machine.peer.lose();
        self.machine.preempt_armed = true;
        self.keep_period();
        self.run(Cause::PeerSilent);
    }

    /// The next heartbeat.
    fn schedule_heartbeat(&mut self) {
        let period = self.period();
        self.machine.schedule_heartbeat(self.now, period);
    }

    /// A peer that turns out not to be ours must not wait for us longer than it can bear (W5).
    fn keep_period(&mut self) {
        let latest = self.now + self.period();
        self.machine.next_tick = self.machine.next_tick.min(latest);
    }

    fn period(&self) -> Duration {
        self.spaced_by_promise(self.machine.peer.our_period(self.settings))
    }

    /// Makes one transition and notes it.
    pub(crate) fn run(&mut self, cause: Cause) {
        // An earlier cause of this step has ended the daemon.
        if self.reaction.actions.contains(&Action::Exit) {
            return;
        }
        let (before, first) = (self.machine.state, self.reaction.actions.len());
        // A machine from a file or a test may be wrong before the step.
        let was_right = cfg!(debug_assertions) && self.machine.check().is_ok();
        let from = before.name();
        let may = May {
            take_role: !self.machine.frozen || self.is_consented(),
            take_from_silent: self.is_fenced() || self.goes_unfenced(),
        };
        let owed = self.machine.owed;
        self.transition(cause);
        let to = self.machine.state.name();
        if from != to {
            self.machine.since = self.now;
            // It belongs to the state before.
            self.machine.owed = self.machine.owed.filter(|word| Some(*word) != owed);
        }
        self.note_order(cause);
        self.end_without_role();
        self.reaction.transitions.push(Transition { cause, from, to });
        if was_right {
            let checked = self.check(cause, before, first, may);
            debug_assert!(checked.is_ok(), "{checked:?}: {cause:?} in {before:?}: {:?}", self.reaction);
        }
        (self.watch)(self.machine, &self.reaction);
    }

    /// A daemon that stayed for the role's sake has lost it, or has failed.
    fn end_without_role(&mut self) {
        let gone = self.reaction.actions.contains(&Action::Exit);
        let idle = matches!(
            self.machine.state,
            State::Unknown { claim: None }
                | State::Standby { .. }
                | State::ToStandby { .. }
                | State::Failed { .. }
        );
        if self.is_ending() && idle && !gone {
            self.exit();
        }
    }

    /// `preempt` never undoes an order that was obeyed (S4).
    fn note_order(&mut self, cause: Cause) {
        if self.reaction.refusal().is_none() {
            let armed = &mut self.machine.preempt_armed;
            *armed = matches!(cause, Cause::Takeover { .. })
                || (*armed && !matches!(cause, Cause::Failover { .. }));
        }
    }

    /// Checks the invariants after a transition out of `before`, whose actions begin at `first`. An event may make
    /// several transitions: a heartbeat says FAIL for a side that is held back, and then finds the peer silent.
    fn check(&self, cause: Cause, before: State, first: usize, may: May) -> Result<(), &'static str> {
        self.machine.check()?;
        let actions = &self.reaction.actions[first..];
        let commands = |wanted: fn(&Command) -> bool| {
            actions.iter().any(|action| matches!(action, Action::Command(command) if wanted(command)))
        };
        let says_held = |action: &Action| matches!(action, Action::Send { code: PeerCode::Fail, random, .. } if *random != 0);
        if actions.iter().any(says_held)
            && !matches!(self.machine.state, State::Failed { hold_back: Some(_) })
        {
            return Err("edge-19: says that it is held back, and is not");
        }
        let up = commands(|command| matches!(command, Command::Activate | Command::Start));
        let down = commands(|command| matches!(command, Command::Deactivate { .. }));
        let serves = |state| matches!(state, State::ToHot { .. } | State::Hot { .. });
        let idle = matches!(
            self.machine.state,
            State::Standby { .. } | State::ToStandby { .. } | State::Failed { .. }
        );
        let failed = matches!(cause, Cause::AppFailed(_) | Cause::AppSilent | Cause::App(AppReport::Lfai));
        let fit = matches!(self.machine.state, State::Unknown { .. } | State::Hot { .. });
        if failed && (fit || (idle && !matches!(self.machine.state, State::Failed { .. }))) {
            return Err("P4: not Failed with a failed application");
        }
        let releases = matches!(self.machine.state, State::Releasing(_));
        if up && !serves(self.machine.state) && !(releases && down) {
            return Err("P4: activates or starts without the role");
        }
        let claims = matches!(before, State::Unknown { claim: Some(_) });
        let had_role = serves(before) || matches!(before, State::Releasing(_) | State::Leaving { .. });
        let takes_role = matches!(self.machine.state, State::ToHot { .. }) && !had_role;
        if takes_role && !may.take_role {
            return Err("P12: a frozen side takes the role by itself");
        }
        let comes_to_serve = serves(self.machine.state) && !serves(before);
        if comes_to_serve && cause == Cause::PeerSilent && !claims && !may.take_from_silent {
            return Err("S12: takes the role from a silent peer whose host may be on");
        }
        if serves(before) && idle && !down {
            return Err("P4: gives the role up and keeps the interface");
        }
        Ok(())
    }
}
