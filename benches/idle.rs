//! The cost of a daemon that only sends its heartbeat.

use std::thread;
use std::time::{Duration, Instant};

use crate::row;
use schrittmacher_harness::{Pair, Setup, Side, cpu_time, mebibytes};

const SPAN: Duration = Duration::from_secs(30);

/// Measures a hot daemon with one resource at one second, its page open and its application alive, and prints.
pub fn report() {
    let mut pair = Pair::new(Setup { heartbeat: 1.0, timeout: 3.0, ..Setup::default() });
    pair.start_with(Side::A, "--heartbeat 1500", "--heartbeat 1500");
    pair[Side::A].wait_believed();
    let daemon = pair[Side::A].daemon().pid();
    let (before, began) = (cpu_time(daemon), Instant::now());
    thread::sleep(SPAN);
    let share = (cpu_time(daemon) - before).as_secs_f64() / began.elapsed().as_secs_f64();
    println!();
    row("an idle daemon, one resource, heartbeat 1 s", ["", "", ""], "target");
    let share = format!("{:.3}", share * 100.0);
    row(&format!("percent of a core, over {} s", SPAN.as_secs()), ["", &share, ""], "0.1");
    row("MiB of memory (PSS)", ["", &format!("{:.1}", mebibytes(daemon)), ""], "6");
}
