//! How many datagrams a second one core signs and verifies: `cargo bench -p schrittmacher-auth`.
#![expect(
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark has a clock"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use schrittmacher_auth::{Ends, Keys, Nonce, Session};

const DATAGRAMS: u32 = 200_000;
const ROUNDS: usize = 7;

fn main() {
    let secret: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
    let keys = Keys::parse(format!("key00001 {secret}").as_bytes()).unwrap();
    let ends = |local: u8, remote: u8| Ends {
        local: [10, 0, 0, local].into(),
        remote: [10, 0, 0, remote].into(),
        port: 7700,
    };
    let mut a = Session::new(&keys, ends(1, 2), Nonce([1; 16]));
    let mut b = Session::new(&keys, ends(2, 1), Nonce([2; 16]));
    let plain = [b"{\n  \"x\": \"".to_vec(), vec![b'x'; 170], b"\"\n}".to_vec()].concat();
    let mut datagram = plain.clone();
    b.sign(&mut datagram, Duration::ZERO);
    drop(a.open(&datagram, Duration::ZERO));

    let mut now = Duration::ZERO;
    let mut sign = || {
        now += Duration::from_micros(100);
        let mut datagram = plain.clone();
        a.sign(&mut datagram, now);
        datagram
    };
    let good = sign();
    let mut forged = good.clone();
    forged[20] ^= 1;
    let text = vec![b'x'; 330];
    tell("signed", rate(|| drop(black_box(sign()))));
    tell("taken", rate(|| assert!(b.open(black_box(&good), Duration::ZERO).is_ok())));
    tell("refused, forged", rate(|| assert!(b.open(black_box(&forged), Duration::ZERO).is_err())));
    tell("refused, not signed", rate(|| assert!(b.open(black_box(&text), Duration::ZERO).is_err())));
}

fn tell(what: &str, rate: f64) {
    println!("{what:<20} {rate:>12.0} a second, {:.2} µs each", 1e6 / rate);
}

/// The median of some rounds.
fn rate(mut act: impl FnMut()) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            (0..DATAGRAMS).for_each(|_| act());
            f64::from(DATAGRAMS) / begin.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}
