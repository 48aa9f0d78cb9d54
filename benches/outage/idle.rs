//! What a pair costs that has nothing to do: one service at 1 s, on both sides, ours and keepalived by turns.

use std::thread;
use std::time::{Duration, Instant};

use schrittmacher_harness::{Lan, cpu_time, mebibytes, with_children};

use super::{Pace, System, keepalived, ours};

/// How long each is looked at. `SECONDS=5` is a quick look.
const SPAN: u64 = 20;

/// What the daemon of one side takes: percent of a core, and memory (PSS) of all its processes in MiB.
#[derive(Clone, Copy)]
struct Cost {
    share: f64,
    mebibytes: f64,
}

/// Prints both.
pub fn report(runs: usize) {
    let span = std::env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(SPAN);
    let span = Duration::from_secs(span);
    let pace = Pace { period: 1000, count: 3 };
    println!(
        "\nOne service at 1 s that is settled, all processes of a side, over {} s, by turns:\n",
        span.as_secs()
    );
    println!("{:<44}{:>22}{:>22}{:>22}", "", "% of a core, hot", "standby", "PSS in MiB, hot");
    for _ in 0..runs {
        let rows = [
            (
                "ours, built-in address",
                measure(span, |lan| Some(ours::start(lan, pace, Some(ours::BUILT_IN)))),
            ),
            ("keepalived", measure(span, |lan| keepalived::start(lan, pace))),
        ];
        for (name, costs) in rows {
            let Some([hot, standby]) = costs else { continue };
            println!("{name:<44}{:>22.3}{:>22.3}{:>22.1}", hot.share, standby.share, hot.mebibytes);
        }
    }
}

fn measure<S: System>(span: Duration, start: impl FnOnce(&Lan) -> Option<S>) -> Option<[Cost; 2]> {
    let lan = Lan::lay().unwrap();
    let system = start(&lan)?;
    let hot = system.settled();
    // What belongs to the start is over.
    thread::sleep(Duration::from_secs(3));
    let processes = [hot, hot.other()].map(|side| with_children(system.daemon(side)));
    let taken = |side: usize| processes[side].iter().map(|pid| cpu_time(*pid)).sum::<Duration>();
    let before = [0, 1].map(taken);
    let began = Instant::now();
    thread::sleep(span);
    let elapsed = began.elapsed();
    let cost = |side: usize| Cost {
        share: (taken(side) - before[side]).div_duration_f64(elapsed) * 100.0,
        mebibytes: processes[side].iter().map(|pid| mebibytes(*pid)).sum(),
    };
    Some([cost(0), cost(1)])
}
