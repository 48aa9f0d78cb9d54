//! Inputs and outputs: the whole border of the protocol.

use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_wire::{AppCode, Note, PeerCode};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::Time;
use crate::epoch::Epochs;
use crate::fence::Fenced;
use crate::majority::{Answer, Promise, WitnessOrder};
use crate::set::Bond;
use crate::state::StateName;
use crate::step::Cause;

/// Something that happened to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A datagram of the peer; `None` as code is a status we do not know (W3).
    Peer(PeerReport),
    /// A datagram of the application; `None` is a status we do not know.
    App(Option<AppCode>),
    /// The application is known to have failed, and did not say so itself.
    AppFailed(AppFailure),
    /// The `start` command has begun, or its signal was sent: `going-hot-timeout` counts from here (T4).
    StartBegan,
    /// Every command ordered before the last [`Command::Barrier`] is over.
    Released,
    /// The operator wants the other side to be hot; `force` overrides the refusals of S8.
    Failover {
        /// Go on even with no peer in sight, or a failed one.
        force: bool,
    },
    /// The operator wants this side to be hot.
    Takeover {
        /// Under [`Policy::Manual`](crate::Policy::Manual): take the role also from a peer that is silent and may serve.
        force: bool,
    },
    /// The daemon shall end (SIGTERM, SIGINT): hand over if that is possible (S9).
    Shutdown,
    /// The daemon before this one has ended this long ago and left the application hot. Given before the first tick.
    LeftHot(Duration),
    /// The daemon before this one, or the witness, knows these numbers of promotions. Nothing else follows.
    Epochs(Epochs),
    /// An operator has frozen the resource, here or on the other side, or the freeze is over.
    Freeze(bool),
    /// The other members of its set demand this; `None`: it is in no set.
    Bond(Option<Bond>),
    /// The other members of its set are on the other side, or go there: this one follows.
    Follow {
        /// This side lacks a member. The hand-over goes on even if something cannot be released.
        force: bool,
    },
    /// The configuration was read again: tell the peer once more what we are (W4).
    Reloaded,
    /// The order that the application is to obey has not begun to be carried out: the commands of other resources come first.
    /// Its time begins anew ([`Settings::going_hot_timeout`](crate::Settings::going_hot_timeout)). To be given as long as commands
    /// begin at all, a heartbeat apart or less.
    CommandWaits,
    /// An attempt to bring the service's interface up has failed.
    ActivateFailed,
    /// The service's interface is up, after attempts that failed.
    Activated,
    /// Clients cannot reach this host: the service's interface is missing, or has no carrier (`track-interface`).
    CutOff,
    /// Clients can reach this host again.
    Reconnected,
    /// Other resources of this node have just found their peers silent, and none has heard the peer's host since then
    /// ([`LostHost::note`](crate::LostHost::note)). This one follows if that is long enough for it.
    HostSilent(Time),
    /// None of the targets of `ping-address` answers, or one answers again.
    Isolated(bool),
    /// The `stop` command has failed.
    StopFailed,
    /// An attempt to take the service's interface down has failed.
    DeactivateFailed,
    /// The witness has answered ([`Action::Witness`]).
    Witness(Answer),
    /// What became of the fence that was asked for at this time ([`Action::Fence`]).
    Fenced(Time, Fenced),
    /// Nothing happened but time; call when [`Resource::next_deadline`](crate::Resource::next_deadline) is due.
    Tick,
}

/// How the daemon knows that the application has failed. The protocol treats all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AppFailure {
    /// Its believed process has ended (A3).
    Ended,
    /// Its start command cannot be executed.
    CannotStart,
    /// Its check command says so.
    CheckFailed,
    /// It was fit, was ordered to go hot, and reports that it has failed.
    GaveUp,
}

/// A report of the application about its state. Its other two codes, LRFO and LRTO, are orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the codes of `AppCode`")]
pub enum AppReport {
    Lunk,
    Lsby,
    L2ht,
    Lhot,
    L2sb,
    Lfai,
}

impl From<AppReport> for AppCode {
    fn from(report: AppReport) -> AppCode {
        match report {
            AppReport::Lunk => AppCode::Lunk,
            AppReport::Lsby => AppCode::Lsby,
            AppReport::L2ht => AppCode::L2ht,
            AppReport::Lhot => AppCode::Lhot,
            AppReport::L2sb => AppCode::L2sb,
            AppReport::Lfai => AppCode::Lfai,
        }
    }
}

impl std::fmt::Display for AppReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(AppCode::from(*self).as_str())
    }
}

/// A datagram of the peer, as far as the protocol needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeerReport {
    /// The status; `None` if it is none we know.
    pub code: Option<PeerCode>,
    /// The sender's priority, signed as the legacy compares it.
    pub priority: i32,
    /// The sender's random, unsigned.
    pub random: u32,
    /// The sender's `host`, if it is there and is an address (last tie-break, S2).
    pub host: Option<IpAddr>,
    /// It has a `type`: the sender is 1.16.1 or later (W5).
    pub has_type: bool,
    /// Our extension: the sender is one of ours and beats with this period (W4, T2).
    pub period: Option<Duration>,
    /// Our extension: what it says beside its state.
    pub note: Option<Note>,
    /// Our extension: what it promises. `None`: it follows no such rule.
    #[serde(default)]
    pub promise: Option<Promise>,
    /// Our extension: the number of its promotion while it serves, and else the greatest one that it knows.
    #[serde(default)]
    pub epoch: Option<u64>,
}

/// Something that has to be done, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Send a datagram to the peer.
    Send {
        /// The status.
        code: PeerCode,
        /// The value of `random`.
        random: u32,
        /// Add our extension (W4).
        extended: bool,
        /// The note beside the code, to a peer of ours only.
        note: Option<Note>,
        /// Until when this side takes no role: to be told to a peer of ours. [`Time::ZERO`]: it promises nothing. `None`: it
        /// follows no such rule.
        #[serde(default)]
        promise: Option<Time>,
        /// The number of a promotion, to a peer of ours only: this side's while it serves, and else the greatest one. `None`: it
        /// knows of none.
        #[serde(default)]
        epoch: Option<u64>,
    },
    /// Ask the witness, or give its lease back.
    Witness(WitnessOrder),
    /// Find out for sure that the peer's host is off, for the question of this time. One [`Event::Fenced`] is the answer.
    Fence(Time),
    /// Run a command for the application or the service's interface.
    Command(Command),
    /// The order of the operator or the application is not carried out.
    Refuse(Refusal),
    /// Tell the operator.
    Notice(Notice),
    /// The resource has nothing more to do; the daemon may end.
    Exit,
}

/// An order to the executor of commands, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Bring the service's interface up, unless it is.
    Activate,
    /// Order the application to go hot.
    Start,
    /// Order the application to go standby.
    Stop,
    /// Take the service's interface down, unless it is.
    Deactivate {
        /// Do not wait for `start` or `stop` commands: this is a failure, not a planned hand-over (X2).
        urgent: bool,
    },
    /// Report [`Event::Released`] as soon as every command ordered so far is over.
    Barrier,
}

/// The reaction to an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The input.
    pub event: Event,
    /// The steps the machine took, in order. One event may make several: a late heartbeat, for example, may
    /// also find the peer silent.
    pub transitions: SmallVec<[Transition; 1]>,
    /// The actions, in order. Most reactions have one at most, and cost no allocation.
    pub actions: SmallVec<[Action; 1]>,
}

/// One step of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Why.
    pub cause: Cause,
    /// The state before.
    pub from: StateName,
    /// The state afterwards, often the same.
    pub to: StateName,
}

impl Reaction {
    /// The order of the operator or the application was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        self.actions
            .iter()
            .find_map(|action| if let Action::Refuse(why) = action { Some(*why) } else { None })
    }

    /// The last change of state, if there was one.
    pub fn change(&self) -> Option<&Transition> {
        self.transitions.iter().rfind(|step| step.is_change())
    }
}

impl Transition {
    /// Whether the state is another one now.
    pub fn is_change(&self) -> bool {
        self.from != self.to
    }
}

/// Why an order is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// Takeover: this side starts nothing ([`Settings::held`](crate::Settings::held)).
    Held,
    /// Takeover: the resource is frozen, and the peer cannot be asked.
    Frozen,
    /// Takeover: the peer is silent, and its silence is no reason here (`policy = manual`).
    PeerMayServe,
    /// Takeover: this host is isolated, and does not hear its peer.
    Isolated,
    /// Failover: nothing was heard of the peer within its timeout.
    NoPeer,
    /// Failover: the peer says that its application has failed.
    PeerFailed,
    /// Failover: the peer starts nothing.
    PeerHeld,
    /// Takeover: our own application has failed.
    AppFailed,
    /// Takeover: clients cannot reach this host.
    CutOff,
    /// Takeover: this side is hot already.
    AlreadyHot,
    /// Failover: this side is not hot and not about to be.
    NotHot,
    /// A planned hand-over to the other side is under way.
    HandingOver,
    /// The service could not be released: it goes on here.
    NotReleased,
}

/// Something worth a log line beside the change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Notice {
    /// Nothing was heard of the peer for its timeout.
    PeerLost,
    /// The peer is heard again (or for the first time).
    PeerSeen,
    /// Nothing was heard of the application for `app-timeout`.
    AppSilent,
    /// A forced takeover was asked for three times without an answer (S3).
    TakeoverUnanswered,
    /// The process lost time (S11): asleep, stopped or overloaded for longer than the timeout.
    Paused,
    /// The application did not become hot in `going-hot-timeout`.
    GoingHotTimeout,
    /// The application did not become standby in `going-standby-timeout`.
    GoingStandbyTimeout,
    /// This side has failed too often and is held back for a while.
    HeldBack,
    /// The address cannot be brought up here: the other side has to serve.
    AddressFailed,
    /// The address cannot be brought up, and no other side could serve: this one goes on without it.
    AddressMissing,
    /// Clients cannot reach this host: the other side has to serve.
    CutOff,
    /// Clients cannot reach this host, and no other side could serve: this one goes on.
    CutOffAlone,
    /// Clients can reach this host again.
    Reconnected,
    /// The order is undone: the address, or the application, could not be released, and the service goes on here.
    Undone,
    /// The hand-over goes on although the address, or the application, could not be released.
    NotReleased,
    /// Neither the peer's promise nor the witness's lease is here: the service is stopped before the other side may take over.
    MajorityLost,
    /// This host is isolated and does not hear its peer: the service is stopped before the other side takes over.
    Isolated,
    /// This host is isolated and does not hear its peer: it does not take over.
    IsolatedStays,
    /// The peer does not follow the rule of the majority: `policy = available` is in force.
    NoMajorityRule,
    /// News of a fence.
    Fence(FenceNews),
}

/// What an operator is told of a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FenceNews {
    /// The peer is silent, and its host is fenced before this side takes the role.
    Begins,
    /// The other side may do the same, and has the greater address: this one waits first.
    Delayed,
    /// The peer's host is off.
    Confirmed,
    /// That is not known: this side takes the role all the same (`policy = available`).
    FailedAvailable,
    /// That is not known: this side takes no role, and tries again (`policy = consistent`).
    FailedConsistent,
    /// That is not known: this side takes no role, and an operator has to decide (`policy = manual`).
    FailedManual,
    /// The peer is heard again while its host is being fenced.
    InVain,
    /// This host is isolated: it fences nobody.
    Isolated,
    /// An operator has this side take the role from a silent peer whose host is not known to be off.
    Skipped,
}
