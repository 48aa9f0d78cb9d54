//! How long the addresses of a thousand services take until the last one is added and announced, beside the least that it
//! takes (`bare.c`), by turns: `cargo bench -p schrittmacher-address`, as root. It needs a C compiler.
#![cfg_attr(target_os = "linux", expect(clippy::unwrap_used, reason = "what can't be measured ends the run"))]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED: takeover: only Linux has these addresses");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;
    use std::process::Command;
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use schrittmacher_address::{
        Address, AddressJob, AddressKeeper, AddressReport, KeeperSettings, SharedPlace,
    };
    use schrittmacher_harness::{Cable, Namespace, Side};

    const SERVICES: u32 = 1000;
    const ROUNDS: usize = 11;

    pub fn main() {
        if let Err(why) = Cable::lay() {
            return println!("SKIPPED: takeover: {why}");
        }
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("bare");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/bare.c");
        let compiled = Command::new("cc").args(["-O2", "-o"]).arg(&bare).arg(source).status().unwrap();
        assert!(compiled.success());
        println!("\n{SERVICES} addresses added and announced, in milliseconds, by turns\n");
        println!("{:>10}{:>10}{:>8}", "bare C", "ours", "ratio");
        let mut ratios = Vec::new();
        for _ in 0..ROUNDS {
            let by_bare = fresh(|host| by_bare(&bare, host));
            let by_keeper = fresh(by_keeper);
            let ratio = by_keeper.as_secs_f64() / by_bare.as_secs_f64();
            println!("{:>10.1}{:>10.1}{ratio:>8.2}", ms(by_bare), ms(by_keeper));
            ratios.push(ratio);
        }
        ratios.sort_by(f64::total_cmp);
        println!("\nmedian of the ratios: {:.2}; goal: 2 at most", ratios[ROUNDS / 2]);
    }

    fn ms(time: Duration) -> f64 {
        time.as_secs_f64() * 1e3
    }

    /// On a host that has none of them yet.
    fn fresh(measure: impl FnOnce(&Namespace) -> Duration) -> Duration {
        let cable = Cable::lay().unwrap();
        measure(cable.end(Side::A))
    }

    fn by_bare(program: &Path, host: &Namespace) -> Duration {
        let program = program.to_str().unwrap();
        let micros = host.output(program, &format!("cable {SERVICES}"));
        Duration::from_micros(micros.trim().parse().unwrap())
    }

    fn by_keeper(host: &Namespace) -> Duration {
        let (sender, reports) = channel();
        let report = move |report| drop(sender.send(report));
        let keeper = host.run(|| AddressKeeper::start(KeeperSettings { owner: 0x53 }, report)).unwrap();
        let begin = Instant::now();
        for number in 0..SERVICES {
            let ip = std::net::Ipv4Addr::from(0x0a05_0001 + number).into();
            let shared =
                SharedPlace { interface: "cable".to_owned(), addresses: vec![Address { ip, prefix: 32 }] };
            let (id, refresh) = (usize::try_from(number).unwrap(), Duration::from_secs(60));
            keeper.give(AddressJob::Up { id, ticket: 1, shared, refresh, probe: true }).unwrap();
        }
        let mut left = SERVICES;
        while left > 0 {
            if let AddressReport::Up { result, .. } = reports.recv_timeout(Duration::from_secs(60)).unwrap() {
                result.unwrap();
                left -= 1;
            }
        }
        begin.elapsed()
    }
}
