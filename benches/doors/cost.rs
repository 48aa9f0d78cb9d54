//! What a signature costs a daemon with a thousand resources. `cargo bench -p schrittmacher-auth` has the tags alone.

use std::thread::sleep;
use std::time::{Duration, Instant};

use schrittmacher_harness::{Pair, Setup, Side, cpu_time};

use crate::daemon::{KEY_LINE, add_resources, write_key};

const RESOURCES: usize = 999;
const SPAN: Duration = Duration::from_secs(10);
const ROUNDS: usize = 3;

pub fn report() {
    println!(
        "\n1,000 resources, heartbeat 0.1 s: percent of a core of one daemon, over {} s, by turns\n",
        SPAN.as_secs()
    );
    println!("{:>12}{:>12}{:>10}", "no key", "with a key", "ratio");
    for _ in 0..ROUNDS {
        let [without, with] = ["", KEY_LINE].map(share);
        println!("{:>12.1}{:>12.1}{:>10.2}", without * 100.0, with * 100.0, with / without);
    }
}

fn share(core: &'static str) -> f64 {
    let mut pair = Pair::new(Setup { heartbeat: 0.1, timeout: 3.0, core, ..Setup::default() });
    write_key(&pair);
    add_resources(&pair, RESOURCES);
    for side in [Side::A, Side::B] {
        pair.start_daemon(side);
        pair[side].wait_page();
    }
    // Both have met.
    sleep(Duration::from_secs(3));
    let daemon = pair[Side::A].daemon().pid();
    let (before, began) = (cpu_time(daemon), Instant::now());
    sleep(SPAN);
    (cpu_time(daemon) - before).as_secs_f64() / began.elapsed().as_secs_f64()
}
