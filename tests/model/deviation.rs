//! Our protocol with lines of `docs/deviations.md` taken out: where such a line says what we do, we do instead
//! what the table recorded from 2.0.0 says.
//!
//! The shipped code knows nothing of this. It makes its step and names every transition in it; one that a removed
//! line is about gets the state, the orders and the messages of 2.0.0, and keeps our books: who was heard when, what
//! was asked, when the next heartbeat is due.

use std::sync::LazyLock;
use std::time::Duration;

use schrittmacher_protocol::{
    Action, Asked, Cause, Event, FORCED_RANDOM, Machine, OUR_RANDOM, PeerReport, Said, Settings, State,
    StateName,
};
use schrittmacher_wire::PeerCode;

use crate::relative::NOW;
use crate::table::deviations::{self, Deviation, Ours};
use crate::table::legacy::{self, Row};
use crate::table::situation::{self, Situation, What, Word};

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
    let whole = machine.handle(settings, NOW, event, &mut |cause, _, after, actions| {
        transitions.push(Transition { cause, after: after.clone(), actions: actions.to_vec() });
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
            // What else was due is due still.
            return done;
        }
        done.extend(transition.actions);
        before = transition.after;
    }
    whole
}

/// What 2.0.0 does instead of a transition of ours.
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
        Cause::App(code) => What::App(code),
        Cause::Tick => What::Tick,
        Cause::LocalTimeout => What::LocalTimeout,
        Cause::RemoteTimeout => What::RemoteTimeout,
        Cause::Failover { force: false } => What::Failover,
        Cause::Takeover => What::Takeover,
        _ => return None,
    })
}

/// The conditions of the list and of the table, as they are before an event.
fn situation(m: &Machine, settings: &Settings, what: What, report: Option<PeerReport>) -> Situation {
    let ahead = |time: Option<schrittmacher_protocol::Time>| time.is_some_and(|time| time > NOW);
    let over = |time| time <= NOW;
    let (held, late) = match m.state {
        State::Unknown { claim } => (claim.is_some(), claim.is_some_and(over)),
        State::Standby { conceded } => (ahead(conceded), false),
        State::ToHot { until, granted, .. } | State::Hot { until, granted, .. } => {
            (ahead(granted), over(until))
        }
        State::ToStandby { until, conceded } => (ahead(conceded), over(until)),
        State::Releasing { .. } | State::Failed | State::Leaving { .. } => (false, false),
    };
    let said = match m.peer.said {
        _ if !m.peer.alive => Word::Silent,
        Said::Hot => Word::Hot,
        Said::ToHot => Word::ToHot,
        Said::Fail => Word::Fail,
        Said::Nothing | Said::Other => Word::Other,
    };
    let asked = match m.asked {
        Some(Asked::Plain { until }) if until > NOW => situation::Asked::Plain,
        Some(Asked::Forced { until, .. }) if until > NOW => situation::Asked::Forced,
        _ => situation::Asked::No,
    };
    let random = report.map_or(0, |report| report.random);
    Situation {
        failed: m.app.failed,
        recent: m.quiet_until > NOW,
        held,
        late,
        asked,
        said,
        classic: m.peer.is_classic(),
        own: settings.priority,
        priority: report.map_or(0, |report| report.priority),
        random,
        deaf: matches!(m.state, State::Hot { deaf: Some(deadline), .. } if deadline <= NOW),
        greater_address: random < OUR_RANDOM || settings.local > settings.remote,
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
            m.app.failed = failed;
        }
        let Some((next, does)) = self.does else { return ours.to_vec() };
        if m.state.name() != next {
            m.state = if before.state.name() == next { before.state } else { enter(next, settings) };
        }
        m.app.failed |= next == StateName::Failed;
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
        StateName::Standby => State::Standby { conceded: None },
        StateName::ToHot => State::ToHot { until: hot, began: false, granted: None },
        StateName::Hot => {
            State::Hot { until: hot.max(NOW + settings.app_timeout), granted: None, deaf: None }
        }
        StateName::ToStandby => {
            State::ToStandby { until: NOW + settings.going_standby_timeout, conceded: None }
        }
        // 2.0.0 has no other.
        StateName::Failed | StateName::Releasing | StateName::Leaving => State::Failed,
    }
}

fn action(word: &str, classic: bool) -> Action {
    let send = |code, random| Action::Send { code, random, extended: true };
    match word {
        "start" => Action::Start,
        "stop" => Action::Stop,
        "activate" => Action::Activate,
        "deactivate" => Action::Deactivate { urgent: true },
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

/// Who asks waits for an answer; a question that was not asked is none.
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
