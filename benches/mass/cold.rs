//! Both hosts start at once: their daemons and the applications of 10,000 resources.

use std::time::{Duration, Instant};

use schrittmacher_harness::{Cable, Side};

use crate::host::{self, Count, Plan};
use crate::tool::{Means, Moment, Notes, Tool, between, now};

/// `COUNT=1000` takes fewer.
const COUNT: usize = 10_000;

pub fn report(tool: &Tool, runs: usize) {
    let count = std::env::var("COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(COUNT);
    println!(
        "\nCold start of {count} resources on both hosts, heartbeat 1 s, seconds after the start of both daemons. Beside them two bare loops \
         that begin as many commands: by a shell, the same while the applications of both hosts report to nobody, and without a shell, as the \
         daemons do:"
    );
    println!(
        "  {:>10}{:>10}{:>14}{:>14}{:>14}{:>12}{:>14}{:>12}",
        "decided",
        "settled",
        "most failed",
        "first command",
        "last command",
        "by a shell",
        "beside apps",
        "without"
    );
    for _ in 0..runs.min(3) {
        let sample = sample(tool, count);
        let bare = [Means::Shell, Means::Program].map(|means| tool.bare(count, means));
        let seconds =
            |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.2}", time.as_secs_f64()));
        println!(
            "  {:>10}{:>10}{:>14}{:>14}{:>14}{:>12}{:>14}{:>12}",
            seconds(sample.decided),
            seconds(sample.settled),
            sample.failed,
            seconds(Some(sample.commands.0)),
            seconds(Some(sample.commands.1)),
            seconds(Some(bare[0])),
            seconds(Some(sample.beside_apps)),
            seconds(Some(bare[1]))
        );
    }
}

struct Sample {
    /// Every resource is hot or on its way on one side, and standby on the other.
    decided: Option<Duration>,
    /// Every one is hot on one side.
    settled: Option<Duration>,
    /// The most that were failed at once, of both sides.
    failed: usize,
    /// The first and the last start command of both sides.
    commands: (Duration, Duration),
    /// Two bare loops beside the same applications.
    beside_apps: Duration,
}

fn sample(tool: &Tool, count: usize) -> Sample {
    let (cable, folder) = (Cable::lay().unwrap(), tempfile::tempdir().unwrap());
    let notes = ["a.notes", "b.notes"].map(|name| Notes::new(folder.path(), name, count));
    let sides = [Side::A, Side::B];
    let _apps = sides.map(|side| {
        tool.apps(cable.end(side), host::ENDS[side.index()], count, "LSBY", &notes[side.index()])
    });
    let (start, began) = (now(), Instant::now());
    let daemons = sides.map(|side| {
        let resource = |number| format!("start-action = exec {}", tool.stamp(&notes[side.index()], number));
        host::start(&cable, side, folder.path(), &Plan { count, core: "heartbeat = 1", resource: &resource })
    });
    let (mut decided, mut settled, mut failed) = (None, None, 0);
    while settled.is_none() && began.elapsed() < Duration::from_secs(120) {
        // A look at 10,000 resources costs each daemon something, and the commands that.
        std::thread::sleep(Duration::from_millis(if decided.is_some() { 1000 } else { 250 }));
        let elapsed = began.elapsed();
        let [a, b] = sides.map(|side| Count::of(&cable, side));
        failed = failed.max(a.failed + b.failed);
        if a.hot + a.going_hot + b.hot + b.going_hot == count && a.standby + b.standby == count {
            decided = decided.or(Some(elapsed));
            settled = (a.hot + b.hot == count).then_some(elapsed);
        }
    }
    drop(daemons);
    let beside_apps = tool.bare(count, Means::Shell);
    let mut moments: Vec<Moment> = notes.iter().flat_map(Notes::moments).collect();
    moments.sort_unstable();
    let after = |moment: Option<&Moment>| moment.map_or(Duration::MAX, |moment| between(start, *moment));
    let commands = (after(moments.first()), after(moments.last()));
    Sample { decided, settled, failed, commands, beside_apps }
}
