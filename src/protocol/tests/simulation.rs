//! Random faults with a seed, then peace: what must hold, held (P1 to P6).
//!
//! A failing seed names itself and is run again with its last steps written down. `SEEDS=10000` runs more.

mod support;

use std::time::Duration;

use schrittmacher_protocol::{Event, Settings};
use support::chance::Chance;
use support::node::{App, AppState};
use support::pair::Pair;
use support::settings;

const SECOND: Duration = Duration::from_secs(1);
const FAULTS_FOR: Duration = Duration::from_secs(600);

/// The most messages of one node in one second. Alone they are: two heartbeats, three echoes of reports, ten
/// answers, a question, and what changes of state say.
const MOST_PER_SECOND: u32 = 30;

#[test]
fn after_any_faults_one_side_is_hot_and_stays() {
    let seeds = std::env::var("SEEDS").map_or(200, |text| text.parse().unwrap());
    for seed in 0..seeds {
        if std::panic::catch_unwind(|| run(seed, false)).is_err() {
            run(seed, true);
        }
    }
}

fn run(seed: u64, logging: bool) {
    let mut chance = Chance::new(seed);
    let mut pair = random_pair(&mut chance);
    pair.logging = logging;
    pair.note(&format!("seed {seed}"));
    let end = pair.now + FAULTS_FOR;
    while pair.now < end {
        pair.run(chance.duration(6 * SECOND));
        if chance.permille(500) {
            fault(&mut pair, &mut chance);
        } else {
            mend(&mut pair, &mut chance, 600);
        }
    }
    // The faults end: link, daemons and applications work.
    mend(&mut pair, &mut chance, 1000);
    pair.note("-- peace");
    let message = |what: &str| format!("seed {seed}: {what}");

    // P1: not both hot for longer than two heartbeats after the link is back.
    let beat = pair.nodes.iter().map(|node| node.settings.heartbeat).max().expect("two nodes");
    pair.run(2 * beat + SECOND);
    assert!(!(pair.is_hot(0) && pair.is_hot(1)), "{}\n{}", message("P1"), pair.log());
    // What was ordered before comes to its end; a daemon that was told to end is started again.
    pair.run(10 * SECOND);
    mend(&mut pair, &mut chance, 1000);
    // P2: exactly one side, at last. The slowest way there: a ToHot that never comes to be.
    pair.run(120 * SECOND);
    pair.assert_settled();
    // P3: and stays, without a word of discussion.
    let changes = pair.changes;
    pair.run(60 * SECOND);
    assert_eq!(pair.changes, changes, "{}\n{}", message("P3"), pair.log());
    for node in &pair.nodes {
        assert!(node.most_sent <= MOST_PER_SECOND, "{}: {}", message("P6"), node.most_sent);
    }
}

fn random_pair(chance: &mut Chance) -> Pair {
    let beat = chance.one_of(&[200, 500, 1000, 2000, 2000]);
    let mut node_settings = || {
        let other = chance.one_of(&[beat, beat, beat, 500]);
        let heartbeat = Duration::from_millis(other);
        Settings {
            heartbeat,
            timeout: 3 * heartbeat,
            preempt: chance.permille(200),
            startup_delay: chance.one_of(&[Duration::ZERO, Duration::ZERO, 5 * SECOND]),
            ..settings(chance.one_of(&[0, 0, 10, -10]))
        }
    };
    let (a, b) = (node_settings(), node_settings());
    let mut pair = Pair::new(a, b);
    pair.link.latency = chance.duration(SECOND / 50);
    for node in 0..2 {
        pair.nodes[node].switching = chance.duration(4 * SECOND);
        pair.nodes[node].stop_takes = chance.one_of(&[Duration::ZERO, SECOND / 5, 2 * SECOND]);
        pair.start_app(node, AppState::Unknown);
    }
    pair.chance = Chance::new(chance.below(u64::MAX >> 33));
    pair
}

/// One thing goes wrong, or somebody wants something.
fn fault(pair: &mut Pair, chance: &mut Chance) {
    let node = usize::from(chance.permille(500));
    let roll = chance.below(18);
    if pair.logging {
        pair.note(&format!("-- fault {roll} node{node}"));
    }
    match roll {
        0 => pair.cut(),
        1 => pair.nodes[node].heard = false,
        2 | 3 => {
            pair.link.loss = chance.below(400);
            pair.link.duplicates = chance.below(200);
            pair.link.jitter = chance.duration(3 * SECOND);
        }
        4 | 5 => pair.kill_app(node),
        6 => with_app(pair, node, |app| app.hung = true),
        7 => with_app(pair, node, |app| (app.state, app.switched_at) = (AppState::Failed, None)),
        8 => with_app(pair, node, |app| app.stubborn = true),
        9 | 10 => pair.kill_daemon(node),
        11 => {
            let longest = chance.one_of(&[SECOND, 10 * SECOND, 60 * SECOND]);
            pair.pause(node, chance.duration(longest));
        }
        12 => pair.give(node, Event::Failover { force: chance.permille(300) }),
        13 => pair.give(node, Event::Takeover),
        14 => pair.give(node, Event::Shutdown),
        15 => pair.give(node, Event::Reloaded),
        // Two things in the same instant.
        16 => {
            let orders = [Event::Takeover, Event::Failover { force: false }];
            (0..2).for_each(|node| pair.give(node, chance.one_of(&orders)));
        }
        _ => {
            pair.cut();
            pair.kill_daemon(node);
        }
    }
}

fn with_app(pair: &mut Pair, node: usize, change: impl FnOnce(&mut App)) {
    if let Some(app) = &mut pair.nodes[node].app {
        change(app);
    }
}

/// Each broken thing is mended with this chance.
fn mend(pair: &mut Pair, chance: &mut Chance, permille: u64) {
    if chance.permille(permille) {
        pair.heal();
    }
    if chance.permille(permille) {
        (pair.link.loss, pair.link.duplicates, pair.link.jitter) = (0, 0, Duration::ZERO);
    }
    for node in 0..2 {
        if chance.permille(permille) {
            let state = chance.one_of(&[AppState::Unknown, AppState::Standby, AppState::Hot]);
            match &mut pair.nodes[node].app {
                None => pair.start_app(node, state),
                Some(app) => {
                    (app.hung, app.stubborn) = (false, false);
                    if app.state == AppState::Failed {
                        app.state = state;
                    }
                }
            }
        }
        if chance.permille(permille) && pair.nodes[node].resource.is_none() {
            pair.start_daemon(node);
        }
        if chance.permille(permille) && pair.nodes[node].paused_until.is_some() {
            pair.nodes[node].paused_until = Some(pair.now);
        }
    }
}
