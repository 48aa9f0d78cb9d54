//! Our protocol with lines of `tests/data/protocol/deviations.tsv` taken out. In the place of our action comes the one
//! that the table recorded from 2.0.0 has.
//!
//! The shipped code knows nothing of this. It makes its step and names every transition in it. A transition of a
//! removed line gets the state, the orders and the messages of 2.0.0. It keeps our books: who was heard when, the open
//! request, the time of the next heartbeat.

use std::sync::LazyLock;
use std::time::Duration;

use schrittmacher_protocol::{
    Action, Asked, Cause, Command, Event, FORCED_RANDOM, Machine, OUR_RANDOM, Orderer, PeerReport, Release,
    Said, Settings, State, StateName,
};
use schrittmacher_testkit::table::deviations::{self, Deviation, Ours};
use schrittmacher_testkit::table::legacy::{self, Row};
use schrittmacher_testkit::table::situation::{self, Situation, What, Word};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::relative::NOW;

static LIST: LazyLock<Vec<Deviation>> = LazyLock::new(deviations::list);
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(legacy::rows);

/// The lines of the list.
pub fn list() -> &'static [Deviation] {
    &LIST
}

/// Which lines are taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// None; those that are met are noted all the same.
    None,
    /// That of this number in the file.
    One(usize),
    /// All that give this reason.
    Reason(&'static str),
}

impl Lines {
    pub fn contain(self, deviation: &Deviation) -> bool {
        match self {
            Lines::None => false,
            Lines::One(line) => deviation.line == line,
            Lines::Reason(id) => deviation.ids.contains(&id),
        }
    }
}

/// One transition of a step.
struct Transition {
    cause: Cause,
    after: Machine,
    actions: Vec<Action>,
}

/// Takes a step; `met` hears the numbers of the lines that it comes under.
pub fn handle(
    machine: &mut Machine,
    settings: &Settings,
    event: Event,
    without: Lines,
    met: &mut Vec<usize>,
) -> Vec<Action> {
    let mut before = machine.clone();
    let mut transitions = Vec::new();
    let mut told = 0;
    let whole = machine.handle_watched(settings, NOW, event, &mut |after, reaction| {
        let actions = reaction.actions[told..].to_vec();
        told = reaction.actions.len();
        let cause = reaction.transitions.last().expect("a transition was made").cause;
        transitions.push(Transition { cause, after: after.clone(), actions });
    });
    let report = match event {
        Event::Peer(report) => Some(report),
        _ => None,
    };
    let mut done = Vec::new();
    for transition in transitions {
        if let Some(theirs) = revert(&before, settings, &transition, report, without, met) {
            *machine = transition.after;
            done.extend(theirs.carry_out(&before, settings, machine, &transition.actions));
            // Other things that were due are still due.
            return done;
        }
        done.extend(transition.actions);
        before = transition.after;
    }
    whole.actions.into_vec()
}

/// The action of 2.0.0 in the place of a transition of ours.
struct Theirs {
    /// The state and what is done, or as we do.
    does: Option<(StateName, &'static [String])>,
    /// The flag "application failed", or as we have it.
    failed: Option<bool>,
}

fn revert(
    before: &Machine,
    settings: &Settings,
    transition: &Transition,
    report: Option<PeerReport>,
    without: Lines,
    met: &mut Vec<usize>,
) -> Option<Theirs> {
    let s = situation(before, settings, what(transition.cause)?, report);
    let row = ROWS.iter().find(|row| row.applies(&s, wins(&s)))?;
    let legacy = row.outcome(&s);
    let mut counts = |aspect: fn(&Ours) -> bool| {
        let line = LIST.iter().filter(|line| aspect(&line.ours)).find(|line| line.fits(&s, &legacy))?;
        met.push(line.line);
        without.contain(line).then_some(())
    };
    let does = counts(|ours| matches!(ours, Ours::Does { .. }));
    let flag = counts(|ours| matches!(ours, Ours::Flag(_)));
    (does.is_some() || flag.is_some()).then(|| Theirs {
        does: does.map(|()| (row.next, &row.does[..])),
        failed: flag.map(|()| legacy.failed),
    })
}

fn what(cause: Cause) -> Option<What> {
    Some(match cause {
        Cause::Peer(code) => What::Peer(code),
        Cause::App(report) => What::App(report.into()),
        Cause::Failover { by: Orderer::App, .. } => What::App(AppCode::Lrfo),
        Cause::Takeover { by: Orderer::App } => What::App(AppCode::Lrto),
        Cause::Tick => What::Tick,
        Cause::AppSilent => What::LocalTimeout,
        Cause::PeerSilent => What::RemoteTimeout,
        Cause::Failover { force: false, .. } => What::Failover,
        Cause::Takeover { .. } => What::Takeover,
        _ => return None,
    })
}

/// The conditions of the list and of the table, as they are before an event.
fn situation(m: &Machine, settings: &Settings, what: What, report: Option<PeerReport>) -> Situation {
    let ahead = |time: Option<schrittmacher_protocol::Time>| time.is_some_and(|time| time > NOW);
    let over = |time| time <= NOW;
    let (held, late) = match m.state {
        State::Unknown { claim } => (claim.is_some(), claim.is_some_and(over)),
        State::Standby { yielding_until } => (ahead(yielding_until), false),
        State::ToHot { until, granted_until, .. } | State::Hot { until, granted_until, .. } => {
            (ahead(granted_until), over(until))
        }
        State::ToStandby { until, yielding_until } => (ahead(yielding_until), over(until)),
        State::Failed { .. } => (m.since + settings.heartbeat > NOW, false),
        State::Releasing(_) | State::Leaving { .. } => (false, false),
    };
    let said = match m.peer.said {
        _ if !m.peer.alive => Word::Silent,
        Said::Hot => Word::Hot,
        Said::ToHot => Word::ToHot,
        Said::Fail => Word::Fail,
        Said::Nothing | Said::Standby | Said::Other => Word::Other,
    };
    let asked = match m.asked {
        Some(Asked::Plain { until }) if until > NOW => situation::Asked::Plain,
        Some(Asked::Forced { until, .. }) if until > NOW => situation::Asked::Forced,
        _ => situation::Asked::No,
    };
    let random = report.map_or(0, |report| report.random);
    Situation {
        failed: m.state.has_failed_app(),
        recent: m.quiet_until > NOW,
        held,
        late,
        asked,
        said,
        classic: m.peer.is_classic(),
        own: settings.priority,
        priority: report.map_or(0, |report| report.priority),
        random,
        deaf: matches!(m.state, State::Hot { reaction_due: Some(deadline), .. } if deadline <= NOW),
        // The random of one of ours is no number drawn.
        greater_address: (random < OUR_RANDOM && !m.peer.is_ours()) || settings.local > settings.remote,
        ending: m.ending,
        unreleased: m.setbacks.reject_until > NOW,
        ..Situation::plain(m.state.name(), what)
    }
}

/// 2.0.0's comparison, with the last word to the address, as it has none.
fn wins(s: &Situation) -> bool {
    let own = if s.asked == situation::Asked::Forced { FORCED_RANDOM } else { OUR_RANDOM };
    (s.own, own, s.greater_address) > (s.priority, s.random, false)
}

impl Theirs {
    /// Changes the machine, on which our transition was made, to what it would be; what is done instead.
    fn carry_out(
        &self,
        before: &Machine,
        settings: &Settings,
        m: &mut Machine,
        ours: &[Action],
    ) -> Vec<Action> {
        if let Some(failed) = self.failed {
            set_failed(&mut m.state, failed);
        }
        let Some((next, does)) = self.does else { return ours.to_vec() };
        if m.state.name() != next {
            m.state = if before.state.name() == next { before.state } else { enter(next, settings) };
        }
        let classic = m.peer.is_classic();
        let actions: Vec<Action> = does.iter().map(|word| action(word, classic)).collect();
        m.asked = asked(before, m, settings, &actions, ours);
        actions
    }
}

/// The state as it is entered, with nothing of ours in it.
fn enter(state: StateName, settings: &Settings) -> State {
    let hot = NOW + settings.going_hot_timeout;
    match state {
        StateName::Unknown => State::Unknown { claim: None },
        StateName::Standby => State::Standby { yielding_until: None },
        StateName::ToHot => State::ToHot { until: hot, began: false, granted_until: None, failed: false },
        StateName::Hot => {
            State::Hot { until: hot.max(NOW + settings.app_timeout), granted_until: None, reaction_due: None }
        }
        StateName::ToStandby => {
            State::ToStandby { until: NOW + settings.going_standby_timeout, yielding_until: None }
        }
        // 2.0.0 has no other.
        StateName::Failed | StateName::Releasing | StateName::Leaving => State::Failed { hold_back: None },
    }
}

/// The flag of 2.0.0. In the other states ours cannot have it.
fn set_failed(state: &mut State, value: bool) {
    if let State::ToHot { failed, .. } | State::Releasing(Release { failed, .. }) = state {
        *failed = value;
    }
}

fn action(word: &str, classic: bool) -> Action {
    let send =
        |code, random| Action::Send { code, random, extended: true, note: None, promise: None, epoch: None };
    match word {
        "start" => Action::Command(Command::Start),
        "stop" => Action::Command(Command::Stop),
        "activate" => Action::Command(Command::Activate),
        "deactivate" => Action::Command(Command::Deactivate { urgent: true }),
        "TREQ!" => send(PeerCode::Treq, FORCED_RANDOM),
        word => {
            let code = PeerCode::ALL.iter().find(|code| code.as_str() == word).expect("a word of the table");
            match (code, classic) {
                (PeerCode::Unk | PeerCode::Treq, _) => send(*code, OUR_RANDOM),
                (PeerCode::ToHot, true) => send(PeerCode::Hott, 0),
                (PeerCode::ToStandby, true) => send(PeerCode::Stby, 0),
                (PeerCode::Fovr, true) => send(PeerCode::Fail, 0),
                (code, _) => send(*code, 0),
            }
        }
    }
}

/// A node that asks waits for an answer. A request that was not sent is not open.
fn asked(
    before: &Machine,
    m: &Machine,
    settings: &Settings,
    theirs: &[Action],
    ours: &[Action],
) -> Option<Asked> {
    let asks = |actions: &[Action]| {
        actions.iter().any(|action| matches!(action, Action::Send { code: PeerCode::Treq, .. }))
    };
    let until = NOW + settings.heartbeat.max(Duration::from_secs(2));
    match (asks(theirs), asks(ours)) {
        (true, false) => m.asked.or(Some(Asked::Plain { until })),
        (false, true) => before.asked,
        (true, true) | (false, false) => m.asked,
    }
}
