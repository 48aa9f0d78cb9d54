//! A machine seen from now: nothing in it grows, so that the same situation at another time is the same state.
//!
//! Only differences of times decide anything in the protocol, and of a time that is over only that it is
//! over. So times are moved to a fixed `NOW`, and those that are over are made equal. A test walks at random
//! and holds that machine and view do the same for ever.

use std::time::Duration;

use schrittmacher_protocol::{
    App, Asked, Bucket, Ending, Epochs, Fence, HoldBack, Isolation, Machine, Peer, Release, Setbacks,
    Settings, State, Time, Window,
};
use schrittmacher_testkit::double::Legacy;

/// The time on the clock of every host, always. Time passes by moving the hosts' memories back.
pub const NOW: Time = Time::new(Duration::from_secs(1000));

/// How far the clock moves at once, and the longest a datagram is on its way if nothing delays it.
pub const SECOND: Duration = Duration::from_secs(1);

/// How long two hot nodes that compare this have been so: more is as good as this.
pub const LONG: Duration = Duration::from_secs(8);

/// The view of `machine` a second later (`passed`), or at the same moment.
#[expect(clippy::too_many_lines, reason = "one line for each field, so that a new one is a decision")]
/// `compares`: the time for which it has been hot may decide a conflict.
pub fn view(machine: &Machine, settings: &Settings, passed: Duration, compares: bool) -> Machine {
    // Every field by name: a new one has to be thought about here.
    let Machine {
        state,
        app: App { heard: app_heard, silent, reported },
        peer:
            Peer {
                alive,
                heard: peer_heard,
                lost,
                said,
                held_back,
                generation,
                contradictions,
                advertise,
                leaving,
                unanswered,
                next_question,
                cut_off: peer_cut_off,
                hands_over,
                held,
                reacted,
            },
        asked,
        next_tick,
        quiet_until,
        answers: Window { until: answers_until, used },
        announcements: _,
        owed: _,
        preempt_armed,
        setbacks,
        cut_off,
        starting_until,
        since,
        catching_up,
        frozen,
        bond,
        // The rule of the majority has a search of its own (`tests/majority`); without it nothing changes here.
        majority,
        // They decide nothing.
        epochs: _,
        isolation: Isolation { isolated, reached_at },
        fence:
            Fence { asked: fence_asked, outcome: fence_outcome, failed: _, not_before, begun, was_hot, has_left },
        ending,
    } = machine.clone();
    let back = |time: Time| Time::new(time.since_origin().saturating_sub(passed));
    // The effect of a deadline does not depend on how long it has been over.
    let deadline = |time: Time| back(time).max(NOW);
    let unless_over = |time: Option<Time>| time.map(back).filter(|time| *time > NOW);
    // Silence: longer than its limit is as good as the limit.
    let at_most = |time: Time, limit: Duration| back(time).max(NOW - limit);
    // Whether a target has answered in a silence that was older than the timeout counts for a silence of any length.
    let silence = machine.peer.timeout(settings);
    let heard = if reached_at > peer_heard + silence {
        NOW - 2 * silence - SECOND
    } else {
        at_most(peer_heard, silence)
    };
    let reached_at = at_most(reached_at, silence);
    Machine {
        state: match state {
            State::Unknown { claim } => State::Unknown { claim: claim.map(deadline) },
            State::Standby { yielding_until } => {
                State::Standby { yielding_until: unless_over(yielding_until) }
            }
            State::ToHot { until, began, granted_until, failed } => State::ToHot {
                until: deadline(until),
                began,
                granted_until: unless_over(granted_until),
                failed,
            },
            State::Hot { until, granted_until, reaction_due } => State::Hot {
                until: deadline(until),
                granted_until: unless_over(granted_until),
                reaction_due: reaction_due.map(deadline),
            },
            // Held against 50 ms.
            State::Releasing(Release { since, was_hot, order, failed, app, waits_until, unreleased }) => {
                State::Releasing(Release {
                    since: at_most(since, SECOND.max(settings.going_standby_timeout)),
                    was_hot,
                    order,
                    failed,
                    app,
                    waits_until: waits_until.map(deadline),
                    unreleased,
                })
            }
            State::ToStandby { until, yielding_until } => {
                State::ToStandby { until: deadline(until), yielding_until: unless_over(yielding_until) }
            }
            State::Failed { hold_back } => State::Failed {
                hold_back: hold_back.map(|hold| HoldBack { until: deadline(hold.until), ..hold }),
            },
            State::Leaving { until, peer_goes_hot, failed } => {
                State::Leaving { until: deadline(until), peer_goes_hot, failed }
            }
        },
        app: App { heard: at_most(app_heard, settings.app_timeout), silent, reported },
        peer: Peer {
            // The generation, and with it the limit, changes only with a message, which sets `heard` anew.
            heard,
            alive,
            lost,
            said,
            held_back,
            generation,
            contradictions,
            advertise,
            leaving,
            unanswered,
            next_question: deadline(next_question),
            cut_off: peer_cut_off,
            hands_over,
            held,
            reacted,
        },
        asked: match asked {
            Some(Asked::Plain { until }) if back(until) > NOW => Some(Asked::Plain { until: back(until) }),
            Some(Asked::Forced { until, resend, sent, insisted }) if back(until) > NOW => {
                Some(Asked::Forced { until: back(until), resend: deadline(resend), sent, insisted })
            }
            // Differs from none in a notice to the operator only.
            Some(Asked::Plain { .. } | Asked::Forced { .. }) | None => None,
        },
        // Late by more than the timeout is what matters.
        next_tick: at_most(next_tick, settings.timeout + SECOND),
        quiet_until: deadline(quiet_until),
        answers: if back(answers_until) > NOW {
            Window { until: back(answers_until), used }
        } else {
            Window { until: NOW, used: 0 }
        },
        // No search gets near the limit, and counting would tell apart what is alike.
        announcements: Bucket::default(),
        owed: None,
        preempt_armed: preempt_armed || !settings.preempt,
        setbacks: {
            let Setbacks { failures, forget_at, activate, reject_until } = setbacks;
            let forget_at = if settings.hold_back.is_zero() { NOW } else { deadline(forget_at) };
            let failures = if forget_at > NOW { failures } else { 0 };
            Setbacks { failures, forget_at, activate, reject_until: deadline(reject_until) }
        },
        cut_off,
        starting_until: deadline(starting_until),
        since: if matches!(state, State::Failed { hold_back: Some(_) }) {
            at_most(since, settings.app_timeout)
        } else if matches!(state, State::Failed { hold_back: None }) {
            at_most(since, settings.heartbeat)
        } else if settings.preempt {
            at_most(since, settings.timeout.max(settings.app_timeout))
        } else if ending != Ending::No {
            at_most(since, machine.peer.timeout(settings).max(LONG))
        } else if compares && matches!(state, State::Hot { .. }) {
            at_most(since, LONG)
        } else {
            NOW
        },
        catching_up,
        frozen,
        bond,
        majority,
        epochs: Epochs::default(),
        fence: Fence {
            // It names the question, and is asked for by that name.
            asked: fence_asked.map(|_| NOW),
            outcome: fence_outcome,
            // It is told, and decides nothing.
            failed: 0,
            not_before: deadline(not_before),
            begun,
            was_hot,
            has_left,
        },
        isolation: Isolation { isolated, reached_at },
        ending,
    }
}

/// The same for a legacy daemon.
pub fn legacy_view(legacy: &Legacy, passed: Duration) -> Legacy {
    legacy.seen_from(NOW.since_origin() + passed, NOW.since_origin())
}
