//! Both ways compared.

use std::time::Duration;

use super::*;
use crate::fence::{FenceRule, Fenced};
use crate::isolation::OnIsolation;
use crate::majority::Promise;
use crate::question::Asked;
use crate::set::Bond;
use crate::setback::HoldBack;
use crate::settings::Policy;
use crate::state::StateName;
use schrittmacher_wire::Note;

const SECOND: Duration = Duration::from_secs(1);

/// A machine, what it goes by, and what the peer says.
#[derive(Clone, Debug)]
struct Situation {
    machine: Machine,
    settings: Settings,
    report: PeerReport,
}

fn settings() -> Settings {
    Settings {
        heartbeat: SECOND,
        timeout: 3 * SECOND,
        app_timeout: 10 * SECOND,
        going_hot_timeout: 20 * SECOND,
        going_standby_timeout: 6 * SECOND,
        startup_delay: Duration::ZERO,
        hold_back: 5 * SECOND,
        hold_back_max: 300 * SECOND,
        priority: 10,
        preempt: false,
        local: [10, 0, 0, 1].into(),
        remote: [10, 0, 0, 2].into(),
        held: false,
        extensions: true,
        policy: Policy::Available,
        on_isolation: OnIsolation::Keep,
        fence: None,
    }
}

/// The next heartbeat of the settled machines.
const BEAT: Time = Time::new(Duration::from_secs(100));

/// Settled for some seconds.
fn settled(is_hot: bool) -> Situation {
    let settings = settings();
    let [before, heard] = [BEAT - 50 * SECOND, BEAT - SECOND / 2];
    let state = if is_hot {
        State::Hot { until: heard + 20 * SECOND, granted_until: None, reaction_due: None }
    } else {
        State::Standby { yielding_until: None }
    };
    let mut machine = Machine::new(&settings, before);
    machine.state = state;
    (machine.app.reported, machine.app.heard, machine.next_tick) = (true, heard, BEAT);
    let said = if is_hot { Said::Standby } else { Said::Hot };
    let generation = Generation::Ours { period: SECOND };
    machine.peer = crate::Peer { alive: true, heard, said, generation, reacted: true, ..machine.peer };
    machine.epochs = crate::Epochs { own: 1, greatest: 2 };
    let report = PeerReport {
        code: Some(if is_hot { PeerCode::Stby } else { PeerCode::Hott }),
        priority: 5,
        random: 0,
        host: Some(settings.remote),
        has_type: true,
        period: Some(SECOND),
        note: None,
        promise: None,
        epoch: Some(2),
    };
    Situation { machine, settings, report }
}

type Change = fn(&mut Situation);

/// Whatever may be otherwise.
fn changes() -> Vec<Change> {
    [in_the_report(), in_the_state(), in_what_was_heard(), in_what_is_under_way(), in_the_settings()].concat()
}

fn in_the_report() -> Vec<Change> {
    vec![
        |one| one.report.code = Some(PeerCode::Hott),
        |one| one.report.code = Some(PeerCode::Stby),
        |one| one.report.code = Some(PeerCode::Fail),
        |one| one.report.code = Some(PeerCode::Unk),
        |one| one.report.code = None,
        |one| one.report.note = Some(Note::Leaving),
        |one| one.report.note = Some(Note::Held),
        |one| one.report.period = Some(2 * SECOND),
        |one| one.report.period = None,
        |one| one.report.epoch = Some(3),
        |one| one.report.epoch = None,
        |one| one.report.priority = 20,
        |one| one.report.promise = Some(Promise { acknowledged: Some(BEAT), lasts: SECOND }),
        |one| one.report.has_type = false,
    ]
}

fn in_the_state() -> Vec<Change> {
    vec![
        |one| one.machine.state = State::Unknown { claim: None },
        |one| one.machine.state = State::Unknown { claim: Some(BEAT) },
        |one| one.machine.state = State::Standby { yielding_until: Some(BEAT + SECOND) },
        |one| one.machine.state = State::Standby { yielding_until: Some(BEAT - SECOND) },
        |one| {
            let until = BEAT + SECOND / 4;
            one.machine.state = State::Hot { until, granted_until: None, reaction_due: None };
        },
        |one| {
            let (until, due) = (BEAT + 9 * SECOND, Some(BEAT + SECOND));
            one.machine.state = State::Hot { until, granted_until: due, reaction_due: None };
        },
        |one| {
            let (until, due) = (BEAT + 9 * SECOND, Some(BEAT + SECOND));
            one.machine.state = State::Hot { until, granted_until: None, reaction_due: due };
        },
        |one| one.machine.state = State::ToStandby { until: BEAT + SECOND, yielding_until: None },
        |one| one.machine.state = State::Failed { hold_back: None },
        |one| {
            let hold = HoldBack { until: BEAT + SECOND, fit: Some(AppReport::Lsby) };
            one.machine.state = State::Failed { hold_back: Some(hold) };
        },
    ]
}

fn in_what_was_heard() -> Vec<Change> {
    vec![
        |one| one.machine.app.heard = BEAT - 9 * SECOND,
        |one| one.machine.app.silent = true,
        |one| one.machine.app.reported = false,
        |one| one.machine.starting_until = BEAT + 20 * SECOND,
        |one| one.machine.peer.alive = false,
        |one| one.machine.peer.lost = true,
        |one| (one.machine.peer.alive, one.machine.peer.lost) = (false, true),
        |one| one.machine.peer.heard = BEAT - 5 * SECOND / 2,
        |one| one.machine.peer.said = Said::Nothing,
        |one| one.machine.peer.said = Said::ToHot,
        |one| one.machine.peer.held_back = true,
        |one| one.machine.peer.generation = Generation::Modern,
        |one| one.machine.peer.generation = Generation::Classic,
        |one| one.machine.peer.generation = Generation::Ours { period: 2 * SECOND },
        |one| one.machine.peer.contradictions = 2,
        |one| one.machine.peer.advertise = 0,
        |one| one.machine.peer.leaving = true,
        |one| one.machine.peer.unanswered = 3,
        |one| one.machine.peer.cut_off = true,
        |one| one.machine.peer.hands_over = true,
        |one| one.machine.peer.held = true,
        |one| one.machine.peer.reacted = false,
    ]
}

fn in_what_is_under_way() -> Vec<Change> {
    vec![
        |one| one.machine.asked = Some(Asked::Plain { until: BEAT + 5 * SECOND }),
        |one| one.machine.asked = Some(Asked::Plain { until: BEAT - SECOND }),
        |one| {
            one.machine.asked =
                Some(Asked::Forced { until: BEAT + SECOND, resend: BEAT, sent: 1, insisted: false });
        },
        |one| one.machine.next_tick = BEAT + 2 * SECOND,
        |one| one.machine.next_tick = BEAT - 5 * SECOND / 2,
        |one| one.machine.quiet_until = BEAT + 9 * SECOND,
        |one| one.machine.answers.used = 10,
        |one| one.machine.announcements.empty_at = BEAT + 9 * SECOND,
        |one| one.machine.owed = Some(PeerCode::Treq),
        |one| one.machine.preempt_armed = false,
        |one| one.machine.setbacks.activate = 1,
        |one| one.machine.setbacks.failures = 2,
        |one| one.machine.setbacks.reject_until = BEAT + SECOND,
        |one| one.machine.peer.next_question = BEAT,
        |one| one.machine.since = BEAT - SECOND,
        |one| one.settings.timeout = SECOND / 10,
        |one| one.settings.startup_delay = 60 * SECOND,
        |one| one.report.random = 7,
        |one| one.machine.cut_off = true,
        |one| one.machine.catching_up = true,
        |one| one.machine.frozen = true,
        |one| one.machine.bond = Some(Bond { waits: true, other_side_lacks: false }),
        |one| one.machine.bond = Some(Bond { waits: false, other_side_lacks: true }),
        |one| one.machine.majority.promised_until = BEAT + SECOND,
        |one| one.machine.majority.has_lease = true,
        |one| one.machine.majority.stopping_until = BEAT + SECOND,
        |one| one.machine.epochs.own = 3,
        |one| one.machine.epochs = crate::Epochs::default(),
        |one| one.machine.isolation.isolated = true,
        |one| one.machine.isolation.reached_at = BEAT,
        |one| one.machine.fence.asked = Some(BEAT),
        |one| one.machine.fence.begun = true,
        |one| {
            // Each word of the peer ends it, so it is there in silence alone.
            (one.machine.peer.alive, one.machine.peer.lost) = (false, true);
            one.machine.fence.outcome = Some(Fenced::Off);
        },
        |one| one.machine.fence.outcome = Some(Fenced::NotConfirmed),
        |one| one.machine.fence.failed = 1,
        |one| one.machine.fence.not_before = BEAT + SECOND,
        |one| one.machine.fence.was_hot = true,
        |one| one.machine.fence.has_left = true,
        |one| one.machine.ending = Ending::Asked,
        |one| one.machine.ending = Ending::CameBack,
    ]
}

fn in_the_settings() -> Vec<Change> {
    vec![
        |one| one.settings.preempt = true,
        |one| one.settings.held = true,
        |one| one.settings.extensions = false,
        |one| one.settings.policy = Policy::Consistent { promise: 5 * SECOND },
        |one| one.settings.policy = Policy::Manual,
        |one| one.settings.on_isolation = OnIsolation::StepDown,
        |one| one.settings.heartbeat = 3 * SECOND,
        |one| one.settings.app_timeout = SECOND,
        |one| one.settings.fence = Some(FenceRule { delay: 5 * SECOND, pause: 60 * SECOND }),
    ]
}

/// A new field does not compile here. It belongs into the changes above, and may need a condition.
#[test]
fn no_field_is_forgotten() {
    let Situation { machine, settings, report } = settled(true);
    #[rustfmt::skip]
    let Machine {
        state: _, app: crate::App { heard: _, silent: _, reported: _ }, peer, asked: _, next_tick: _, quiet_until: _,
        answers: _, announcements: _, owed: _, preempt_armed: _, setbacks: _, cut_off: _, starting_until: _, since: _,
        catching_up: _, frozen: _, bond: _, majority: _, epochs: _, isolation: _, fence, ending: _,
    } = machine;
    let Fence { asked: _, outcome: _, failed: _, not_before: _, begun: _, was_hot: _, has_left: _ } = fence;
    #[rustfmt::skip]
    let crate::Peer {
        alive: _, heard: _, lost: _, said: _, held_back: _, generation: _, contradictions: _, advertise: _, leaving: _,
        unanswered: _, next_question: _, cut_off: _, hands_over: _, held: _, reacted: _,
    } = peer;
    #[rustfmt::skip]
    let Settings {
        heartbeat: _, timeout: _, app_timeout: _, going_hot_timeout: _, going_standby_timeout: _, startup_delay: _,
        hold_back: _, hold_back_max: _, priority: _, preempt: _, local: _, remote: _, held: _, extensions: _, policy: _,
        on_isolation: _, fence: _,
    } = settings;
    #[rustfmt::skip]
    let PeerReport {
        code: _, priority: _, random: _, host: _, has_type: _, period: _, note: _, promise: _, epoch: _,
    } = report;
}

/// Compares both ways. Whether there was a short one.
fn is_short(situation: &Situation, now: Time, event: Event) -> bool {
    let Situation { machine, settings, .. } = situation;
    let (mut short, mut long) = (machine.clone(), machine.clone());
    let Some(usual) = short.handle_settled(settings, now, &event) else {
        assert_eq!(short, *machine, "nothing was done");
        return false;
    };
    let expected = long.handle_watched(settings, now, event, &mut |_, _| {});
    assert_eq!((usual.reaction(event), short), (expected, long), "{event:?} at {now:?} in {situation:#?}");
    true
}

fn events(report: PeerReport) -> [Event; 4] {
    [Event::Tick, Event::Peer(report), Event::App(Some(AppCode::Lhot)), Event::App(Some(AppCode::Lsby))]
}

#[test]
fn a_settled_pair_goes_the_short_way() {
    for is_hot in [true, false] {
        let one = settled(is_hot);
        let ways = events(one.report).map(|event| is_short(&one, BEAT, event));
        assert_eq!(ways, [true, true, is_hot, !is_hot]);
        assert_eq!(one.machine.state.name() == StateName::Hot, is_hot);
    }
}

/// Whatever two things are otherwise than in a settled pair, and whenever the event comes.
#[test]
fn the_short_way_does_what_the_long_one_does() {
    let changes = changes();
    let moments: [Time; 7] =
        [0, 2, 3, 4, 10, 17, 60].map(|quarters| BEAT - SECOND / 2 + quarters * SECOND / 4);
    let mut short = 0;
    for is_hot in [true, false] {
        for first in &changes {
            for second in &changes {
                let mut one = settled(is_hot);
                first(&mut one);
                second(&mut one);
                for now in moments {
                    let ways = events(one.report).map(|event| is_short(&one, now, event));
                    short += ways.into_iter().filter(|short| *short).count();
                }
            }
        }
    }
    assert!(short > 1000, "{short}");
}
