//! Our protocol against the legacy doubles, and two doubles against each other, in virtual time. Every scenario runs at
//! every priority and switching time, with the two hosts' clocks in several positions to each other.
#![expect(clippy::unwrap_used, reason = "clippy spares tests, but not their helpers")]

mod limits;
mod report;
mod scenarios;
mod world;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use schrittmacher_testkit::measured::Measured;
use schrittmacher_testkit::story::Story;

use scenarios::{ALL, Scenario};
use world::{Program, V182, V200, World};

/// How far the clocks of the two hosts are apart, in seconds. Cold starts use the squares.
const PHASES: [f64; 6] = [0.0, 0.02, 0.4, 0.9, 1.3, 1.8];

/// After the last thing that happens.
const AFTERWARDS: f64 = 60.0;

/// The pairs, in the order of the table.
const PAIRS: [[Program; 2]; 3] = [[Program::Ours, V200], [Program::Ours, V182], [V200, V200]];

/// Equal, the first higher, the first lower.
const PRIORITIES: [[i32; 2]; 3] = [[10, 10], [20, 10], [10, 20]];

/// How long the applications take to switch, in seconds.
const SWITCHING: [f64; 3] = [0.0, 3.0, 10.0];

/// A cell of the matrix.
struct Cell {
    scenario: &'static Scenario,
    pair: [Program; 2],
    priorities: [i32; 2],
    switching: f64,
    /// One for each phase.
    runs: Vec<Run>,
}

/// One run of one cell.
struct Run {
    /// The run and its figures.
    story: Story,
    /// The side that serves in the end, if it is exactly one.
    ends: Option<usize>,
    stormy: bool,
}

static MATRIX: LazyLock<Vec<Cell>> = LazyLock::new(|| {
    let mut cells: Vec<Cell> = Vec::new();
    for scenario in ALL {
        // An exchange of the program for ours is no comparison.
        for pair in PAIRS.into_iter().filter(|pair| pair[0] == Program::Ours || !scenario.unmoved) {
            for switching in SWITCHING {
                for priorities in PRIORITIES {
                    cells.push(Cell { scenario, pair, priorities, switching, runs: Vec::new() });
                }
            }
        }
    }
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let played: Vec<(usize, Vec<Run>)> = std::thread::scope(|scope| {
        let worker = || {
            let mut played = Vec::new();
            while let index = next.fetch_add(1, Ordering::Relaxed)
                && let Some(cell) = cells.get(index)
            {
                played.push((index, (0..PHASES.len()).map(|phase| cell.play(phase)).collect()));
            }
            played
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    for (index, runs) in played {
        cells[index].runs = runs;
    }
    cells
});

impl Cell {
    fn play(&self, phase: usize) -> Run {
        let switching = Duration::from_secs_f64(self.switching);
        let mut world = World::new(self.pair, self.priorities, switching, phase as u64 + 1);
        scenarios::prepare(&mut world, self.scenario, PHASES[phase]);
        (self.scenario.happens)(&mut world);
        world.run(AFTERWARDS);
        Run {
            ends: world.is_settled().then(|| usize::from(world.serving()[1])),
            stormy: world.is_stormy(),
            story: world.log().clone(),
        }
    }

    /// The worst of all phases.
    fn worst(&self, of: impl Fn(&Measured) -> Duration) -> Duration {
        self.runs.iter().map(|run| of(&run.story.measured)).max().unwrap_or_default()
    }

    fn name(&self) -> String {
        let Cell { scenario, pair, priorities, switching, .. } = self;
        format!("{}: {pair:?}, priorities {priorities:?}, switching in {switching} s", scenario.name)
    }
}

/// The cells with one of ours.
fn ours() -> impl Iterator<Item = &'static Cell> {
    MATRIX.iter().filter(|cell| cell.pair[0] == Program::Ours)
}

#[test]
fn exactly_one_serves_in_the_end() {
    for cell in ours() {
        for run in &cell.runs {
            assert!(run.ends.is_some(), "{}\n{}", cell.name(), run.story);
        }
    }
}

#[test]
fn the_right_one_serves_in_the_end_wherever_the_legacy_side_lets_it() {
    for cell in ours() {
        let wrong = cell.runs.iter().find(|run| run.ends != Some(cell.expected_end()));
        match (wrong, cell.defect_of_legacy()) {
            (None, None) | (Some(_), Some(_)) => {}
            (Some(run), None) => panic!("{}\n{}", cell.name(), run.story),
            (None, Some(defect)) => panic!("{}: no longer excused by {defect:?}", cell.name()),
        }
    }
}

#[test]
fn time_without_a_hot_side_and_with_two_is_bounded() {
    for cell in ours() {
        let (none, both) = cell.bounds();
        for run in &cell.runs {
            let Measured { none: no_side, both: two_sides, .. } = run.story.measured;
            assert!(
                no_side <= none && two_sides <= both,
                "{}: {:?}\n{}",
                cell.name(),
                run.story.measured,
                run.story
            );
        }
    }
}

#[test]
fn a_legacy_peer_hears_us_at_least_every_two_seconds() {
    for cell in ours() {
        let silence = cell.worst(|measured| measured.silence);
        assert!(silence <= Duration::from_secs(2), "{}: {silence:?} (W5)", cell.name());
    }
}

#[test]
fn a_legacy_peer_hears_us_every_two_seconds_whatever_our_heartbeat_is() {
    // While another of ours is in the peer's place we may be slower.
    for scenario in ALL.iter().filter(|scenario| !scenario.unmoved) {
        for peer in [V200, V182] {
            let (slow, switching) = (Duration::from_secs(7), Duration::from_secs(3));
            let mut world = World::with_heartbeat(slow, [Program::Ours, peer], [10, 10], switching, 1);
            scenarios::prepare(&mut world, scenario, PHASES[2]);
            (scenario.happens)(&mut world);
            world.run(AFTERWARDS);
            let silence = world.log().measured.silence;
            assert!(silence <= Duration::from_secs(2), "{}, {peer:?}: {silence:?} (W5)", scenario.name);
        }
    }
}

#[test]
fn we_never_storm() {
    for cell in ours() {
        for run in &cell.runs {
            assert!(run.story.measured.busiest[0] <= limits::BUSIEST, "{}\n{}", cell.name(), run.story);
        }
    }
}

#[test]
fn our_extension_ends_with_the_third_message_to_a_legacy_peer() {
    for cell in ours() {
        for run in &cell.runs {
            assert!(run.story.measured.extended <= 3, "{} (W4)\n{}", cell.name(), run.story);
        }
    }
}

#[test]
fn an_exchange_of_the_peers_program_moves_nothing() {
    for cell in ours().filter(|cell| cell.scenario.unmoved) {
        for run in &cell.runs {
            assert_eq!(run.story.measured.changes[0], 0, "{}\n{}", cell.name(), run.story);
        }
    }
}

#[test]
fn two_legacy_daemons_do_storm() {
    let storms = |pair: [Program; 2]| {
        MATRIX.iter().filter(|cell| cell.pair == pair && cell.runs.iter().any(|run| run.stormy)).count()
    };
    assert!(storms([V200, V200]) > 0, "the double has the races of the original (D3)");
}

#[test]
fn the_documentation_has_the_matrix() {
    report::check(&MATRIX);
}
