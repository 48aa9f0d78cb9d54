//! Tries a situation: builds the machine, gives it the event, notes what it does.

use std::time::Duration;

use schrittmacher_protocol::{
    Action, AppFailure, Asked as Question, Cause, Command, Ending, Event, FORCED_RANDOM, Generation, Machine,
    OUR_RANDOM, Orderer, PeerReport, Refusal, Release, ReleaseOrder, Said, Settings, State, StateName,
    Stopping, Time, Unreleased,
};
use schrittmacher_wire::{AppCode, PeerCode};

use super::situation::{Asked, Situation, What, Word};

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The state afterwards.
    pub next: StateName,
    /// Messages, orders and refusals in order; a message is its code, with `!` a forced request.
    pub does: Vec<String>,
    /// The application counts as failed afterwards.
    pub failed: bool,
    /// Notes of the machine for later.
    pub notes: Notes,
}

/// Data beside the state that a step may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    pub asked: &'static str,
    /// How long what [`Situation::held`] stands for goes on; less than a second: as before the step.
    pub held: Option<Duration>,
}

/// One transition inside a step.
pub struct Transition {
    pub cause: Cause,
    pub from: StateName,
    pub outcome: Outcome,
}

const NOW: Time = Time::new(Duration::from_secs(1000));
const SOON: Duration = Duration::from_secs(1);
const VERY_SOON: Duration = Duration::from_millis(500);
const LONG_AGO: Duration = Duration::from_secs(30);

/// Of the side with the greater address.
fn settings(own: i32) -> Settings {
    let Settings { local, remote, .. } = crate::settings(own);
    Settings { local: remote, remote: local, ..crate::settings(own) }
}

fn state(s: &Situation) -> State {
    let held = s.held.then_some(NOW + VERY_SOON);
    let until = if s.late { NOW } else { NOW + VERY_SOON };
    match s.state {
        StateName::Unknown => State::Unknown { claim: s.held.then_some(until) },
        StateName::Standby => State::Standby { yielding_until: held },
        StateName::ToHot => State::ToHot { until, began: true, granted_until: held, failed: s.failed },
        StateName::Hot => State::Hot { until, granted_until: held, reaction_due: s.deaf.then_some(NOW) },
        StateName::Releasing => State::Releasing(Release {
            since: if s.late { NOW - SOON } else { NOW },
            was_hot: s.was_hot,
            order: s.order,
            failed: s.failed,
            app: Stopping::Done,
            waits_until: None,
            unreleased: Unreleased::default(),
        }),
        StateName::ToStandby => State::ToStandby { until, yielding_until: held },
        StateName::Failed => State::Failed { hold_back: None },
        StateName::Leaving => State::Leaving { until, peer_goes_hot: false, failed: s.failed },
    }
}

/// The machine of a situation. Silences are set apart from it, by [`silence`].
fn machine(s: &Situation, settings: &Settings) -> Machine {
    let mut machine = Machine::new(settings, NOW);
    machine.state = state(s);
    machine.app.reported = true;
    let ends = s.state == StateName::Leaving
        || (s.state == StateName::Releasing && s.order == ReleaseOrder::Shutdown);
    machine.ending = if ends { Ending::Asked } else { s.ending };
    machine.setbacks.reject_until = if s.unreleased { NOW + SOON } else { NOW };
    machine.next_tick = NOW + SOON;
    if s.state == StateName::Failed && !s.held {
        machine.since = NOW - LONG_AGO;
    }
    machine.quiet_until = if s.recent { NOW + SOON } else { NOW };
    machine.asked = match s.asked {
        Asked::No => None,
        Asked::Plain => Some(Question::Plain { until: NOW + SOON }),
        Asked::Forced => Some(Question::Forced { until: NOW + SOON, resend: NOW, sent: 1, insisted: false }),
    };
    // It has been asked often enough, and no question is due.
    machine.peer.unanswered = u8::MAX;
    machine.peer.next_question = NOW + LONG_AGO;
    machine.peer.alive = s.said != Word::Silent;
    machine.peer.said = match s.said {
        Word::Silent => Said::Nothing,
        Word::Hot => Said::Hot,
        Word::ToHot => Said::ToHot,
        Word::Fail => Said::Fail,
        Word::Other => Said::Other,
    };
    machine.peer.generation = if s.classic { Generation::Classic } else { Generation::Modern };
    machine
}

fn report(s: &Situation, code: Option<PeerCode>) -> PeerReport {
    PeerReport {
        code,
        priority: s.priority,
        random: s.random,
        host: None,
        has_type: !s.classic,
        period: None,
        note: None,
        promise: None,
        epoch: None,
    }
}

/// Which silences are due.
#[derive(Clone, Copy, Default)]
pub struct Silence {
    pub app: bool,
    pub peer: bool,
}

fn silence(machine: &mut Machine, silence: Silence) {
    if silence.app {
        machine.app.heard = NOW - LONG_AGO;
    }
    if silence.peer {
        machine.peer.heard = NOW - LONG_AGO;
    }
}

/// Makes the step of a situation; the first transition that its event means.
pub fn step(s: &Situation) -> Outcome {
    let settings = settings(s.own);
    let mut machine = machine(s, &settings);
    let event = match s.what {
        What::Peer(code) => Event::Peer(report(s, Some(code))),
        What::App(code) => Event::App(Some(code)),
        What::UnknownCode => Event::Peer(report(s, None)),
        What::Tick => {
            machine.next_tick = NOW;
            Event::Tick
        }
        What::LocalTimeout => {
            silence(&mut machine, Silence { app: true, peer: false });
            Event::Tick
        }
        What::RemoteTimeout => {
            silence(&mut machine, Silence { app: false, peer: true });
            Event::Tick
        }
        What::Failover => Event::Failover { force: false },
        What::ForcedFailover => Event::Failover { force: true },
        What::Takeover => Event::Takeover { force: false },
        What::ProcessDeath => Event::AppFailed(AppFailure::Ended),
        What::Shutdown => Event::Shutdown,
        What::Released => Event::Released,
        What::Resume => {
            machine.next_tick = NOW - LONG_AGO;
            Event::Reloaded
        }
    };
    let transitions = run(&mut machine, &settings, event);
    if s.what == What::UnknownCode {
        return Outcome {
            next: machine.state.name(),
            does: Vec::new(),
            failed: machine.state.has_failed_app(),
            notes: notes(&machine),
        };
    }
    if matches!(s.what, What::LocalTimeout | What::RemoteTimeout) {
        // A deadline of the state that is over as well is handled first.
        return whole(transitions);
    }
    transitions
        .into_iter()
        .find(|transition| is_of(transition.cause, s.what))
        .unwrap_or_else(|| panic!("no transition: {s:?}"))
        .outcome
}

/// Several transitions as one.
fn whole(transitions: Vec<Transition>) -> Outcome {
    let all = transitions.into_iter().map(|transition| transition.outcome);
    all.reduce(|before, after| Outcome { does: [before.does, after.does].concat(), ..after })
        .expect("something is due")
}

/// A whole heartbeat as 2.0.0 counts it: the tick, then the silences that are due.
pub fn heartbeat(s: &Situation, due: Silence) -> Vec<Transition> {
    let settings = settings(s.own);
    let mut machine = machine(s, &settings);
    machine.next_tick = NOW;
    silence(&mut machine, due);
    run(&mut machine, &settings, Event::Tick)
}

/// The first heartbeat of a daemon.
pub fn start() -> Vec<Transition> {
    let settings = settings(10);
    let mut machine = Machine::new(&settings, NOW);
    run(&mut machine, &settings, Event::Tick)
}

fn run(machine: &mut Machine, settings: &Settings, event: Event) -> Vec<Transition> {
    let mut transitions = Vec::new();
    let mut told = 0;
    machine.handle_watched(settings, NOW, event, &mut |after, reaction| {
        let step = reaction.transitions.last().expect("a transition was made");
        let outcome = Outcome {
            next: step.to,
            does: reaction.actions[told..].iter().filter_map(word).collect(),
            failed: after.state.has_failed_app(),
            notes: notes(after),
        };
        told = reaction.actions.len();
        transitions.push(Transition { cause: step.cause, from: step.from, outcome });
    });
    transitions
}

fn is_of(cause: Cause, what: What) -> bool {
    match what {
        What::Peer(code) => cause == Cause::Peer(code),
        What::App(AppCode::Lrfo) => cause == Cause::Failover { by: Orderer::App, force: false },
        What::App(AppCode::Lrto) => cause == Cause::Takeover { by: Orderer::App },
        What::App(code) => matches!(cause, Cause::App(report) if AppCode::from(report) == code),
        // No state reacts to it.
        What::UnknownCode => false,
        What::Tick => cause == Cause::Tick,
        What::LocalTimeout => cause == Cause::AppSilent,
        What::RemoteTimeout => cause == Cause::PeerSilent,
        What::Failover => cause == Cause::Failover { by: Orderer::Operator, force: false },
        What::ForcedFailover => cause == Cause::Failover { by: Orderer::Operator, force: true },
        What::Takeover => cause == Cause::Takeover { by: Orderer::Operator },
        What::ProcessDeath => cause == Cause::AppFailed(AppFailure::Ended),
        What::Shutdown => cause == Cause::Shutdown,
        What::Released => cause == Cause::Released,
        What::Resume => cause == Cause::Resumed,
    }
}

fn word(action: &Action) -> Option<String> {
    Some(match action {
        Action::Send { code, random, .. } => match (code, *random) {
            (PeerCode::Treq, FORCED_RANDOM) => "TREQ!".into(),
            (PeerCode::Treq | PeerCode::Unk, OUR_RANDOM) => code.to_string(),
            (PeerCode::Treq | PeerCode::Unk, random) | (_, random @ 1..) => format!("{code}:{random}"),
            (_, 0) => code.to_string(),
        },
        Action::Command(Command::Activate) => "activate".into(),
        Action::Command(Command::Start) => "start".into(),
        Action::Command(Command::Stop) => "stop".into(),
        Action::Command(Command::Deactivate { .. }) => "deactivate".into(),
        Action::Command(Command::Barrier) => "barrier".into(),
        Action::Exit => "exit".into(),
        Action::Refuse(refusal) => format!("refuse:{}", name(*refusal)),
        Action::Notice(_) | Action::Witness(_) | Action::Fence(_) => return None,
    })
}

fn name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Held => "held",
        Refusal::Frozen => "frozen",
        Refusal::NoPeer => "no_peer",
        Refusal::PeerFailed => "peer_failed",
        Refusal::PeerHeld => "peer_held",
        Refusal::AppFailed => "app_failed",
        Refusal::CutOff => "cut_off",
        Refusal::Isolated => "isolated",
        Refusal::PeerMayServe => "peer_may_serve",
        Refusal::AlreadyHot => "already_hot",
        Refusal::NotHot => "not_hot",
        Refusal::HandingOver => "handing_over",
        Refusal::NotReleased => "not_released",
    }
}

fn notes(machine: &Machine) -> Notes {
    let asked = match machine.asked {
        Some(Question::Plain { until }) if NOW < until => "plain",
        Some(Question::Forced { until, .. }) if NOW < until => "forced",
        Some(_) | None => "no",
    };
    let held = match machine.state {
        // A claim that nobody objected to is still one.
        State::Unknown { claim } => claim,
        State::Standby { yielding_until: deadline }
        | State::ToStandby { yielding_until: deadline, .. }
        | State::ToHot { granted_until: deadline, .. }
        | State::Hot { granted_until: deadline, .. } => deadline.filter(|deadline| NOW < *deadline),
        State::Releasing(_) | State::Failed { .. } | State::Leaving { .. } => None,
    };
    Notes { asked, held: held.map(|deadline| deadline.since(NOW)) }
}

/// Gives a planned hand-over the end of its commands at once, as the legacy has no state between.
pub fn step_through(s: &Situation) -> Outcome {
    let first = step(s);
    if first.does.last().is_none_or(|last| last != "barrier") {
        return first;
    }
    let order = match s.what {
        What::Peer(_) => ReleaseOrder::Takeover,
        What::Shutdown => ReleaseOrder::Shutdown,
        _ => ReleaseOrder::Failover,
    };
    let released = Situation {
        state: StateName::Releasing,
        what: What::Released,
        order,
        failed: first.failed,
        late: false,
        ..*s
    };
    let last = step(&released);
    let mut does = first.does;
    does.pop();
    does.extend(last.does);
    Outcome { does, ..last }
}
