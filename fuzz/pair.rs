//! Two nodes, two applications and a bad link, with a forger on it. Then peace: P1, P2 and P3 must come true.
//!
//! It is the pair of the protocol's own tests, with libFuzzer instead of chance. `STEPS=1` writes down what happens.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use schrittmacher_fuzz::bytes::{Bytes, Step, app_code, duration, one_of, peer_code};
use schrittmacher_protocol::{Event, FORCED_RANDOM, OUR_RANDOM, OnIsolation, PeerReport, Policy, Settings};
use schrittmacher_simulator::{App, Durations, Loss, Report, Spread};
use schrittmacher_testkit::pair::Pair;

const SECOND: Duration = Duration::from_secs(1);

/// The most steps of one input, and the most messages of one node in one second (P6), as in the
/// simulation (`tests/random-faults`).
const STEPS: usize = 40;
const MOST_PER_SECOND: usize = 30;

fuzz_target!(|input: &[u8]| {
    let mut bytes = Bytes::new(input);
    let mut pair = new_pair(&mut bytes);
    // P2 promises something to a pair with one application too.
    let without_app = one_of(bytes.take::<1>()[0], &[None, Some(0), Some(1)]);
    // Forged messages, and orders: each may be answered at once.
    let mut outside = 0;
    for _ in 0..STEPS {
        let Some(step) = bytes.step() else { break };
        pair.run(step.wait / 3);
        outside += happen(&mut pair, step);
    }
    end_in_peace(&mut pair, without_app);
    for most in pair.log().measured.busiest {
        assert!(most <= MOST_PER_SECOND + 3 * outside, "P6: {most}\n{}", pair.log());
    }
    if std::env::var_os("STEPS").is_some() {
        eprintln!("{}", pair.log());
    }
});

fn new_pair(bytes: &mut Bytes<'_>) -> Pair {
    // The range of a shipped configuration; shorter heartbeats only make the simulation slower.
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
            held: false,
            extensions: true,
            policy: Policy::Available,
            on_isolation: OnIsolation::Keep,
            fence: None,
            ..settings
        }
    });
    let [a, b] = settings;
    let [latency, seed, ..] = bytes.take::<2>();
    let mut pair = Pair::seeded(a, b, seed.into());
    if seed & 1 == 1 {
        pair.world.batch(true);
    }
    pair.weather(|direction| direction.latency = Duration::from_micros(300 + 100 * u64::from(latency)));
    for node in 0..2 {
        let [switching, stop, state, ..] = bytes.take::<3>();
        pair.slow(duration(switching).min(4 * SECOND), Duration::ZERO);
        let stop = one_of(stop, &[Duration::ZERO, SECOND / 5, 2 * SECOND]);
        let durations = Durations { stop, ..Durations::default() };
        pair.world.change(node, 0, |_, node| node.commands_mut().set_durations(durations));
        pair.start_app(node, report(state));
    }
    pair
}

fn report(byte: u8) -> Report {
    one_of(byte, &[Report::Unknown, Report::Standby, Report::Hot])
}

/// A fault, a repair, an order or a forged message. Returns how many messages of it are forged.
fn happen(pair: &mut Pair, step: Step) -> usize {
    let Step { what, a, b, .. } = step;
    let node = usize::from(what >> 7);
    pair.note(format!("node{node} {step:?}"));
    match what & 0x1f {
        0 => pair.cut(),
        1 => pair.mute(node),
        2..=4 => pair.heal(),
        5 => {
            let rate = (f64::from(a) * 0.002).min(0.4);
            pair.weather(|direction| {
                direction.loss = Loss::independent(rate);
                direction.doubles = b.into();
                direction.spread = Spread::Uniform(duration(b).min(3 * SECOND));
            });
        }
        6 => pair.kill_app(node),
        7 => with_app(pair, node, |app, now| if a & 1 == 0 { app.hang() } else { app.resume(now) }),
        8 => with_app(pair, node, App::fail),
        9 => with_app(pair, node, |app, _| app.set_stubborn(a & 1 == 0)),
        10 | 11 => mend_app(pair, node, report(a)),
        12 => pair.kill_daemon(node),
        13 | 14 => start_daemon(pair, node),
        15 => pair.pause(node, duration(a)),
        16 => return order(pair, node, Event::Failover { force: a & 1 != 0 }),
        17 => return order(pair, node, Event::Takeover { force: false }),
        18 => return order(pair, node, Event::Shutdown),
        19 => return order(pair, node, Event::Reloaded),
        20..=25 => return order(pair, node, Event::Peer(forged(pair, node, step))),
        26 | 27 => return order(pair, node, Event::App(app_code(a))),
        _ => {}
    }
    0
}

fn order(pair: &mut Pair, node: usize, event: Event) -> usize {
    pair.give(node, event);
    1
}

/// A message from the peer's address, but not from the peer.
fn forged(pair: &Pair, node: usize, step: Step) -> PeerReport {
    let peer = pair.resource(1 - node).settings();
    PeerReport {
        code: peer_code(step.a),
        priority: one_of(step.b, &[peer.priority, i32::MAX, i32::MIN]),
        random: one_of(step.b >> 2, &[OUR_RANDOM, FORCED_RANDOM, 1000, 0]),
        host: one_of(step.b >> 4, &[Some(peer.local), None]),
        has_type: step.a & 0x80 == 0,
        note: None,
        promise: None,
        epoch: None,
        period: one_of(step.a >> 4, &[Some(peer.heartbeat), None, Some(SECOND / 100), Some(20 * SECOND)]),
    }
}

fn with_app(pair: &mut Pair, node: usize, change: impl FnOnce(&mut App, Duration)) {
    if pair.app(node).is_alive() {
        pair.change_app(node, change);
    }
}

fn mend_app(pair: &mut Pair, node: usize, state: Report) {
    with_app(pair, node, |app, now| {
        app.resume(now);
        app.set_stubborn(false);
    });
    if !pair.app(node).is_fit() {
        pair.start_app(node, state);
    }
}

fn start_daemon(pair: &mut Pair, node: usize) {
    if !pair.is_up(node) {
        pair.start_daemon(node);
    }
}

/// Everything works again, but for the application of this node.
fn mend(pair: &mut Pair, without_app: Option<usize>) {
    pair.heal();
    pair.weather(|direction| {
        (direction.loss, direction.doubles, direction.spread) = (Loss::NONE, 0, Spread::None);
    });
    for node in 0..2 {
        start_daemon(pair, node);
        if without_app == Some(node) {
            pair.kill_app(node);
        } else {
            mend_app(pair, node, Report::Unknown);
        }
        pair.resume(node);
    }
}

/// Link, daemons and applications work again.
fn end_in_peace(pair: &mut Pair, without_app: Option<usize>) {
    mend(pair, without_app);
    pair.note("peace");
    // The link works when the last datagram that it has delayed is there.
    pair.run(4 * SECOND);
    let beat = (0..2).map(|node| pair.resource(node).settings().heartbeat).max().expect("two nodes");
    pair.run(2 * beat + SECOND);
    assert!(!(pair.is_hot(0) && pair.is_hot(1)), "P1\n{}", pair.log());
    // Earlier orders come to their end. A daemon that was told to end is started again. It may end late: its peer has
    // `going-hot-timeout` to take over, and if the role comes back, this side has it as well, and its peer one timeout more.
    pair.run(60 * SECOND);
    mend(pair, without_app);
    // P2: exactly one side, at last. The slowest way there: a ToHot that never comes to be.
    pair.run(120 * SECOND);
    match without_app {
        None => pair.assert_settled(),
        Some(node) => {
            let serves = pair.app(1 - node).is_serving() && pair.interface_is_up(1 - node);
            assert!(pair.is_hot(1 - node) && serves, "P2\n{}", pair.log());
            assert!(!pair.is_hot(node) && !pair.interface_is_up(node), "P2\n{}", pair.log());
        }
    }
    // P3: and stays.
    let changes = pair.changes();
    pair.run(60 * SECOND);
    assert_eq!(pair.changes(), changes, "P3\n{}", pair.log());
}
