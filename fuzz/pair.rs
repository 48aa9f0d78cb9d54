//! Two nodes, two applications and a bad link, with a forger on it. Then peace: P1, P2 and P3 must come true.
//!
//! It is the pair of the protocol's own tests, with libFuzzer instead of chance. `STEPS=1` writes down what happens.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use schrittmacher_fuzz::bytes::{Bytes, Step, app_code, duration, one_of, peer_code};
use schrittmacher_fuzz::support::node::{App, AppState};
use schrittmacher_fuzz::support::pair::Pair;
use schrittmacher_protocol::{Event, FORCED_RANDOM, OUR_RANDOM, PeerReport, Settings};
use schrittmacher_simulation::Chance;

const SECOND: Duration = Duration::from_secs(1);

/// The most steps of one input, and the most messages of one node in one second (P6), as in the
/// simulation (`tests/sim`).
const STEPS: usize = 40;
const MOST_PER_SECOND: u32 = 30;

fuzz_target!(|input: &[u8]| {
    let mut bytes = Bytes::new(input);
    let mut pair = new_pair(&mut bytes);
    // P2 promises something to a pair with one application too.
    let without_app = one_of(bytes.take::<1>()[0], &[None, Some(0), Some(1)]);
    // What no program says by itself, and orders: each may be answered at once.
    let mut outside = 0;
    for _ in 0..STEPS {
        let Some(step) = bytes.step() else { break };
        pair.run(step.wait / 3);
        outside += happen(&mut pair, step);
    }
    end_in_peace(&mut pair, without_app);
    for node in &pair.nodes {
        assert!(node.most_sent <= MOST_PER_SECOND + 3 * outside, "P6: {}\n{}", node.most_sent, pair.log());
    }
});

fn new_pair(bytes: &mut Bytes<'_>) -> Pair {
    // What a shipped configuration can have; shorter heartbeats only make the simulation slower.
    let settings = [(); 2].map(|()| {
        let settings = bytes.settings();
        let heartbeat = settings.heartbeat.clamp(SECOND / 2, 2 * SECOND);
        Settings {
            heartbeat,
            timeout: 3 * heartbeat,
            app_timeout: 10 * SECOND,
            going_hot_timeout: 20 * SECOND,
            going_standby_timeout: 6 * SECOND,
            startup_delay: settings.startup_delay.min(5 * SECOND),
            extensions: true,
            ..settings
        }
    });
    let [a, b] = settings;
    let mut pair = Pair::new(a, b);
    let [latency, seed, ..] = bytes.take::<2>();
    pair.link.latency = Duration::from_micros(300 + 100 * u64::from(latency));
    pair.chance = Chance::new(seed.into());
    for node in 0..2 {
        let [switching, stop, state, ..] = bytes.take::<3>();
        pair.nodes[node].switching = duration(switching).min(4 * SECOND);
        pair.nodes[node].stop_takes = one_of(stop, &[Duration::ZERO, SECOND / 5, 2 * SECOND]);
        pair.start_app(node, app_state(state));
    }
    pair.logging = std::env::var_os("STEPS").is_some();
    pair
}

fn app_state(byte: u8) -> AppState {
    one_of(byte, &[AppState::Unknown, AppState::Standby, AppState::Hot])
}

/// Something goes wrong or is mended, or somebody wants something. How much of it no program says by itself.
fn happen(pair: &mut Pair, step: Step) -> u32 {
    let Step { what, a, b, .. } = step;
    let node = usize::from(what >> 7);
    if pair.logging {
        pair.note(&format!("-- node{node} {step:?}"));
    }
    match what & 0x1f {
        0 => pair.cut(),
        1 => pair.nodes[node].heard = false,
        2..=4 => pair.heal(),
        5 => {
            pair.link.loss = (u32::from(a) * 2).min(400);
            pair.link.duplicates = u32::from(b);
            pair.link.jitter = duration(b).min(3 * SECOND);
        }
        6 => pair.kill_app(node),
        7 => with_app(pair, node, |app| app.hung = a & 1 == 0),
        8 => with_app(pair, node, |app| (app.state, app.switched_at) = (AppState::Failed, None)),
        9 => with_app(pair, node, |app| app.stubborn = a & 1 == 0),
        10 | 11 => mend_app(pair, node, app_state(a)),
        12 => pair.kill_daemon(node),
        13 | 14 => start_daemon(pair, node),
        15 => pair.pause(node, duration(a)),
        16 => return order(pair, node, Event::Failover { force: a & 1 != 0 }),
        17 => return order(pair, node, Event::Takeover),
        18 => return order(pair, node, Event::Shutdown),
        19 => return order(pair, node, Event::Reloaded),
        20..=25 => return order(pair, node, Event::Peer(forged(pair, node, step))),
        26 | 27 => return order(pair, node, Event::App(app_code(a))),
        _ => {}
    }
    0
}

fn order(pair: &mut Pair, node: usize, event: Event) -> u32 {
    pair.give(node, event);
    1
}

/// What might come from the peer's address, but not from the peer.
fn forged(pair: &Pair, node: usize, step: Step) -> PeerReport {
    let peer = &pair.nodes[1 - node].settings;
    PeerReport {
        code: peer_code(step.a),
        priority: one_of(step.b, &[peer.priority, i32::MAX, i32::MIN]),
        random: one_of(step.b >> 2, &[OUR_RANDOM, FORCED_RANDOM, 1000, 0]),
        host: one_of(step.b >> 4, &[Some(peer.local), None]),
        has_type: step.a & 0x80 == 0,
        period: one_of(step.a >> 4, &[Some(peer.heartbeat), None, Some(SECOND / 100), Some(20 * SECOND)]),
    }
}

fn with_app(pair: &mut Pair, node: usize, change: impl FnOnce(&mut App)) {
    if let Some(app) = &mut pair.nodes[node].app {
        change(app);
    }
}

fn mend_app(pair: &mut Pair, node: usize, state: AppState) {
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

fn start_daemon(pair: &mut Pair, node: usize) {
    if pair.nodes[node].resource.is_none() {
        pair.start_daemon(node);
    }
}

/// Everything works again, but for the application of this node.
fn mend(pair: &mut Pair, without_app: Option<usize>) {
    pair.heal();
    (pair.link.loss, pair.link.duplicates, pair.link.jitter) = (0, 0, Duration::ZERO);
    for node in 0..2 {
        start_daemon(pair, node);
        if without_app == Some(node) {
            pair.kill_app(node);
        } else {
            mend_app(pair, node, AppState::Unknown);
        }
        if pair.nodes[node].paused_until.is_some() {
            pair.nodes[node].paused_until = Some(pair.now);
        }
    }
}

/// Link, daemons and applications work again.
fn end_in_peace(pair: &mut Pair, without_app: Option<usize>) {
    mend(pair, without_app);
    pair.note("-- peace");
    // The link works when the last datagram that it has delayed is there.
    pair.run(4 * SECOND);
    let beat = pair.nodes.iter().map(|node| node.settings.heartbeat).max().expect("two nodes");
    pair.run(2 * beat + SECOND);
    assert!(!(pair.is_hot(0) && pair.is_hot(1)), "P1\n{}", pair.log());
    // What was ordered before comes to its end; a daemon that was told to end is started again.
    pair.run(10 * SECOND);
    mend(pair, without_app);
    // P2: exactly one side, at last. The slowest way there: a ToHot that never comes to be.
    pair.run(120 * SECOND);
    match without_app {
        None => pair.assert_settled(),
        Some(node) => {
            let (one, other) = (&pair.nodes[1 - node], &pair.nodes[node]);
            let serves = one.app.as_ref().is_some_and(|app| app.state == AppState::Hot) && one.interface_up;
            assert!(pair.is_hot(1 - node) && serves, "P2\n{}", pair.log());
            assert!(!pair.is_hot(node) && !other.interface_up, "P2\n{}", pair.log());
        }
    }
    // P3: and stays.
    let changes = pair.changes;
    pair.run(60 * SECOND);
    assert_eq!(pair.changes, changes, "P3\n{}", pair.log());
}
