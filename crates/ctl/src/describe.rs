//! A reaction of the state machine, in words.

use std::time::Duration;

use schrittmacher_protocol::{
    Action, Cause, Command, Event, FORCED_RANDOM, Notice, Reaction, Settings, Transition, WitnessOrder,
};
use schrittmacher_wire::{AppCode, PeerCode};

use schrittmacher_text::wording;

/// The input, or the deadline that was due.
pub(super) fn what(reaction: &Reaction) -> String {
    if let Event::Peer(report) = reaction.event
        && report.code == Some(PeerCode::Treq)
    {
        let forced = if report.random == FORCED_RANDOM { ", on an order" } else { "" };
        return format!("peer says TREQ, priority {}{forced}", report.priority);
    }
    let steps = || reaction.transitions.iter();
    let changes: Vec<_> =
        steps().filter(|step| step.is_change()).map(|step| cause(step.cause, true)).collect();
    if !changes.is_empty() {
        return changes.join(", then ");
    }
    let all: Vec<_> = steps().map(|step| cause(step.cause, false)).collect();
    if all.is_empty() { "nothing was due".into() } else { all.join(", ") }
}

fn cause(cause: Cause, changes: bool) -> String {
    if cause == Cause::Tick && !changes { "heartbeat".into() } else { wording::cause(cause) }
}

/// How the state changed; empty if it did not.
pub(super) fn change(reaction: &Reaction) -> String {
    let changes: Vec<&Transition> = reaction.transitions.iter().filter(|step| step.is_change()).collect();
    let first = changes.first().map(|step| step.from.to_string());
    first.into_iter().chain(changes.iter().map(|step| step.to.to_string())).collect::<Vec<_>>().join(" -> ")
}

/// The actions; empty if there were none.
pub(super) fn done(reaction: &Reaction) -> String {
    reaction.actions.iter().filter_map(|action| deed(*action)).collect::<Vec<_>>().join(", ")
}

fn deed(action: Action) -> Option<String> {
    Some(match action {
        Action::Send { code, .. } => format!("send {code}"),
        Action::Command(Command::Activate) => "activate".into(),
        Action::Command(Command::Start) => "start".into(),
        Action::Command(Command::Stop) => "stop".into(),
        Action::Command(Command::Deactivate { urgent: true }) => "deactivate".into(),
        Action::Command(Command::Deactivate { urgent: false }) => "deactivate after that".into(),
        Action::Command(Command::Barrier) => "wait for the commands".into(),
        Action::Refuse(refusal) => format!("refuse: {}", wording::refusal(refusal)),
        // The cause says as much.
        Action::Notice(Notice::PeerLost | Notice::AppSilent | Notice::Paused) => return None,
        Action::Notice(notice) => format!("({})", wording::notice(notice).1),
        Action::Exit => "end".into(),
        Action::Witness(WitnessOrder::Ask) => "ask the witness".into(),
        Action::Witness(WitnessOrder::GiveBack) => "give the lease back".into(),
        Action::Fence(_) => "fence the peer's host".into(),
    })
}

/// Whether it is one of the messages and heartbeats that come all the time and change nothing.
pub(super) fn is_routine(reaction: &Reaction) -> bool {
    let quiet_event = match reaction.event {
        Event::Tick | Event::CommandWaits => true,
        Event::Peer(report) => match report.code {
            Some(
                PeerCode::Unk
                | PeerCode::Hott
                | PeerCode::Stby
                | PeerCode::Fail
                | PeerCode::ToHot
                | PeerCode::ToStandby,
            )
            | None => true,
            Some(PeerCode::Treq | PeerCode::Tcnf | PeerCode::Trej | PeerCode::Fovr) => false,
        },
        Event::App(Some(AppCode::Lrfo | AppCode::Lrto)) => false,
        Event::App(_) => true,
        Event::AppFailed(_)
        | Event::Witness(_)
        | Event::Fenced(..)
        | Event::StartBegan
        | Event::Released
        | Event::Failover { .. }
        | Event::Takeover { .. }
        | Event::Shutdown
        | Event::LeftHot(_)
        | Event::Epochs(_)
        | Event::Freeze(_)
        | Event::Bond(_)
        | Event::Follow { .. }
        | Event::Reloaded
        | Event::ActivateFailed
        | Event::Activated
        | Event::CutOff
        | Event::HostSilent(_)
        | Event::Reconnected
        | Event::Isolated(_)
        | Event::StopFailed
        | Event::DeactivateFailed => false,
    };
    quiet_event
        && reaction.change().is_none()
        && reaction.actions.iter().all(|action| matches!(action, Action::Send { .. }))
}

/// The settings that decide about times, and who is preferred.
pub(super) fn settings(settings: &Settings) -> String {
    let seconds = |duration: Duration| format!("{} s", duration.as_secs_f64());
    format!(
        "heartbeat {}, timeout {}, app-timeout {}, going-hot-timeout {}, going-standby-timeout {}, priority {}{}",
        seconds(settings.heartbeat),
        seconds(settings.timeout),
        seconds(settings.app_timeout),
        seconds(settings.going_hot_timeout),
        seconds(settings.going_standby_timeout),
        settings.priority,
        if settings.preempt { ", preempt" } else { "" },
    )
}
