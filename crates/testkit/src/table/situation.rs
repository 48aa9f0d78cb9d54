//! A machine and an event, described by the conditions that the protocol knows.

use schrittmacher_protocol::{Ending, ReleaseOrder, StateName};
use schrittmacher_wire::{AppCode, PeerCode};

/// An event. The names are those of the legacy table, and in its style where it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Peer(PeerCode),
    App(AppCode),
    /// A status that nobody knows.
    UnknownCode,
    Tick,
    LocalTimeout,
    RemoteTimeout,
    Failover,
    ForcedFailover,
    Takeover,
    ProcessDeath,
    Shutdown,
    Released,
    Resume,
}

impl What {
    pub fn all() -> impl Iterator<Item = What> {
        let peer = PeerCode::ALL.iter().map(|code| What::Peer(*code));
        let app = AppCode::ALL.iter().map(|code| What::App(*code));
        peer.chain(app).chain([
            What::UnknownCode,
            What::Tick,
            What::LocalTimeout,
            What::RemoteTimeout,
            What::Failover,
            What::ForcedFailover,
            What::Takeover,
            What::ProcessDeath,
            What::Shutdown,
            What::Released,
            What::Resume,
        ])
    }

    pub fn name(self) -> &'static str {
        match self {
            What::Peer(code) => code.as_str(),
            What::App(code) => code.as_str(),
            What::UnknownCode => "unknown_code",
            What::Tick => "tick",
            What::LocalTimeout => "local_timeout",
            What::RemoteTimeout => "remote_timeout",
            What::Failover => "http_failover",
            What::ForcedFailover => "http_failover_force",
            What::Takeover => "http_takeover",
            What::ProcessDeath => "process_death",
            What::Shutdown => "shutdown",
            What::Released => "released",
            What::Resume => "resume",
        }
    }

    pub fn from_name(name: &str) -> Option<What> {
        What::all().find(|what| what.name() == name)
    }
}

/// A question of ours to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    No,
    Plain,
    Forced,
}

/// The peer's role, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It is not alive.
    Silent,
    Hot,
    ToHot,
    Fail,
    Other,
}

/// The situation before an event. Values that a state does not have are at their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    pub state: StateName,
    pub what: What,
    /// The application has failed.
    pub failed: bool,
    /// A HOTT or STBY left a moment ago.
    pub recent: bool,
    /// The state holds something: Unknown a claim; Standby and ToStandby that it gave way; ToHot and Hot that
    /// the peer gave way; Failed that the order to stop was given a moment ago.
    pub held: bool,
    /// The state's own deadline is over (in Unknown: the claim's; in Releasing: the asker has stopped waiting).
    pub late: bool,
    pub asked: Asked,
    pub said: Word,
    pub classic: bool,
    /// Our priority and the peer's, and the peer's random, as in the datagram.
    pub own: i32,
    pub priority: i32,
    pub random: u32,
    /// If all else is equal, our address decides for us.
    pub greater_address: bool,
    /// In Hot: for three heartbeats the peer has said HOTT and nothing else.
    pub deaf: bool,
    pub order: ReleaseOrder,
    pub was_hot: bool,
    /// The daemon has been asked to end. In Releasing and Leaving the order says it.
    pub ending: Ending,
    /// In ToHot and Hot: a release has failed a moment ago.
    pub unreleased: bool,
}

/// A condition of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    Order,
    Classic,
    Failed,
    Held,
    Late,
    /// `held` and `late` in Unknown, where the one makes no sense without the other.
    Claim,
    Forced,
    Asked,
    Said,
    Priority,
    Recent,
    Deaf,
    WasHot,
    Ending,
    Unreleased,
}

impl Situation {
    /// The plainest one: a living modern peer of lower priority, nothing under way.
    pub fn plain(state: StateName, what: What) -> Situation {
        Situation {
            state,
            what,
            failed: state == StateName::Failed,
            recent: false,
            held: false,
            late: false,
            asked: Asked::No,
            said: Word::Other,
            classic: false,
            own: 10,
            priority: 5,
            random: if matches!(what, What::Peer(PeerCode::Unk | PeerCode::Treq)) { 1000 } else { 0 },
            greater_address: true,
            deaf: false,
            order: ReleaseOrder::Failover,
            was_hot: true,
            ending: Ending::No,
            unreleased: false,
        }
    }

    /// Whether our machine can be in it, see `Machine::check`. In most states the application has not failed, by
    /// construction (P4).
    pub fn is_possible(&self) -> bool {
        match self.state {
            // A daemon that is to end stays for a claim only.
            StateName::Unknown => !self.failed && (self.held || self.ending == Ending::No),
            StateName::Standby | StateName::ToStandby => !self.failed,
            StateName::ToHot => true,
            StateName::Hot => !self.failed && self.asked != Asked::Forced,
            StateName::Releasing => self.asked == Asked::No,
            StateName::Failed => self.failed && self.asked == Asked::No,
            StateName::Leaving => !self.failed && self.asked == Asked::No,
        }
    }

    pub fn forced(&self) -> bool {
        self.random == u32::MAX
    }

    /// How the table names the value of a condition here.
    pub fn value(&self, condition: Condition) -> &'static str {
        let flag = |on| if on { "1" } else { "0" };
        match condition {
            Condition::Failed => flag(self.failed),
            Condition::Recent => flag(self.recent),
            Condition::Held => flag(self.held),
            Condition::Late => flag(self.late),
            Condition::Classic => flag(self.classic),
            Condition::Forced => flag(self.forced()),
            Condition::Deaf => flag(self.deaf),
            Condition::WasHot => flag(self.was_hot),
            Condition::Unreleased => flag(self.unreleased),
            Condition::Ending => match self.ending {
                Ending::No => "no",
                Ending::Asked => "asked",
                Ending::CameBack => "back",
            },
            Condition::Claim => match (self.held, self.late) {
                (false, _) => "no",
                (true, false) => "running",
                (true, true) => "over",
            },
            Condition::Asked => match self.asked {
                Asked::No => "no",
                Asked::Plain => "plain",
                Asked::Forced => "forced",
            },
            Condition::Said => match self.said {
                Word::Silent => "silent",
                Word::Hot => "HOTT",
                Word::ToHot => "2HOT",
                Word::Fail => "FAIL",
                Word::Other => "other",
            },
            Condition::Priority => match self.priority.cmp(&self.own) {
                std::cmp::Ordering::Less => "lower",
                std::cmp::Ordering::Equal => "equal",
                std::cmp::Ordering::Greater => "higher",
            },
            Condition::Order => match self.order {
                ReleaseOrder::Failover | ReleaseOrder::ForcedFailover | ReleaseOrder::Set => "failover",
                ReleaseOrder::Takeover => "takeover",
                ReleaseOrder::Shutdown => "shutdown",
                ReleaseOrder::NoMajority => "no_majority",
                ReleaseOrder::Isolated => "isolated",
            },
        }
    }

    /// Every situation that differs from this one in the given condition only, this one included.
    fn vary(self, condition: Condition) -> Vec<Situation> {
        let flags = |set: fn(&mut Situation, bool)| {
            [false, true].map(|on| {
                let mut varied = self;
                set(&mut varied, on);
                varied
            })
        };
        match condition {
            Condition::Failed => flags(|s, on| s.failed = on).into(),
            Condition::Recent => flags(|s, on| s.recent = on).into(),
            Condition::Held => flags(|s, on| s.held = on).into(),
            Condition::Late => flags(|s, on| s.late = on).into(),
            Condition::Classic => flags(|s, on| s.classic = on).into(),
            Condition::Deaf => flags(|s, on| s.deaf = on).into(),
            Condition::WasHot => flags(|s, on| s.was_hot = on).into(),
            Condition::Unreleased => flags(|s, on| s.unreleased = on).into(),
            Condition::Ending => [Ending::No, Ending::Asked, Ending::CameBack]
                .map(|ending| Situation { ending, ..self })
                .into(),
            Condition::Forced => [1000, u32::MAX].map(|random| Situation { random, ..self }).into(),
            Condition::Claim => [(false, false), (true, false), (true, true)]
                .map(|(held, late)| Situation { held, late, ..self })
                .into(),
            Condition::Asked => {
                [Asked::No, Asked::Plain, Asked::Forced].map(|asked| Situation { asked, ..self }).into()
            }
            Condition::Said => [Word::Silent, Word::Hot, Word::ToHot, Word::Fail, Word::Other]
                .map(|said| Situation { said, ..self })
                .into(),
            Condition::Priority => [5, 10, 15].map(|priority| Situation { priority, ..self }).into(),
            Condition::Order => [ReleaseOrder::Failover, ReleaseOrder::Takeover, ReleaseOrder::Shutdown]
                .map(|order| Situation { order, ..self })
                .into(),
        }
    }

    /// Every possible situation with this state and event that differs in these conditions.
    pub fn every(state: StateName, what: What, conditions: &[Condition]) -> Vec<Situation> {
        let mut all = conditions.iter().fold(vec![Situation::plain(state, what)], |all, condition| {
            all.into_iter().flat_map(|situation| situation.vary(*condition)).collect::<Vec<_>>()
        });
        all.retain(Situation::is_possible);
        all
    }
}

/// The conditions that can differ in a state and can matter to an event.
pub fn conditions(state: StateName, what: What) -> Vec<Condition> {
    use Condition::{
        Asked, Claim, Classic, Deaf, Ending, Failed, Forced, Held, Late, Order, Priority, Recent, Said,
        Unreleased, WasHot,
    };
    let has_role = matches!(state, StateName::ToHot | StateName::Hot);
    let of_event: &[Condition] = match what {
        What::Peer(PeerCode::Treq) if has_role => &[Unreleased, Forced, Priority],
        What::Peer(PeerCode::Treq) => &[Forced, Priority],
        What::Peer(_) => &[Priority],
        _ => &[],
    };
    let of_state: &[Condition] = match state {
        StateName::Unknown => &[Claim, Asked, Recent, Ending],
        StateName::Standby => &[Held, Asked, Recent],
        // An application can be failed here and be given time all the same.
        StateName::ToHot => &[Failed, Late, Held, Asked, Ending],
        StateName::Hot => &[Late, Held, Asked, Recent, Deaf, Ending],
        StateName::ToStandby => &[Late, Held, Asked, Recent],
        StateName::Releasing => &[Order, Failed, Late, WasHot],
        StateName::Failed => &[Held],
        StateName::Leaving => &[Late],
    };
    [of_event, of_state, &[Said, Classic]].concat()
}
