//! Whether a signature makes a planned failover slower: two pairs, with a key and without one, by turns.

use std::time::{Duration, Instant};

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, Starts};

use crate::daemon::{KEY_LINE, write_key};

const RUNS: usize = 15;
/// Between two orders to a pair: the limit on messages is no part of this.
const PAUSE: Duration = Duration::from_millis(500);

pub fn report() {
    let mut pairs = ["", KEY_LINE].map(Switching::new);
    let mut samples = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (pair, samples) in pairs.iter_mut().zip(&mut samples) {
            samples.push(pair.switch());
            std::thread::sleep(PAUSE);
        }
    }
    println!(
        "\nPlanned failover, from the order to the other side's start command, milliseconds, {RUNS} runs by turns\n"
    );
    println!("{:>12}{:>10}{:>10}{:>10}", "", "min", "median", "max");
    let medians = samples.map(|mut samples| {
        samples.sort();
        samples.iter().map(|sample| sample.as_secs_f64() * 1e3).collect::<Vec<f64>>()
    });
    for (what, samples) in ["no key", "with a key"].iter().zip(&medians) {
        let middle = samples[RUNS / 2];
        println!("{what:>12}{:>10.1}{middle:>10.1}{:>10.1}", samples[0], samples[RUNS - 1]);
    }
    println!("ratio of the medians: {:.2}", medians[1][RUNS / 2] / medians[0][RUNS / 2]);
}

struct Switching {
    pair: Pair,
    starts: Starts,
    hot: Side,
}

impl Switching {
    fn new(core: &'static str) -> Switching {
        let start = Some("echo {host} >{folder}/starts; kill -10 `cat {pid-file}`");
        let setup = Setup { heartbeat: 1.0, timeout: 60.0, start, stop: None, core, ..Setup::default() };
        let mut pair = Pair::new(setup);
        write_key(&pair);
        let starts = Starts::new(pair.folder());
        pair.start(Side::A);
        for side in [Side::A, Side::B] {
            pair[side].wait_believed();
        }
        Switching { pair, starts, hot: Side::A }
    }

    fn switch(&mut self) -> Duration {
        let other = self.hot.other();
        self.starts.forget();
        let ordered = Instant::now();
        self.pair[self.hot].page(&format!("?failover={RESOURCE}"));
        let sample = self.starts.wait(other, ordered);
        self.pair.wait_settled(other, AT_ONCE);
        self.hot = other;
        sample
    }
}
