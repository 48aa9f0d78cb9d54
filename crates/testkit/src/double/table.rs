//! The recorded state tables, in a form that a search can step through quickly.

use std::sync::LazyLock;

use schrittmacher_wire::{AppCode, PeerCode};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The two families of legacy daemons that behave differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Generation {
    /// 1.8.2 … 1.14.1: three states, one port.
    V182,
    /// 1.16.2 … 2.0.0: six states, `port` and `port`+1.
    V200,
}

/// The states of both; 1.8.2 has only [`State::Unknown`], [`State::Standby`] and [`State::Hot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[expect(missing_docs, reason = "they have the meaning of the legacy states of these names")]
pub enum State {
    Unknown,
    Standby,
    ToHot,
    Hot,
    ToStandby,
    Failed,
}

/// An event as the tables know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    Peer(PeerCode),
    App(AppCode),
    Tick,
    LocalTimeout,
    RemoteTimeout,
    Failover,
    Takeover,
}

/// One thing a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Send(PeerCode),
    Activate,
    Deactivate,
    Start,
    Stop,
}

/// The value sent as `random`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Random {
    Zero,
    Fresh,
    Max,
}

/// 1.8.2's hidden sub-state of Standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GoingHot {
    Clear,
    /// Since at most 6 s.
    Set,
    /// Since more than 6 s.
    SetTooLong,
}

/// The circumstances for the conditions of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    pub local_failed: bool,
    pub remote_failed: bool,
    /// The challenge of the request at hand would be won.
    pub won: bool,
    /// Longer in the state than it may last.
    pub overdue: bool,
    /// The message that says the role went out less than a second ago.
    pub recent: bool,
    pub going_hot: GoingHot,
}

/// One row of a table; `None` as a condition or as an effect: does not matter, does not change.
#[derive(Debug)]
pub(crate) struct Row {
    when: Guard,
    pub next: State,
    pub deeds: Vec<Deed>,
    pub random: Random,
    pub local_failed: Option<bool>,
    pub remote_failed: Option<bool>,
    /// Sets or clears the sub-state.
    pub going_hot: Option<bool>,
}

#[derive(Debug, Default)]
struct Guard {
    local_failed: Option<bool>,
    remote_failed: Option<bool>,
    won: Option<bool>,
    overdue: Option<bool>,
    recent: Option<bool>,
    going_hot: Option<&'static [GoingHot]>,
}

const STATES: usize = 6;
const PEER_CODES: usize = PeerCode::ALL.len();
const CAUSES: usize = PEER_CODES + AppCode::ALL.len() + 5;

/// A whole table, indexed by state and cause.
pub(crate) struct Table(Vec<Vec<Row>>);

static V182: LazyLock<Table> =
    LazyLock::new(|| Table::parse(include_str!("../../../../tests/data/legacy/state_table_1.8.2.jsonl")));
static V200: LazyLock<Table> =
    LazyLock::new(|| Table::parse(include_str!("../../../../tests/data/legacy/state_table_2.0.0.jsonl")));

impl Table {
    pub(crate) fn of(generation: Generation) -> &'static Table {
        match generation {
            Generation::V182 => &V182,
            Generation::V200 => &V200,
        }
    }

    /// The row that applies; `None` if the generation does not know the event: nothing happens.
    pub(crate) fn row(&self, state: State, cause: Cause, now: Circumstances) -> Option<&Row> {
        self.0[slot(state, cause)].iter().find(|row| row.when.holds(now))
    }

    fn parse(jsonl: &str) -> Table {
        let mut rows: Vec<Vec<Row>> = (0..STATES * CAUSES).map(|_| Vec::new()).collect();
        for line in jsonl.lines() {
            let recorded: Recorded = serde_json::from_str(line).expect("the tables are part of the program");
            rows[slot(recorded.state, cause(&recorded.event))].push(recorded.into());
        }
        Table(rows)
    }
}

fn slot(state: State, cause: Cause) -> usize {
    let cause = match cause {
        Cause::Peer(code) => code as usize,
        Cause::App(code) => PEER_CODES + code as usize,
        Cause::Tick => CAUSES - 5,
        Cause::LocalTimeout => CAUSES - 4,
        Cause::RemoteTimeout => CAUSES - 3,
        Cause::Failover => CAUSES - 2,
        Cause::Takeover => CAUSES - 1,
    };
    state as usize * CAUSES + cause
}

impl Guard {
    fn holds(&self, now: Circumstances) -> bool {
        self.local_failed.is_none_or(|wanted| wanted == now.local_failed)
            && self.remote_failed.is_none_or(|wanted| wanted == now.remote_failed)
            && self.won.is_none_or(|wanted| wanted == now.won)
            && self.overdue.is_none_or(|wanted| wanted == now.overdue)
            && self.recent.is_none_or(|wanted| wanted == now.recent)
            && self.going_hot.is_none_or(|wanted| wanted.contains(&now.going_hot))
    }
}

/// A line of a table as it was recorded.
#[derive(Deserialize)]
struct Recorded {
    state: State,
    event: String,
    when: Map<String, Value>,
    next: State,
    actions: Vec<String>,
    random: Option<Random>,
    local_failed: Value,
    remote_failed: Value,
    going_hot: Option<String>,
}

impl From<Recorded> for Row {
    fn from(recorded: Recorded) -> Row {
        let mut when = Guard::default();
        for (name, wanted) in &recorded.when {
            when.add(name, wanted);
        }
        Row {
            when,
            next: recorded.next,
            deeds: recorded.actions.iter().map(|text| deed(text)).collect(),
            random: recorded.random.unwrap_or(Random::Zero),
            local_failed: flag(&recorded.local_failed),
            remote_failed: flag(&recorded.remote_failed),
            going_hot: match recorded.going_hot.as_deref() {
                Some("set") => Some(true),
                Some("cleared") => Some(false),
                Some("unchanged") | None => None,
                Some(other) => panic!("going_hot: {other}"),
            },
        }
    }
}

impl Guard {
    fn add(&mut self, name: &str, wanted: &Value) {
        let alternatives = wanted.as_array().map_or(std::slice::from_ref(wanted), Vec::as_slice);
        let texts: Vec<&str> = alternatives.iter().filter_map(Value::as_str).collect();
        match (name, texts.as_slice()) {
            ("local_failed", [text]) => self.local_failed = Some(*text == "1"),
            ("remote_failed", [text]) => self.remote_failed = Some(*text == "1"),
            ("challenge", [text]) => self.won = Some(*text == "won"),
            ("time_in_state", [text]) => self.overdue = Some(text.starts_with("above_")),
            ("last_hot_sent" | "last_standby_sent", texts) => self.recent = Some(texts == ["recent"]),
            ("going_hot", ["clear"]) => self.going_hot = Some(&[GoingHot::Clear]),
            ("going_hot", ["set"]) => self.going_hot = Some(&[GoingHot::Set, GoingHot::SetTooLong]),
            ("going_hot", ["set, at most 6 s ago"]) => self.going_hot = Some(&[GoingHot::Set]),
            ("going_hot", ["set, more than 6 s ago"]) => self.going_hot = Some(&[GoingHot::SetTooLong]),
            _ => panic!("condition {name}: {wanted}"),
        }
    }
}

fn flag(value: &Value) -> Option<bool> {
    value.as_u64().map(|number| number != 0)
}

fn cause(text: &str) -> Cause {
    match text {
        "tick" => Cause::Tick,
        "local_timeout" => Cause::LocalTimeout,
        "remote_timeout" => Cause::RemoteTimeout,
        "http_failover" => Cause::Failover,
        "http_takeover" => Cause::Takeover,
        code => PeerCode::from_text(code)
            .map(Cause::Peer)
            .or_else(|| AppCode::from_text(code).map(Cause::App))
            .unwrap_or_else(|| panic!("event {code}")),
    }
}

fn deed(text: &str) -> Deed {
    match text {
        "activate" => Deed::Activate,
        "deactivate" => Deed::Deactivate,
        "start_action" => Deed::Start,
        "stop_action" => Deed::Stop,
        send => send
            .strip_prefix("send:")
            .and_then(PeerCode::from_text)
            .map_or_else(|| panic!("action {send}"), Deed::Send),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of conditions.
    fn circumstances() -> impl Iterator<Item = Circumstances> {
        (0..32).flat_map(|bits: u8| {
            [GoingHot::Clear, GoingHot::Set, GoingHot::SetTooLong].map(|going_hot| Circumstances {
                local_failed: bits & 1 != 0,
                remote_failed: bits & 2 != 0,
                won: bits & 4 != 0,
                overdue: bits & 8 != 0,
                recent: bits & 16 != 0,
                going_hot,
            })
        })
    }

    fn causes() -> Vec<Cause> {
        let peer = PeerCode::ALL.iter().copied().map(Cause::Peer);
        let app = AppCode::ALL.iter().copied().map(Cause::App);
        let others =
            [Cause::Tick, Cause::LocalTimeout, Cause::RemoteTimeout, Cause::Failover, Cause::Takeover];
        peer.chain(app).chain(others).collect()
    }

    /// How many rows apply, for every state, cause and combination of conditions.
    fn count(generation: Generation, state: State, cause: Cause) -> Vec<usize> {
        let rows = &Table::of(generation).0[slot(state, cause)];
        circumstances().map(|now| rows.iter().filter(|row| row.when.holds(now)).count()).collect()
    }

    #[test]
    fn in_2_0_0_exactly_one_row_applies_whatever_happens() {
        for state in
            [State::Unknown, State::Standby, State::ToHot, State::Hot, State::ToStandby, State::Failed]
        {
            for cause in causes() {
                let counts = count(Generation::V200, state, cause);
                assert!(counts.iter().all(|count| *count == 1), "{state:?} {cause:?}");
            }
        }
    }

    #[test]
    fn in_1_8_2_exactly_one_row_applies_to_what_it_knows_and_none_to_the_rest() {
        use {AppCode as A, PeerCode as P};
        for state in [State::Unknown, State::Standby, State::Hot] {
            for cause in causes() {
                let unknown = matches!(
                    cause,
                    Cause::Peer(P::ToHot | P::ToStandby | P::Fovr)
                        | Cause::App(A::L2ht | A::L2sb | A::Lrfo | A::Lrto)
                );
                let counts = count(Generation::V182, state, cause);
                assert!(counts.iter().all(|count| *count == usize::from(!unknown)), "{state:?} {cause:?}");
            }
        }
    }
}
