//! A `fence-action` beside a legacy peer (`docs/adr/0097-fencing.md`): ours fences it as any other, and is fenced by nobody.

use std::time::Duration;

use schrittmacher_protocol::{Event, FenceRule, Fenced, Policy, Settings};
use schrittmacher_simulator::{FenceDevice, Report};
use schrittmacher_testkit::double::{self, Generation};
use schrittmacher_testkit::pair::{ADDRESSES, Pair};
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings;

const SECOND: Duration = Duration::from_secs(1);
const OURS: usize = 0;
const LEGACY: usize = 1;

const RULE: FenceRule = FenceRule { delay: Duration::from_secs(20), pause: Duration::from_secs(30) };
/// The other host is off after 3 s, which is known half a second later.
const WORKS: FenceDevice = FenceDevice {
    off_after: Some(Duration::from_secs(3)),
    answers_after: Duration::from_millis(3500),
    answer: Fenced::Off,
};

const PEERS: [Generation; 2] = [Generation::V200, Generation::V182];

/// Ours is hot, or the legacy side.
fn settled(generation: Generation, policy: Policy, fence: Option<FenceRule>, hot: usize) -> Pair {
    let [local, remote] = ADDRESSES.map(Into::into);
    let ours = Settings { local, remote, policy, fence, ..settings(10) };
    let legacy = double::Settings { generation, priority: 0, heartbeat_intervall: 2 * SECOND };
    let programs = [Program::ours(ours), Program::legacy(legacy, ADDRESSES[LEGACY].into(), 1)];
    let mut pair = Pair::of(programs, Duration::ZERO, 1);
    pair.world.set_fence(OURS, WORKS);
    pair.start_daemon(OURS);
    pair.start_app(OURS, Report::Hot);
    pair.run(5 * SECOND);
    pair.start_daemon(LEGACY);
    pair.start_app(LEGACY, Report::Standby);
    pair.run(30 * SECOND);
    if hot == LEGACY {
        pair.give(OURS, Event::Failover { force: false });
        pair.run(30 * SECOND);
    }
    assert_eq!(pair.serving(), [hot == OURS, hot == LEGACY], "{generation:?} {}", pair.log());
    assert_eq!(pair.world.fences(OURS), 0, "{generation:?} {}", pair.log());
    pair
}

#[test]
fn a_silent_legacy_host_is_off_before_ours_serves() {
    for generation in PEERS {
        for policy in [Policy::Available, Policy::Manual] {
            for moment in 0..10 {
                let mut pair = settled(generation, policy, Some(RULE), LEGACY);
                pair.run(SECOND * moment / 5);
                pair.cut();
                assert!(!pair.run_watched(60 * SECOND), "{generation:?} {}", pair.log());
                assert!(pair.serving()[OURS] && !pair.is_up(LEGACY), "{generation:?} {}", pair.log());
                assert_eq!(pair.world.fences(OURS), 1, "{generation:?} {}", pair.log());
            }
        }
        // What the same cut does without.
        let mut pair = settled(generation, Policy::Available, None, LEGACY);
        pair.cut();
        assert!(pair.run_watched(60 * SECOND), "{generation:?} {}", pair.log());
    }
}

/// It knows no fence: while the link is cut it serves beside ours, which is hot and fences nobody.
#[test]
fn a_legacy_side_fences_nobody() {
    for generation in PEERS {
        for policy in [Policy::Available, Policy::Manual] {
            let mut pair = settled(generation, policy, Some(RULE), OURS);
            pair.cut();
            assert!(pair.run_watched(60 * SECOND), "{generation:?} {}", pair.log());
            assert_eq!([OURS, LEGACY].map(|side| pair.world.fences(side)), [0, 0], "{}", pair.log());
        }
    }
}

/// It does not say that its daemon ends. Who works there freezes first.
#[test]
fn the_host_of_a_legacy_daemon_that_was_stopped_is_fenced_unless_ours_is_frozen() {
    for generation in PEERS {
        for frozen in [false, true] {
            let mut pair = settled(generation, Policy::Available, Some(RULE), OURS);
            if frozen {
                pair.give(OURS, Event::Freeze(true));
            }
            pair.give(LEGACY, Event::Shutdown);
            pair.run(60 * SECOND);
            assert_eq!(pair.world.fences(OURS), 0, "a side that serves fences nobody");
            // Its application is started anew.
            pair.kill_app(OURS);
            pair.run(5 * SECOND);
            pair.start_app(OURS, Report::Standby);
            pair.run(60 * SECOND);
            assert_eq!(pair.world.fences(OURS), u32::from(!frozen), "{generation:?} {}", pair.log());
            assert_eq!(pair.serving()[OURS], !frozen, "{generation:?} {}", pair.log());
        }
    }
}

/// Nothing of it is on the wire: a peer that is heard hears the same, whatever happens.
#[test]
fn a_legacy_peer_that_is_heard_hears_the_same_with_a_fence_and_without() {
    for generation in PEERS {
        let told = [None, Some(RULE)].map(|fence| {
            let mut pair = settled(generation, Policy::Available, fence, OURS);
            pair.give(OURS, Event::Failover { force: false });
            pair.run(30 * SECOND);
            pair.give(OURS, Event::Takeover { force: false });
            pair.run(30 * SECOND);
            pair.kill_app(OURS);
            pair.run(30 * SECOND);
            pair.start_app(OURS, Report::Standby);
            pair.run(30 * SECOND);
            pair.kill_app(LEGACY);
            pair.run(60 * SECOND);
            assert_eq!(pair.world.fences(OURS), 0, "{generation:?} {}", pair.log());
            (pair.serving(), pair.log().to_string())
        });
        assert_eq!(told[0], told[1], "{generation:?}");
    }
}
