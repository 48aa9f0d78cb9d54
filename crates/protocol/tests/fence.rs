//! Fencing: the host of a silent peer is off before this side takes the role (`fence-action`).

use std::time::Duration;

use schrittmacher_protocol::{
    Action, Answer, AppFailure, Event, FenceRule, Fenced, OnIsolation, Policy, Settings, StateName, Time,
    WitnessOrder,
};
use schrittmacher_simulator::{Chance, Daemon, FenceDevice, Report};
use schrittmacher_testkit::lone::{Lone, ours};
use schrittmacher_testkit::pair::Pair;
use schrittmacher_testkit::settings;
use schrittmacher_wire::AppCode;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

const RULE: FenceRule = FenceRule { delay: Duration::from_secs(20), pause: Duration::from_secs(30) };

/// The other host is off after 3 s, which is known half a second later.
const WORKS: FenceDevice = FenceDevice {
    off_after: Some(Duration::from_secs(3)),
    answers_after: Duration::from_millis(3500),
    answer: Fenced::Off,
};
const FAILS: FenceDevice =
    FenceDevice { off_after: None, answers_after: Duration::from_secs(4), answer: Fenced::NotConfirmed };
const HANGS: FenceDevice = FenceDevice { answers_after: Duration::from_secs(60), ..FAILS };

fn fencing(policy: Policy) -> Settings {
    Settings { heartbeat: SECOND, timeout: 3 * SECOND, fence: Some(RULE), policy, ..settings(0) }
}

fn with(device: FenceDevice, mut pair: Pair) -> Pair {
    (0..2).for_each(|side| pair.world.set_fence(side, device));
    pair
}

fn settled(policy: Policy, device: FenceDevice) -> Pair {
    with(device, Pair::settled_with(fencing(policy), fencing(policy)))
}

fn fences(pair: &Pair) -> [u32; 2] {
    [0, 1].map(|side| pair.world.fences(side))
}

/// In how many of the moments of a heartbeat both serve when the link is cut then.
fn times_two(settings: &Settings, device: FenceDevice) -> u32 {
    let at = |moment: u32| {
        let mut pair = with(device, Pair::settled_with(settings.clone(), settings.clone()));
        let hot = pair.hot_side();
        pair.run(SECOND * moment / 20);
        pair.cut();
        let two = pair.run_watched(60 * SECOND);
        if !two {
            assert!(!pair.is_up(hot) && pair.is_hot(1 - hot), "{}", pair.log());
            assert_eq!(fences(&pair).iter().sum::<u32>(), 1, "{}", pair.log());
        }
        u32::from(two)
    };
    (0..20).map(at).sum()
}

#[test]
fn a_cut_link_costs_the_hot_side_its_host_and_both_never_serve() {
    for policy in [Policy::Available, Policy::Manual] {
        assert_eq!(times_two(&fencing(policy), WORKS), 0, "{policy:?}");
    }
}

/// What the test above would see.
#[test]
fn without_the_fence_or_with_one_that_lies_both_serve() {
    assert_eq!(times_two(&Settings { fence: None, ..fencing(Policy::Available) }, WORKS), 20);
    assert_eq!(times_two(&fencing(Policy::Available), FenceDevice { off_after: None, ..WORKS }), 20);
    // The answer comes before the host is off.
    assert_eq!(times_two(&fencing(Policy::Available), FenceDevice { answers_after: SECOND, ..WORKS }), 20);
}

#[test]
fn a_host_that_dies_is_replaced_after_the_fence_and_not_before() {
    let mut pair = settled(Policy::Available, WORKS);
    let hot = pair.hot_side();
    pair.world.power_off(hot);
    let took = pair.run_until(20 * SECOND, |pair| pair.is_hot(1 - hot));
    assert!(took > 2 * SECOND + WORKS.answers_after && took < 4 * SECOND + WORKS.answers_after, "{took:?}");
    assert_eq!(pair.world.fences(1 - hot), 1, "{}", pair.log());
}

#[test]
fn a_fence_that_is_not_confirmed_leaves_it_to_the_policy() {
    for device in [FAILS, HANGS] {
        for (policy, goes) in [(Policy::Available, true), (Policy::Manual, false)] {
            let mut pair = settled(policy, device);
            let standby = 1 - pair.hot_side();
            pair.world.power_off(1 - standby);
            pair.run(2 * SECOND + device.answers_after);
            assert_eq!(pair.state(standby), StateName::Standby, "{policy:?} {}", pair.log());
            pair.run(200 * SECOND);
            assert_eq!(pair.is_hot(standby), goes, "{policy:?} {}", pair.log());
            assert_eq!(pair.world.fences(standby), 1, "an operator decides: {policy:?} {}", pair.log());
            pair.give(standby, Event::Takeover { force: false });
            pair.run(5 * SECOND);
            assert_eq!(pair.is_hot(standby), goes, "{policy:?} {}", pair.log());
            pair.give(standby, Event::Takeover { force: true });
            pair.run(5 * SECOND);
            assert!(pair.is_hot(standby), "{policy:?} {}", pair.log());
        }
    }
}

#[test]
fn an_order_by_force_does_not_wait_for_the_fence() {
    for policy in [Policy::Available, Policy::Manual] {
        let mut pair = settled(policy, HANGS);
        let standby = 1 - pair.hot_side();
        pair.world.power_off(1 - standby);
        pair.run(6 * SECOND);
        assert_eq!((pair.state(standby), pair.world.fences(standby)), (StateName::Standby, 1));
        pair.give(standby, Event::Takeover { force: true });
        pair.run(SECOND);
        assert!(pair.is_hot(standby), "{}", pair.log());
        // Its answer comes late, and changes nothing.
        pair.run(100 * SECOND);
        assert!(pair.is_hot(standby), "{}", pair.log());
    }
}

/// Neither while it is heard again, nor when it is silent once more: the answer was for the silence before.
#[test]
fn a_peer_that_is_heard_again_makes_the_answer_worthless() {
    let late = FenceDevice { off_after: None, answers_after: 10 * SECOND, answer: Fenced::Off };
    for away in [SECOND, 4 * SECOND, 20 * SECOND] {
        let mut pair = settled(Policy::Available, late);
        let standby = 1 - pair.hot_side();
        pair.cut();
        pair.run_until(5 * SECOND, |pair| pair.world.fences(standby) == 1);
        pair.run(SECOND);
        pair.heal();
        pair.run(2 * SECOND);
        pair.cut();
        pair.run(away);
        pair.heal();
        assert!(!pair.run_watched(60 * SECOND) || away == 20 * SECOND, "{away:?} {}", pair.log());
        // Each silence that lasts asks for itself.
        assert_eq!(pair.world.fences(standby), if away > 3 * SECOND { 2 } else { 1 }, "{away:?}");
    }
}

/// The host may be back when the role can be taken.
#[test]
fn a_confirmation_that_cannot_be_used_at_once_is_worth_nothing() {
    let failed = Event::AppFailed(AppFailure::CheckFailed);
    for (before, after) in [(failed, Event::Tick), (Event::Freeze(true), Event::Freeze(false))] {
        let mut pair = settled(Policy::Manual, WORKS);
        let standby = 1 - pair.hot_side();
        pair.world.power_off(1 - standby);
        pair.run_until(5 * SECOND, |pair| pair.world.fences(standby) == 1);
        pair.run(WORKS.answers_after - 10 * MS);
        pair.give(standby, before);
        pair.run(20 * MS);
        // The next fence is a new one: the host may be back, and about to shoot as well.
        let fence = pair.world.hosts()[standby].nodes[0].daemon().ours().map(|ours| ours.machine().fence);
        assert!(fence.is_some_and(|fence| !fence.begun && !fence.was_hot && fence.outcome.is_none()));
        pair.give(standby, after);
        pair.run_until(60 * SECOND, |pair| pair.is_hot(standby));
        assert_eq!(pair.world.fences(standby), 2, "{}", pair.log());
    }
}

#[test]
fn a_side_that_fails_waits_after_a_shot_that_was_not_confirmed() {
    let mut pair = settled(Policy::Available, FAILS);
    let standby = 1 - pair.hot_side();
    pair.world.power_off(1 - standby);
    pair.run_until(5 * SECOND, |pair| pair.world.fences(standby) == 1);
    pair.run(FAILS.answers_after - 10 * MS);
    pair.give(standby, Event::AppFailed(AppFailure::CheckFailed));
    pair.run(20 * SECOND);
    assert_eq!(pair.world.fences(standby), 1, "{}", pair.log());
}

/// Two hosts that start, and never hear each other. The one with the greater address fences at once.
#[test]
fn of_two_without_the_role_only_one_is_fenced() {
    let race = |rule: FenceRule| {
        let of = || Settings { fence: Some(rule), ..fencing(Policy::Available) };
        let mut pair = with(WORKS, Pair::new(of(), of()));
        pair.cut();
        (0..2).for_each(|side| pair.start_app(side, Report::Unknown));
        assert!(!pair.run_watched(100 * SECOND), "{}", pair.log());
        pair
    };
    let pair = race(RULE);
    assert_eq!(([pair.is_up(0), pair.is_up(1)], fences(&pair)), ([false, true], [0, 1]), "{}", pair.log());
    assert!(pair.is_hot(1), "{}", pair.log());
    let pair = race(FenceRule { delay: Duration::ZERO, ..RULE });
    assert_eq!([pair.is_up(0), pair.is_up(1)], [false; 2], "each has shot the other: {}", pair.log());
}

#[test]
fn a_host_that_starts_alone_fences_the_other_one_first() {
    for side in 0..2 {
        let mut pair = with(WORKS, Pair::new(fencing(Policy::Available), fencing(Policy::Available)));
        pair.world.power_off(1 - side);
        pair.start_app(side, Report::Unknown);
        let took = pair.run_until(100 * SECOND, |pair| pair.is_hot(side));
        assert_eq!(pair.world.fences(side), 1, "{}", pair.log());
        // The lesser address waits: the other host might be shooting, too.
        assert_eq!(took > RULE.delay, side == 0, "{took:?}");
    }
}

#[test]
fn nothing_that_a_living_peer_says_needs_a_fence() {
    let mut pair = settled(Policy::Available, WORKS);
    for _ in 0..2 {
        let hot = pair.hot_side();
        pair.give(hot, Event::Failover { force: false });
        pair.run(10 * SECOND);
        assert_eq!(pair.hot_side(), 1 - hot, "{}", pair.log());
        pair.give(hot, Event::Takeover { force: false });
        pair.run(10 * SECOND);
        pair.kill_app(hot);
        pair.run_until(10 * SECOND, |pair| pair.is_hot(1 - hot));
        pair.start_app(hot, Report::Standby);
        pair.run(60 * SECOND);
        // Its daemon hands over, and ends.
        pair.give(1 - hot, Event::Shutdown);
        pair.run_until(10 * SECOND, |pair| pair.is_hot(hot) && !pair.is_up(1 - hot));
        pair.run(60 * SECOND);
        pair.start_daemon(1 - hot);
        pair.run(60 * SECOND);
        pair.assert_settled();
    }
    assert_eq!(fences(&pair), [0; 2], "{}", pair.log());
}

/// Somebody works on that host: it is not shot when the application here is started anew.
#[test]
fn a_peer_whose_daemon_has_ended_without_the_role_is_not_fenced() {
    let mut pair = settled(Policy::Available, WORKS);
    let hot = pair.hot_side();
    pair.give(1 - hot, Event::Shutdown);
    pair.run(60 * SECOND);
    pair.kill_app(hot);
    pair.run(5 * SECOND);
    pair.start_app(hot, Report::Standby);
    pair.run(60 * SECOND);
    assert!(pair.is_hot(hot), "{}", pair.log());
    assert_eq!(fences(&pair), [0; 2], "{}", pair.log());
    // A crash is another matter.
    pair.start_daemon(1 - hot);
    pair.run(60 * SECOND);
    pair.kill_daemon(1 - hot);
    pair.run(60 * SECOND);
    pair.kill_app(hot);
    pair.start_app(hot, Report::Standby);
    pair.run(60 * SECOND);
    assert!(pair.is_hot(hot), "{}", pair.log());
    assert_eq!(pair.world.fences(hot), 1, "{}", pair.log());
}

#[test]
fn an_isolated_side_fences_nobody() {
    for policy in [Policy::Available, Policy::Manual] {
        let mut pair = settled(policy, WORKS);
        let hot = pair.hot_side();
        pair.world.ping(1 - hot, SECOND, pair.now());
        pair.run(5 * SECOND);
        pair.world.set_reaches(1 - hot, false);
        pair.run(5 * SECOND);
        pair.cut();
        pair.run(60 * SECOND);
        assert_eq!(fences(&pair), [0; 2], "{}", pair.log());
        // `on-isolation` = keep: it goes on as the policy has it.
        assert_eq!(pair.is_hot(1 - hot), policy == Policy::Available, "{}", pair.log());
        assert!(pair.is_hot(hot), "{}", pair.log());
        pair.world.set_reaches(1 - hot, true);
        // It listens first, and the other side may be about to fence as well.
        pair.run(4 * SECOND + RULE.delay + WORKS.answers_after);
        assert_eq!(pair.is_up(hot), policy == Policy::Available, "{policy:?} {}", pair.log());
    }
}

/// A side whose own cable was out, or whose targets were away, has not heard a peer that serves. Its link is back before the
/// peer's next heartbeat, or before the switch lets that through.
#[test]
fn a_side_that_is_reached_again_listens_before_it_fences() {
    let step_down = |policy| Settings { on_isolation: OnIsolation::StepDown, ..fencing(policy) };
    for (settings, by_cable) in [
        (fencing(Policy::Available), true),
        (fencing(Policy::Manual), true),
        (fencing(Policy::Manual), false),
        (step_down(Policy::Manual), false),
        (step_down(Policy::Available), false),
    ] {
        let mut pair = with(WORKS, Pair::settled_with(settings.clone(), settings.clone()));
        let hot = pair.hot_side();
        pair.world.ping(1 - hot, SECOND, pair.now());
        pair.run(5 * SECOND);
        // Twice: what was allowed for the first silence is not for the second one.
        for _ in 0..2 {
            pair.mute(hot);
            pair.mute(1 - hot);
            reach(&mut pair, 1 - hot, by_cable, false);
            pair.run(30 * SECOND);
            reach(&mut pair, 1 - hot, by_cable, true);
            pair.run(2 * SECOND);
            pair.heal();
            pair.run(30 * SECOND);
            assert_eq!(fences(&pair), [0; 2], "{settings:?} {}", pair.log());
            assert_eq!(pair.serving(), [hot == 0, hot == 1], "{settings:?} {}", pair.log());
        }
    }
}

/// The switch between two hosts goes, and comes back without letting anything through for longer than the timeout. Neither
/// serves, so only one may shoot.
#[test]
fn of_two_that_were_cut_off_only_one_is_fenced() {
    for by_cable in [true, false] {
        let settings = Settings { on_isolation: OnIsolation::StepDown, ..fencing(Policy::Available) };
        let mut pair = with(WORKS, Pair::settled_with(settings.clone(), settings));
        (0..2).for_each(|side| pair.world.ping(side, SECOND, pair.now()));
        pair.run(5 * SECOND);
        pair.cut();
        (0..2).for_each(|side| reach(&mut pair, side, by_cable, false));
        pair.run(30 * SECOND);
        assert_eq!((pair.serving(), fences(&pair)), ([false; 2], [0; 2]), "{}", pair.log());
        (0..2).for_each(|side| reach(&mut pair, side, by_cable, true));
        assert!(!pair.run_watched(100 * SECOND), "{}", pair.log());
        assert_eq!(fences(&pair).iter().sum::<u32>(), 1, "{by_cable} {}", pair.log());
        assert!(pair.serving().contains(&true), "{by_cable} {}", pair.log());
    }
}

/// Its clients and its targets are away, or are back.
fn reach(pair: &mut Pair, side: usize, by_cable: bool, reaches: bool) {
    if by_cable {
        pair.give(side, if reaches { Event::Reconnected } else { Event::CutOff });
    } else {
        pair.world.set_reaches(side, reaches);
    }
}

/// It has heard nobody while it was stopped. After that it listens for a whole timeout.
#[test]
fn a_side_that_lost_time_does_not_shoot_at_once() {
    let mut pair = settled(Policy::Available, WORKS);
    let hot = pair.hot_side();
    pair.pause(1 - hot, 30 * SECOND);
    // What was said meanwhile is lost, as on a host that was asleep.
    pair.mute(hot);
    pair.run(31_800 * MS);
    pair.heal();
    pair.run(30 * SECOND);
    assert_eq!(fences(&pair), [0; 2], "{}", pair.log());
    pair.assert_settled();
    assert_eq!(pair.hot_side(), hot);
}

/// The peer may have taken the role before it fell silent.
#[test]
fn a_daemon_that_ends_takes_the_role_back_from_a_silent_peer_after_the_fence() {
    for policy in [Policy::Available, Policy::Manual] {
        for later in 0..40 {
            let mut pair = settled(policy, WORKS);
            pair.slow(100 * MS, 100 * MS);
            let hot = pair.hot_side();
            pair.give(hot, Event::Shutdown);
            pair.run(10 * MS * later);
            pair.cut();
            assert!(!pair.run_watched(120 * SECOND), "{later} {}", pair.log());
            let serving = pair.serving();
            assert!(serving[0] || serving[1], "{later} {}", pair.log());
        }
    }
}

/// A shot without the right could hit the side that serves. A side that cannot fence leaves the lease to the other one.
#[test]
fn under_consistent_the_right_comes_before_the_fence_and_goes_back_with_a_failure() {
    let settings =
        Settings { going_hot_timeout: 60 * SECOND, ..fencing(Policy::Consistent { promise: 6 * SECOND }) };
    let mut node = Lone::new(settings, ours());
    node.app(AppCode::Lsby);
    let orders = |actions: &[(Time, Action)]| -> Vec<Action> {
        let is_order = |action: &Action| matches!(action, Action::Fence(_) | Action::Witness(_));
        actions.iter().map(|(_, action)| *action).filter(is_order).collect()
    };
    let (ask, give_back) = (Action::Witness(WitnessOrder::Ask), Action::Witness(WitnessOrder::GiveBack));
    // Until it asks; then it gets the lease at once. What it does then.
    let grant = |node: &mut Lone| {
        while node.resource.machine().majority.asked.is_none() {
            assert!(node.now < Time::new(200 * SECOND), "no question");
            let before = node.run(100 * MS, &[], &[AppCode::Lsby]);
            assert!(orders(&before).iter().all(|order| *order == ask), "no shot without the right");
        }
        let asked = node.resource.machine().majority.asked.expect("a question");
        node.give(Event::Witness(Answer::Granted(asked)))
    };
    for outcome in [Fenced::NotConfirmed, Fenced::Off] {
        let actions = grant(&mut node);
        assert!(actions.contains(&Action::Fence(node.now)), "{actions:?}");
        // The lease is renewed meanwhile, and nothing is taken.
        assert_eq!(grant(&mut node), []);
        assert_eq!(node.state(), StateName::Standby);
        let asked = node.resource.machine().fence.asked.expect("a fence");
        let actions = node.give(Event::Fenced(asked, outcome));
        if outcome == Fenced::NotConfirmed {
            assert!(actions.contains(&give_back) && node.state() == StateName::Standby, "{actions:?}");
            assert_eq!(orders(&node.run(RULE.pause - SECOND, &[], &[AppCode::Lsby])), []);
        }
    }
    assert_eq!(node.state(), StateName::ToHot);
}

/// Whatever happens to both hosts and their link: as long as each fence tells the truth, both never serve. With a fence that
/// does nothing the same runs have both serve.
#[test]
fn with_a_fence_that_works_both_never_serve_whatever_happens() {
    let mut two = [0, 0];
    let mut fenced = 0;
    for seed in 0..60 {
        for (number, device) in [WORKS, FenceDevice { off_after: None, ..WORKS }].into_iter().enumerate() {
            let policy = if seed % 3 == 0 { Policy::Manual } else { Policy::Available };
            let mut pair = settled(policy, device);
            pair.slow(50 * MS * (seed % 5), 50 * MS * (seed % 3));
            let mut chance = Chance::new(u64::from(seed));
            let mut both = false;
            for _ in 0..40 {
                happen(&mut pair, &mut chance);
                both |= pair.run_watched(MS * chance.below(12_000));
                if both {
                    break;
                }
            }
            assert!(!both || number == 1, "seed {seed}\n{}", pair.log());
            two[number] += u32::from(both);
            if number == 0 {
                fenced += fences(&pair).iter().sum::<u32>();
            }
        }
    }
    assert!(fenced > 200 && two[1] > 30, "{fenced} fences, both served in {two:?} runs");
}

fn happen(pair: &mut Pair, chance: &mut Chance) {
    let side = usize::from(chance.below(2) == 1);
    let is_up = pair.is_up(side);
    match chance.below(12) {
        0 => pair.cut(),
        1 => pair.mute(side),
        2..=4 => pair.heal(),
        5 => pair.kill_daemon(side),
        6 if is_up => pair.kill_app(side),
        7 if is_up => pair.pause(side, MS * chance.below(20_000)),
        8 if is_up => pair.give(side, Event::Failover { force: chance.below(2) == 1 }),
        9 if is_up => pair.give(side, Event::Shutdown),
        10 => pair.world.power_off(side),
        _ => {
            for side in 0..2 {
                // An application that an ended daemon has left hot is not what is tried here.
                if !pair.is_up(side) {
                    pair.world.power_off(side);
                }
                pair.start_daemon(side);
                if pair.is_up(side) && !pair.app(side).is_alive() {
                    pair.start_app(side, Report::Unknown);
                }
            }
        }
    }
}
