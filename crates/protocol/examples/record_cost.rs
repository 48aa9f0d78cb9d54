//! The cost of the flight record: `cargo run --release -p schrittmacher-protocol --example record_cost`.
//!
//! The time per input with and without it, by turns within one run. And the memory of a thousand resources, settled and
//! after failovers, as the kernel counts it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]
#![expect(clippy::disallowed_types, reason = "the clock is what is measured with")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use schrittmacher_protocol::{
    Event, FlightRecord, Machine, OUR_RANDOM, PeerReport, Resource, Settings, Time,
};
use schrittmacher_wire::{AppCode, PeerCode};

const RESOURCES: usize = 1000;
const ROUNDS: u32 = 300;

fn settings() -> Settings {
    Settings {
        heartbeat: Duration::from_secs(1),
        timeout: Duration::from_secs(3),
        ..schrittmacher_testkit::settings(0)
    }
}

fn peer(code: PeerCode) -> Event {
    Event::Peer(PeerReport {
        code: Some(code),
        priority: 0,
        random: if code == PeerCode::Treq { OUR_RANDOM } else { 0 },
        host: Some([10, 0, 0, 2].into()),
        has_type: true,
        period: Some(Duration::from_secs(1)),
        note: None,
        promise: None,
        epoch: None,
    })
}

/// Every second of a settled pair: our heartbeat, the peer's and the application's, to each resource in turn.
fn settle<T>(all: &mut [T], from: Time, seconds: u32, mut give: impl FnMut(&mut T, Time, Event)) -> Time {
    let mut now = from;
    for _ in 0..seconds {
        for event in [Event::Tick, peer(PeerCode::Hott), Event::App(Some(AppCode::Lsby))] {
            now = now + Duration::from_nanos(333_333_333);
            all.iter_mut().for_each(|one| give(one, now, event));
        }
    }
    now
}

fn give(resource: &mut Resource, now: Time, event: Event) {
    black_box(resource.handle(now, event));
}

fn nanos_per_input(elapsed: Duration, seconds: u32) -> f64 {
    elapsed.as_secs_f64() * 1e9 / f64::from(seconds * 3) / RESOURCES as f64
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

fn main() {
    let settings = settings();
    let (mut with, mut without) = (Vec::with_capacity(RESOURCES), Vec::with_capacity(RESOURCES));
    without.extend((0..RESOURCES).map(|_| Machine::new(&settings, Time::ZERO)));
    let bare = |machine: &mut Machine, now, event| {
        black_box(machine.handle(&settings, now, event));
    };
    settle(&mut without, Time::ZERO, 10, bare);
    let before = resident();
    with.extend((0..RESOURCES).map(|_| Resource::new(settings.clone(), Time::ZERO)));
    let mut now = settle(&mut with, Time::ZERO, 10, give);
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        settle(&mut without, now, ROUNDS, bare);
        let bare_time = began.elapsed();
        let began = Instant::now();
        now = settle(&mut with, now, ROUNDS, give);
        times.push((bare_time, began.elapsed()));
    }
    times.sort_by_key(|(_, with)| *with);
    let (bare_time, with_time) = times[times.len() / 2];
    let (bare_ns, with_ns) = (nanos_per_input(bare_time, ROUNDS), nanos_per_input(with_time, ROUNDS));
    println!(
        "per input: {bare_ns:.0} ns without, {with_ns:.0} ns with the record; x {:.2}",
        with_ns / bare_ns
    );

    let per_resource = |now: f64| (now - before) / RESOURCES as f64;
    let rest = size_of::<Resource>() - size_of::<FlightRecord>() + size_of::<Settings>();
    println!("a resource without its record: {rest} bytes");
    println!("settled, with it: {:.0} bytes", per_resource(resident()));
    for failovers in 1..=6 {
        for event in [peer(PeerCode::Fail), Event::StartBegan, Event::App(Some(AppCode::Lhot))] {
            with.iter_mut().for_each(|resource| give(resource, now, event));
        }
        for event in [peer(PeerCode::Treq), Event::Failover { force: true }, Event::Released] {
            with.iter_mut().for_each(|resource| give(resource, now, event));
        }
        now = settle(&mut with, now, ROUNDS, give);
        println!("after {failovers} failover(s) and back: {:.0} bytes", per_resource(resident()));
    }
    for round in 0..1000 {
        now = now + Duration::from_millis(500);
        for resource in &mut with {
            // Somebody makes them up, and the application comes and goes.
            let Event::Peer(report) = peer(PeerCode::Treq) else { unreachable!() };
            give(resource, now, Event::Peer(PeerReport { random: round, ..report }));
            give(resource, now, Event::App(Some([AppCode::Lfai, AppCode::Lsby][round as usize % 2])));
        }
    }
    println!("after ever different inputs: {:.0} bytes", per_resource(resident()));
    let began = Instant::now();
    let copy: Vec<_> = with.iter().map(|resource| resource.flight_record().clone()).collect();
    println!("a copy of all records: {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
    black_box(copy);
}
