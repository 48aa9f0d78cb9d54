//! A machine seen from now: nothing in it grows, so that the same situation at another time is the same state.
//!
//! Only differences of times decide anything in the protocol, and of a time that is over only that it is
//! over. So times are moved to a fixed `NOW`, and those that are over are made equal. A test walks at random
//! and holds that machine and view do the same for ever.

use std::time::Duration;

use schrittmacher_legacy_double::Legacy;
use schrittmacher_protocol::{App, Asked, Machine, Peer, Settings, State, Time, Window};

/// What the clock of every host shows, always: time passes by moving the hosts' memories back.
pub const NOW: Time = Time::new(Duration::from_secs(1000));

/// How far the clock moves at once, and the longest a datagram is on its way if nothing delays it.
pub const SECOND: Duration = Duration::from_secs(1);

/// The view of `machine` a second later (`passed`), or at the same moment.
pub fn view(machine: &Machine, settings: &Settings, passed: Duration) -> Machine {
    // Every field by name: a new one has to be thought about here.
    let Machine {
        state,
        app: App { failed, heard: app_heard, silent },
        peer: Peer { alive, heard: peer_heard, lost, said, generation, contradictions, advertise },
        asked,
        next_tick,
        quiet_until,
        answers: Window { until: answers_until, used },
        preempt_armed,
        starting_until,
        since,
        catching_up,
    } = machine.clone();
    let back = |time: Time| Time::new(time.since_origin().saturating_sub(passed));
    // What happens at or after a deadline does not depend on how long it has been over.
    let deadline = |time: Time| back(time).max(NOW);
    let unless_over = |time: Option<Time>| time.map(back).filter(|time| *time > NOW);
    // Silence: longer than its limit is as good as the limit.
    let at_most = |time: Time, limit: Duration| back(time).max(NOW - limit);
    Machine {
        state: match state {
            State::Unknown { claim } => State::Unknown { claim: claim.map(deadline) },
            State::Standby { conceded } => State::Standby { conceded: unless_over(conceded) },
            State::ToHot { until, began, granted } => {
                State::ToHot { until: deadline(until), began, granted: unless_over(granted) }
            }
            State::Hot { until, granted, deaf } => {
                State::Hot { until: deadline(until), granted: unless_over(granted), deaf: deaf.map(deadline) }
            }
            // Held against 50 ms.
            State::Releasing { since, was_hot, order } => {
                State::Releasing { since: at_most(since, SECOND), was_hot, order }
            }
            State::ToStandby { until, conceded } => {
                State::ToStandby { until: deadline(until), conceded: unless_over(conceded) }
            }
            State::Failed => State::Failed,
            State::Leaving { until } => State::Leaving { until: deadline(until) },
        },
        app: App { failed, heard: at_most(app_heard, settings.app_timeout), silent },
        peer: Peer {
            // The generation, and with it the limit, changes only with a message, which sets `heard` anew.
            heard: at_most(peer_heard, machine.peer.timeout(settings)),
            alive,
            lost,
            said,
            generation,
            contradictions,
            advertise,
        },
        asked: match asked {
            Some(Asked::Plain { until }) if back(until) > NOW => Some(Asked::Plain { until: back(until) }),
            Some(Asked::Forced { until, resend, sent, pushed }) if back(until) > NOW => {
                Some(Asked::Forced { until: back(until), resend: deadline(resend), sent, pushed })
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
        preempt_armed: preempt_armed || !settings.preempt,
        starting_until: deadline(starting_until),
        since: if settings.preempt {
            at_most(since, settings.timeout.max(settings.app_timeout))
        } else {
            NOW
        },
        catching_up,
    }
}

/// The same for a legacy daemon.
pub fn legacy_view(legacy: &Legacy, passed: Duration) -> Legacy {
    legacy.seen_from(NOW.since_origin() + passed, NOW.since_origin())
}
