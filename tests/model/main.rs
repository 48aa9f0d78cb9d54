//! Searches every behaviour of a pair of nodes for one that breaks a promise.
//!
//! The nodes run the shipped protocol crate and, for a legacy peer, the interpreter of the recorded tables.
//! `docs/verification.md` explains the free choices and the bounds under "The exhaustive search".
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is its purpose")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a search looks at few of many cases; new ones are none of its business"
)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

mod ablation;
mod app;
mod deviation;
mod graph;
mod host;
mod local;
mod outcomes;
mod pair;
mod pairing;
mod relative;
mod report;
mod search;
mod stand;
mod step;
mod study;
mod trace;
mod verdict;

use ablation::{Rule, Without};
use host::Input;
use pairing::{Pairing, Variant, Version};
use report::{HEADER, Report, Run, thousands};

const USAGE: &str = "\
usage: schrittmacher-model [--faults N] [--every-start] [--grain SECONDS] [--limit STATES]
                                                                             the pairings that promises are made for
       schrittmacher-model --failed-releases                                 orders whose release may fail
       schrittmacher-model --isolations [--faults N]                         hosts that are isolated, and the timing without its parts
       schrittmacher-model --by-force                                        policy = manual: takeovers by force
       schrittmacher-model --fences [--faults N]                             the same policy with a fence-action, and without its parts
       schrittmacher-model --orderly-ends                                    without a part of P10: must break it
       schrittmacher-model --legacy                                          2.0.0 with 2.0.0: must break them
       schrittmacher-model --without [--line N]...                           ours, each deviation and rule taken out in turn (an hour)
       schrittmacher-model --pair VERSION VERSION PRIORITY [--preempt | --slow-heartbeat | --no-address | --freeze | --cut-off | --held] [--faults N] ...
                                                                             one pairing; ours, 2.0.0 or 1.8.2";

/// The wishes of the command line.
#[derive(Clone)]
struct Options {
    faults: Option<u8>,
    grain: Option<u8>,
    every_start: bool,
    limit: Option<usize>,
    stop: usize,
    task: Task,
    /// Of the list of deviations; none is all.
    lines: Vec<usize>,
    /// Orderly acts too (P10).
    acts: bool,
}

/// Two faults and more have no end in sight. From this number of states on only free steps are followed.
const LIMIT_OF_MANY_FAULTS: usize = 10_000;

#[derive(Clone, Copy)]
enum Task {
    Promises,
    FailedReleases,
    Isolations,
    ByForce,
    Fences,
    Legacy,
    Without,
    OrderlyEnds,
    One(Pairing),
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let began = Instant::now();
    let kept = match &options.task {
        Task::FailedReleases => search_all(&options.out_of_settled(&pairing::failed_releases(), 2)),
        Task::Isolations => {
            let acts = options.faults.unwrap_or(2);
            search_all(&options.out_of_settled(&pairing::isolations(acts), 1)) & isolations(&options)
        }
        Task::ByForce => search_all(&options.out_of_settled(&pairing::takeovers_by_force(), 2)),
        Task::Fences => {
            let acts = options.faults.unwrap_or(1);
            search_all(&options.out_of_settled(&pairing::fences(acts), 2)) & fences(&options)
        }
        // A search that finds nothing proves something only if it finds what is there.
        Task::Promises => {
            promises(&options)
                & legacy(&options, false)
                & orderly_ends(&options)
                & isolations(&options)
                & fences(&options)
        }
        Task::OrderlyEnds => orderly_ends(&options),
        Task::Legacy => legacy(&options, true),
        Task::Without => study::study(&options.lines, options.faults.unwrap_or(1)),
        Task::One(pairing) => one(*pairing, &options),
    };
    println!("\n{:.0} s", began.elapsed().as_secs_f64());
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Result<Options, lexopt::Error> {
    use lexopt::prelude::{Long, ValueExt};
    let mut options = Options {
        faults: None,
        grain: None,
        every_start: false,
        limit: None,
        stop: search::MOST_STATES,
        task: Task::Promises,
        lines: Vec::new(),
        acts: true,
    };
    let mut variant = Variant::Usual;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("faults") => options.faults = Some(parser.value()?.parse()?),
            Long("grain") => options.grain = Some(parser.value()?.parse()?),
            Long("acts") => options.acts = parser.value()?.parse()?,
            Long("line") => options.lines.push(parser.value()?.parse()?),
            Long("every-start") => options.every_start = true,
            Long("limit") => options.limit = Some(parser.value()?.parse()?),
            Long("preempt") => variant = Variant::Preempt,
            Long("slow-heartbeat") => variant = Variant::SlowHeartbeat,
            Long("freeze") => variant = Variant::Freeze,
            Long("no-address") => variant = Variant::NoAddress,
            Long("held") => variant = Variant::Held,
            Long("cut-off") => variant = Variant::CutOff,
            Long("failed-releases") => options.task = Task::FailedReleases,
            Long("isolations") => options.task = Task::Isolations,
            Long("by-force") => options.task = Task::ByForce,
            Long("fences") => options.task = Task::Fences,
            Long("orderly-ends") => options.task = Task::OrderlyEnds,
            Long("legacy") => options.task = Task::Legacy,
            Long("without") => options.task = Task::Without,
            Long("pair") => {
                let version = |parser: &mut lexopt::Parser| -> Result<Version, lexopt::Error> {
                    let text = parser.value()?.string()?;
                    Version::from_words(&text).ok_or_else(|| format!("no version {text}").into())
                };
                let versions = [version(&mut parser)?, version(&mut parser)?];
                let priority = parser.value()?.parse()?;
                options.task = Task::One(Pairing::new(versions, priority, Variant::Usual));
            }
            _ => return Err(argument.unexpected()),
        }
    }
    if let Task::One(pairing) = &mut options.task {
        pairing.variant = variant;
    }
    Ok(options)
}

impl Options {
    /// Every kind of run: without faults by seconds and by heartbeats, or with faults by heartbeats.
    fn plans(&self) -> Vec<(u8, u8)> {
        match (self.faults, self.grain) {
            (Some(faults), grain) => vec![(faults, grain.unwrap_or(2))],
            (None, Some(grain)) => vec![(0, grain)],
            (None, None) => vec![(0, 1), (0, 2)],
        }
    }

    fn runs(&self, pairings: &[Pairing]) -> Vec<Run> {
        let run = |pairing: Pairing, (faults, grain)| {
            let limit = if faults < 2 { search::MOST_STATES } else { LIMIT_OF_MANY_FAULTS };
            // With a fault there are ten times as many from every start; the storms of the legacy have no end.
            let every_start = self.every_start || (faults == 0 && pairing.is_ours(0));
            Run {
                pairing,
                faults,
                act: None,
                every_start,
                grain,
                limit: self.limit.unwrap_or(limit),
                stop: self.stop,
            }
        };
        let mut runs: Vec<Run> = self
            .plans()
            .into_iter()
            .flat_map(|plan| pairings.iter().map(move |pairing| run(*pairing, plan)))
            .filter(|run| run.faults > 0 || !run.pairing.variant.is_a_fault())
            .collect();
        // P10. Beside a legacy peer, which has no orderly end, as far as our side goes.
        // Without `preempt`: a takeover that is under way when both end may leave nobody (`docs/protocol.md`, P10).
        let promised = |pairing: &&Pairing| {
            pairing.is_ours(0) && pairing.variant != Variant::Preempt && !pairing.variant.is_a_fault()
        };
        let acts = self.acts && self.faults.is_none();
        for pairing in pairings.iter().filter(|pairing| acts && promised(pairing)) {
            for act in [Input::Shutdown, Input::Crash] {
                let budget = if pairing.is_ours(1) { 2 } else { 1 };
                let run = run(*pairing, (budget, 2));
                runs.push(Run { act: Some(act), limit: search::MOST_STATES, every_start: false, ..run });
            }
        }
        runs
    }

    /// A number of acts, the first of them out of a settled pair.
    fn out_of_settled(&self, acts: &[(Pairing, Input, u8)], grain: u8) -> Vec<Run> {
        let run = |(pairing, act, budget): &(Pairing, Input, u8)| Run {
            pairing: *pairing,
            faults: *budget,
            act: Some(*act),
            every_start: false,
            grain,
            limit: search::MOST_STATES,
            stop: self.stop,
        };
        acts.iter().map(run).collect()
    }
}

/// Does `count` things, on every core.
fn on_every_core(count: usize, one: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    // More at once would need more memory than is promised.
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        break;
                    }
                    one(at);
                }
            });
        }
    });
}

fn promises(options: &Options) -> bool {
    let mut runs = options.runs(&pairing::promised());
    if options.faults.is_none() {
        runs.extend(options.out_of_settled(&pairing::failed_releases(), 2));
        runs.extend(options.out_of_settled(&pairing::takeovers_by_force(), 2));
        runs.extend(options.out_of_settled(&pairing::fences(1), 2));
        // In heartbeats of two seconds a quarter of what the other side waits for is one.
        runs.extend(options.out_of_settled(&pairing::isolations(1), 1));
    }
    search_all(&runs)
}

fn search_all(runs: &[Run]) -> bool {
    let reports = Mutex::new(Vec::new());
    println!("{HEADER}");
    on_every_core(runs.len(), |at| {
        let report = runs[at].go();
        println!("{}", report.line);
        reports.lock().expect("nobody panics").push(report);
    });
    let reports = reports.into_inner().expect("nobody panics");
    println!("\n{} states in all", thousands(reports.iter().map(|report| report.states).sum()));
    for report in &reports {
        if let Some((states, steps)) = report.cut_off {
            println!(
                "{}: faults were tried in the first {} states only, all those of at most {steps} steps",
                report.run.pairing.words(),
                thousands(states),
            );
        }
        if report.overflows > 0 {
            let words = report.run.pairing.words();
            println!("{words}: {} messages found the link of the search full", report.overflows);
        }
        tell(report);
    }
    for partition in reports.iter().filter_map(|report| report.partition.as_ref()) {
        println!(
            "\nP8: while the link is cut both serve. The shortest way there, and how it ends:\n{partition}"
        );
    }
    reports.iter().all(|report| report.broken.is_empty())
}

fn tell(report: &Report) {
    if !report.broken.is_empty() {
        println!(
            "\nBROKEN: {}, {} faults: {}",
            report.run.pairing.words(),
            report.run.faults,
            report.broken.join("; ")
        );
        println!("{}", report.traces);
    }
}

/// The search has teeth if it finds what is known of the legacy.
fn legacy(options: &Options, traces: bool) -> bool {
    // It needs no fault, and with one the first states are others.
    let faults = options.faults.filter(|_| traces).unwrap_or(0);
    let options = Options { faults: Some(faults), stop: 2_000_000, ..options.clone() };
    let runs = options.runs(&pairing::legacy_alone());
    let caught = Mutex::new(true);
    println!(
        "\nIt has to find what is known of 2.0.0 (D3, D5), in the first {} states:\n{HEADER}",
        thousands(options.stop)
    );
    on_every_core(runs.len(), |at| {
        let report = runs[at].go();
        println!("{}", report.line);
        if traces {
            tell(&report);
        }
        let finds = |id: &str| report.broken.iter().any(|broken| broken.starts_with(id));
        *caught.lock().expect("nobody panics") &= finds("P2") && finds("P6");
    });
    let caught = caught.into_inner().expect("nobody panics");
    println!("{}", if caught { "found" } else { "ERROR: not found" });
    caught
}

/// So it has for P10, if it finds what comes of a hand-over that does not come back (edge-9).
fn orderly_ends(options: &Options) -> bool {
    if !options.acts || options.faults.is_some() {
        return true;
    }
    let usual = Pairing::new([Version::Ours; 2], 0, Variant::Usual);
    let run = Run {
        pairing: Pairing { without: Some(Without::Rule(Rule::ComeBack)), ..usual },
        faults: 2,
        act: Some(Input::Shutdown),
        every_start: false,
        grain: 2,
        limit: search::MOST_STATES,
        stop: options.stop,
    };
    let report = run.go();
    println!(
        "\nIt has to find that nobody serves if a hand-over does not come back (P10):\n{HEADER}\n{}",
        report.line
    );
    report.broken.iter().for_each(|broken| println!("{broken}"));
    let caught = report.broken.iter().any(|broken| broken.starts_with("P10"));
    println!("{}", if caught { "found" } else { "ERROR: not found" });
    caught
}

/// And for isolations, if it finds what comes of each part of their timing.
fn isolations(options: &Options) -> bool {
    if options.faults.is_some() && !matches!(options.task, Task::Isolations) {
        return true;
    }
    finds(&options.out_of_settled(&pairing::isolations_without(), 1), "isolation")
}

/// And for fences.
fn fences(options: &Options) -> bool {
    let is_other = options.faults.is_some() && !matches!(options.task, Task::Fences);
    is_other || finds(&options.out_of_settled(&pairing::fences_without(), 2), "fence")
}

fn finds(runs: &[Run], promise: &str) -> bool {
    println!("\nIt has to find that both serve without a part of what the {promise} asks for:\n{HEADER}");
    let mut caught = true;
    for run in runs {
        let report = run.go();
        println!("{}", report.line);
        report.broken.iter().for_each(|broken| println!("without {:?}: {broken}", run.pairing.without));
        caught &= report.broken.iter().any(|broken| broken.starts_with(promise));
    }
    println!("{}", if caught { "found" } else { "ERROR: not found" });
    caught
}

fn one(pairing: Pairing, options: &Options) -> bool {
    println!("{HEADER}");
    let mut kept = true;
    for run in options.runs(&[pairing]) {
        let report = run.go();
        println!("{}", report.line);
        println!("{:.1} s", report.took.as_secs_f64());
        tell(&report);
        report.partition.iter().for_each(|partition| println!("P8:\n{partition}"));
        kept &= report.broken.is_empty();
    }
    kept
}
