//! What happens to many resources in one moment: `make bench-mass`, as root, described in docs/performance.md.
//!
//! * `lost`: 1,000 resources of a host that is lost, at a heartbeat of 1 s; by signal and by command, beside two bare loops
//! * `fast`: 200 of them at 10 ms, beside keepalived with as many instances
//! * `cold`: 10,000 whose daemons and applications all start at once, on both hosts
//!
//! `ROW=lost` is one of them alone, `RUNS=5` how often each is done, `DAEMON=PROGRAM` another build. Figures, not tests.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod cold;
mod fast;
mod host;
mod lost;
mod tool;

use schrittmacher_harness::Cable;

use tool::Tool;

fn main() {
    if let Err(why) = Cable::lay() {
        return println!("SKIPPED: mass: {why}");
    }
    let wanted = std::env::var("ROW").unwrap_or_default();
    let runs = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let folder = tempfile::tempdir().unwrap();
    let tool = Tool::compile(folder.path());
    for (name, row) in
        [("lost", lost::report as fn(&Tool, usize)), ("fast", fast::report), ("cold", cold::report)]
    {
        if wanted.is_empty() || wanted == name {
            row(&tool, runs);
        }
    }
}

/// Milliseconds: the median, and the least and the greatest.
struct Column(Vec<f64>);

impl Column {
    fn new() -> Column {
        Column(Vec::new())
    }

    fn add(&mut self, time: std::time::Duration) {
        self.0.push(time.as_secs_f64() * 1e3);
    }

    fn text(&self) -> String {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
            (Some(least), Some(median), Some(most)) => format!("{median:.1} ({least:.1}-{most:.1})"),
            _ => "-".to_owned(),
        }
    }
}
