//! How long the worst datagram of its size takes to read, beside a tree of it: `cargo bench -p schrittmacher-wire`.
#![expect(clippy::disallowed_types, clippy::print_stdout, reason = "a benchmark has a clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use schrittmacher_wire::{MAX_RECEIVED, Message};
use serde_json::Value;

const RUNS: usize = 501;

fn main() {
    let begin = r#"{"resource":"r1","status":"LHOT","#;
    let filled = |open: &str, item: &str, close: &str| {
        let items = (MAX_RECEIVED - begin.len() - open.len() - close.len()) / (item.len() + 1);
        format!("{begin}{open}{}{close}", vec![item; items].join(","))
    };
    let datagrams = [
        ("unknown, of objects", filled(r#""x":["#, r#"{"":0}"#, "]}")),
        ("unknown, of arrays", filled(r#""x":["#, "[[0]]", "]}")),
        ("unknown, of numbers", filled(r#""x":["#, "0", "]}")),
        ("a reason, of objects", filled(r#""reason":["#, r#"{"":0}"#, "]}")),
        ("a priority, of objects", filled(r#""priority":["#, r#"{"":0}"#, "]}")),
        ("one key, again and again", filled("", r#""":0"#, "}")),
        ("a usual one", format!(r#"{begin}"random":0,"pid":7,"reason":"why","priority":0}}"#)),
    ];
    for (what, datagram) in &datagrams {
        let bytes = datagram.as_bytes();
        assert!(Message::parse(bytes).is_ok() && bytes.len() <= MAX_RECEIVED);
        // By turns, so that other work of the machine hits both.
        let (mut ours, mut tree) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(time(|| drop(black_box(Message::parse(black_box(bytes))))));
            tree.push(time(|| drop(black_box(serde_json::from_slice::<Value>(black_box(bytes))))));
        }
        let [ours, tree] = [ours, tree].map(|mut times| {
            times.sort_unstable();
            times[RUNS / 2].as_secs_f64() * 1e6
        });
        println!(
            "{what:<26} {:6} bytes {ours:8.1} µs, a tree {tree:8.1} µs: {:5.1} times",
            bytes.len(),
            tree / ours
        );
    }
}

fn time(act: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    act();
    begin.elapsed()
}
