//! The protocol's causes, refusals and notices as sentences.

use std::time::Duration;

use schrittmacher_protocol::{
    AppFailure, AppReport, Cause, FenceNews, Notice, Orderer, Refusal, Settings, StateName, Transition,
};
use schrittmacher_wire::PeerCode;

/// The operator's word for a state (`docs/glossary.md`).
pub const fn state(state: StateName) -> &'static str {
    match state {
        StateName::Unknown => "unknown",
        StateName::Standby => "standby",
        StateName::ToHot => "going-hot",
        StateName::Hot => "hot",
        StateName::Releasing => "releasing",
        StateName::ToStandby => "going-standby",
        StateName::Failed => "failed",
        StateName::Leaving => "leaving",
    }
}

/// The state that a message of the peer shows; `None` for a request and a rejection, which show none.
pub const fn peer_state(code: PeerCode) -> Option<StateName> {
    Some(match code {
        PeerCode::Unk => StateName::Unknown,
        PeerCode::Hott => StateName::Hot,
        PeerCode::ToHot => StateName::ToHot,
        PeerCode::Stby | PeerCode::Tcnf => StateName::Standby,
        PeerCode::ToStandby => StateName::ToStandby,
        PeerCode::Fail => StateName::Failed,
        PeerCode::Fovr => StateName::Leaving,
        PeerCode::Treq | PeerCode::Trej => return None,
    })
}

/// Why a state changed, in an operator's words: without codes, and with the key and the seconds of a time limit.
pub fn why(change: &Transition, settings: &Settings) -> String {
    let within = |key: &str, limit: Duration| format!("within {key} ({} s)", limit.as_secs_f64());
    match change.cause {
        Cause::Peer(code) => peer_says(code).to_owned(),
        Cause::App(report) => app_says(report).to_owned(),
        Cause::Tick => match (change.from, change.to) {
            (StateName::Unknown, StateName::Hot) => {
                "the application is hot, and the peer did not object".to_owned()
            }
            (StateName::ToHot, _) => {
                format!(
                    "the application did not become hot {}",
                    within("going-hot-timeout", settings.going_hot_timeout)
                )
            }
            (StateName::ToStandby, _) => {
                format!(
                    "the application did not become standby {}",
                    within("going-standby-timeout", settings.going_standby_timeout)
                )
            }
            (StateName::Failed, _) => "this side is held back no longer".to_owned(),
            (StateName::Hot, StateName::Failed) => {
                "the application did not say again that it is hot".to_owned()
            }
            (StateName::Hot, _) => "the peer is hot too, and does not hear this side".to_owned(),
            (_, _) => "a time limit was over".to_owned(),
        },
        Cause::AppSilent => {
            format!("the application said nothing {}", within("app-timeout", settings.app_timeout))
        }
        Cause::PeerSilent => {
            format!("the peer said nothing {}", within("timeout", settings.timeout))
        }
        Cause::AppFailed(AppFailure::Ended) => "the application's process ended".to_owned(),
        Cause::AppFailed(AppFailure::CannotStart) => "the application cannot be started".to_owned(),
        Cause::AppFailed(AppFailure::GaveUp) => "the application could not become hot".to_owned(),
        Cause::AppFailed(AppFailure::CheckFailed) => {
            "the application's `check-command`, or systemd, says that it has failed".to_owned()
        }
        Cause::Failover { by: Orderer::App, .. } => "the application asked for a failover".to_owned(),
        Cause::Failover { by: Orderer::Operator, force: false } => {
            "an operator ordered a failover".to_owned()
        }
        Cause::Failover { by: Orderer::Operator, force: true } => {
            "an operator ordered a failover by force".to_owned()
        }
        Cause::Failover { by: Orderer::Set, .. } => {
            "it follows the rest of its set to the other side".to_owned()
        }
        Cause::Takeover { by: Orderer::App, .. } => "the application asked for a takeover".to_owned(),
        Cause::Takeover { by: Orderer::Operator | Orderer::Set } => {
            "an operator ordered a takeover".to_owned()
        }
        Cause::Shutdown => "the daemon ends".to_owned(),
        Cause::Released => "the service is released".to_owned(),
        Cause::Resumed => "this process was stopped, asleep or overloaded".to_owned(),
        Cause::StartBegan => "the start command began".to_owned(),
        Cause::ActivateFailed => "the address could not be brought up".to_owned(),
        Cause::CutOff => "the interface of the service has no connection".to_owned(),
        Cause::Reconnected => "the interface of the service has its connection again".to_owned(),
        Cause::NoMajority => "neither the peer nor the witness lets this side be hot".to_owned(),
        Cause::Isolated => {
            "this host is isolated: no target of `ping-address` answers, and the peer is not heard".to_owned()
        }
    }
}

const fn peer_says(code: PeerCode) -> &'static str {
    match code {
        PeerCode::Unk => "the peer has just started",
        PeerCode::Hott => "the peer is hot",
        PeerCode::Stby => "the peer is standby",
        PeerCode::Treq => "the peer asked for the role",
        PeerCode::Tcnf => "the peer left the role to this side",
        PeerCode::Trej => "the peer keeps the role",
        PeerCode::Fail => "the peer's application has failed",
        PeerCode::Fovr => "the peer handed over",
        PeerCode::ToHot => "the peer is going hot",
        PeerCode::ToStandby => "the peer is going standby",
    }
}

const fn app_says(report: AppReport) -> &'static str {
    match report {
        AppReport::Lhot => "the application is hot",
        AppReport::Lsby => "the application is standby",
        AppReport::Lunk => "the application does not know its state",
        AppReport::Lfai => "the application reported a failure",
        AppReport::L2ht => "the application is going hot",
        AppReport::L2sb => "the application is going standby",
    }
}

/// Why a state changed, as the end of a log line.
pub fn cause(cause: Cause) -> String {
    match cause {
        Cause::Peer(code) => format!("peer says {code}"),
        Cause::App(report) => format!("application says {report}"),
        Cause::Tick => "time is over".into(),
        Cause::AppSilent => "application is silent".into(),
        Cause::PeerSilent => "peer is silent".into(),
        Cause::AppFailed(AppFailure::Ended) => "application's process ended".into(),
        Cause::AppFailed(AppFailure::CannotStart) => "application cannot be started".into(),
        Cause::AppFailed(AppFailure::CheckFailed) => "application's check has failed".into(),
        Cause::AppFailed(AppFailure::GaveUp) => "application could not become hot".into(),
        Cause::Failover { by: Orderer::App, .. } => "application says LRFO".into(),
        Cause::Failover { by: Orderer::Set, .. } => "follows its set".into(),
        Cause::Failover { force: false, .. } => "failover ordered".into(),
        Cause::Failover { force: true, .. } => "failover ordered by force".into(),
        Cause::Takeover { by: Orderer::App } => "application says LRTO".into(),
        Cause::Takeover { .. } => "takeover ordered".into(),
        Cause::Shutdown => "daemon is asked to end".into(),
        Cause::Released => "service is released".into(),
        Cause::Resumed => "process had lost time".into(),
        Cause::StartBegan => "start command began".into(),
        Cause::ActivateFailed => "address cannot be brought up".into(),
        Cause::CutOff => "interface has no connection".into(),
        Cause::Reconnected => "interface has its connection again".into(),
        Cause::NoMajority => "no majority".into(),
        Cause::Isolated => "host is isolated".into(),
    }
}

/// The kind of a cause, as one word for programs: `docs/metrics.md` lists them.
pub const fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Peer(PeerCode::Fovr) => "peer-handed-over",
        Cause::Peer(PeerCode::Tcnf) => "peer-left-the-role",
        Cause::Peer(PeerCode::Treq) => "peer-asked",
        Cause::Peer(PeerCode::Fail) => "peer-failed",
        Cause::Peer(
            PeerCode::Unk
            | PeerCode::Hott
            | PeerCode::Stby
            | PeerCode::Trej
            | PeerCode::ToHot
            | PeerCode::ToStandby,
        ) => "peer-state",
        Cause::PeerSilent => "peer-silent",
        Cause::App(AppReport::Lfai) => "application-failed",
        Cause::App(
            AppReport::Lhot | AppReport::Lsby | AppReport::Lunk | AppReport::L2ht | AppReport::L2sb,
        ) => "application-state",
        Cause::AppSilent => "application-silent",
        Cause::AppFailed(AppFailure::Ended) => "application-ended",
        Cause::AppFailed(AppFailure::CannotStart) => "application-cannot-start",
        Cause::AppFailed(AppFailure::GaveUp) => "application-gave-up",
        Cause::AppFailed(AppFailure::CheckFailed) => "check-failed",
        Cause::Failover { by: Orderer::Operator, .. } | Cause::Takeover { by: Orderer::Operator } => {
            "operator"
        }
        Cause::Failover { by: Orderer::App, .. } | Cause::Takeover { by: Orderer::App } => {
            "application-asked"
        }
        Cause::Failover { by: Orderer::Set, .. } | Cause::Takeover { by: Orderer::Set } => "set",
        Cause::Tick => "time",
        Cause::Shutdown => "shutdown",
        Cause::Released => "released",
        Cause::Resumed => "lost-time",
        Cause::StartBegan => "start-began",
        Cause::ActivateFailed => "address-failed",
        Cause::CutOff => "cut-off",
        Cause::Reconnected => "reconnected",
        Cause::NoMajority => "no-majority",
        Cause::Isolated => "isolated",
    }
}

/// The reason why an order is not carried out, for the operator who gave it.
pub const fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Held => {
            "this side starts nothing by itself, and the other one may serve already: its configuration file is broken, it \
             has never heard its peer (`alone = wait`), or its address is elsewhere (`address-probe = wait`)"
        }
        Refusal::Frozen => "the resource is frozen, and the peer is not heard: it may serve; thaw it first",
        Refusal::NoPeer => "the peer is not heard: nobody would take over",
        Refusal::PeerFailed => "the peer's application has failed: nobody would take over",
        Refusal::PeerHeld => {
            "the peer starts nothing by itself, so nobody would take over: its configuration file is broken, it has never \
             heard this side (`alone = wait`), or its address is elsewhere (`address-probe = wait`). Its log says which; \
             a takeover there by force ends that"
        }
        Refusal::AppFailed => "the application of this side has failed",
        Refusal::PeerMayServe => {
            "the peer is silent and may still serve (`policy = manual`, or its host is not known to be off): make sure that it does \
             not; takeover by force goes on"
        }
        Refusal::Isolated => {
            "no target of `ping-address` answers, so no client could reach this host; to serve all the same: \
             `on-isolation = keep` and a reload"
        }
        Refusal::CutOff => "the interface of this side has no connection: no client could reach it",
        Refusal::AlreadyHot => "this side is hot already",
        Refusal::NotHot => "this side is not hot",
        Refusal::HandingOver => "this side is handing over to the other one",
        Refusal::NotReleased => {
            "a command failed, and address or application may still be here: the service goes on here \
             (failover by force goes on)"
        }
    }
}

/// Something the operator should know, and how much it matters.
pub const fn notice(notice: Notice) -> (log::Level, &'static str) {
    match notice {
        Notice::PeerLost => (log::Level::Warn, "peer is silent"),
        Notice::PeerSeen => (log::Level::Info, "peer is heard"),
        Notice::AppSilent => (log::Level::Warn, "application is silent"),
        Notice::TakeoverUnanswered => {
            (log::Level::Warn, "takeover failed: the peer did not give way within three requests")
        }
        Notice::Paused => (
            log::Level::Warn,
            "this process was stopped, asleep or overloaded for longer than the timeout; asking the peer before going on",
        ),
        Notice::GoingHotTimeout => {
            (log::Level::Error, "application did not become hot within going-hot-timeout")
        }
        Notice::GoingStandbyTimeout => {
            (log::Level::Error, "application did not become standby within going-standby-timeout")
        }
        Notice::HeldBack => (
            log::Level::Error,
            "this side keeps failing: held back as `hold-back` says; a takeover ends that",
        ),
        Notice::AddressFailed => {
            (log::Level::Error, "the address cannot be brought up here: the other side shall serve")
        }
        Notice::AddressMissing => (
            log::Level::Error,
            "the address cannot be brought up, and the other side cannot serve: going on without it, and trying again",
        ),
        Notice::CutOff => {
            (log::Level::Error, "clients cannot reach this host: this side does not serve until they can")
        }
        Notice::CutOffAlone => (
            log::Level::Error,
            "clients cannot reach this host, and no other side could serve: going on, until one can",
        ),
        Notice::Reconnected => (log::Level::Info, "clients can reach this host again"),
        Notice::Undone => (
            log::Level::Error,
            "the order is undone: a command failed, and address or application may still be here; the service goes on here",
        ),
        Notice::NotReleased => (
            log::Level::Error,
            "the hand-over goes on although a command failed: address or application may still be here",
        ),
        Notice::MajorityLost => (
            log::Level::Error,
            "no promise of the peer and no lease of the witness: the service is stopped before the other side may take over",
        ),
        Notice::Isolated => (
            log::Level::Error,
            "this host is isolated and does not hear its peer: the service is stopped before the other side takes over \
             (`on-isolation`); it comes back when a target answers and the peer stays silent",
        ),
        Notice::IsolatedStays => (
            log::Level::Error,
            "the peer is silent, but this host is isolated: it does not take over (`on-isolation`) before a target answers",
        ),
        Notice::Fence(news) => fence_news(news),
        Notice::NoMajorityRule => (
            log::Level::Error,
            "the peer does not follow `policy = consistent` (a legacy daemon, or configured otherwise): `available` is in force, and \
             both sides serve while the link is cut",
        ),
    }
}

const fn fence_news(news: FenceNews) -> (log::Level, &'static str) {
    match news {
        FenceNews::Begins => (
            log::Level::Warn,
            "the peer is silent: its host is fenced before this side takes over (`fence-action`)",
        ),
        FenceNews::Delayed => (
            log::Level::Warn,
            "the other side may fence this one, and has the greater address: this side waits for one `fence-timeout` before it fences",
        ),
        FenceNews::Confirmed => {
            (log::Level::Warn, "the peer's host is off, as `fence-action` says: this side may take over")
        }
        FenceNews::FailedAvailable => (
            log::Level::Error,
            "THE PEER'S HOST IS NOT KNOWN TO BE OFF: `fence-action` has not confirmed it. This side takes over all the same \
             (`policy = available`), and both may serve",
        ),
        FenceNews::FailedConsistent => (
            log::Level::Error,
            "THE PEER'S HOST IS NOT KNOWN TO BE OFF: `fence-action` has not confirmed it. This side does not take over, and tries again \
             (`policy = consistent`)",
        ),
        FenceNews::FailedManual => (
            log::Level::Error,
            "THE PEER'S HOST IS NOT KNOWN TO BE OFF: `fence-action` has not confirmed it. This side does not take over: make sure that \
             the peer does not serve, and order a takeover by force (`policy = manual`)",
        ),
        FenceNews::InVain => (
            log::Level::Warn,
            "the peer is heard again while its host is fenced: nothing is taken over; the command is let end",
        ),
        FenceNews::Isolated => (
            log::Level::Error,
            "the peer is silent, but no target of `ping-address` answers this host: it does not fence the peer's",
        ),
        FenceNews::Skipped => (
            log::Level::Warn,
            "takeover by force from a silent peer: nothing has confirmed that its host is off; the operator answers for it",
        ),
    }
}
