//! A promise binds the next daemon too, whatever its configuration says by then.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacher_harness::{Pair, Side, holds_for, wait_for};

use super::witness::{Etcd, PROMISE};

/// Not more than `timeout`: a side without the longer promise takes the role after that.
const SHORTER: &str = "promise = 3";

/// More than the ten seconds for which a peer is waited that this run has not heard.
const LONGER: Duration = Duration::from_secs(14);

/// A pair under the rule that may promise for longer.
fn pair_of(etcd: &Etcd) -> Pair {
    let pair = Pair::new(etcd.setup());
    for side in [Side::A, Side::B] {
        edit(&pair, side, &format!("promise = {PROMISE}"), "promise = 14");
    }
    pair
}

/// Changes the file of a side.
fn edit(pair: &Pair, side: Side, from: &str, to: &str) {
    let file = pair[side].files.config();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

/// B takes the role, and not before the longer promise is over that was in force until `since`.
fn waits_out(pair: &Pair, since: Instant) {
    let left = LONGER.saturating_sub(since.elapsed());
    holds_for(left, || {
        if pair[Side::B].log.state() == "Hot" {
            Err(format!("it had promised to take no role, {:?} ago", since.elapsed()))
        } else {
            Ok(())
        }
    });
    pair.wait_hot(Side::B, pair.timeout() + LONGER);
}

/// What is kept of promises by the only daemon of this side.
fn kept(state: &Path) -> String {
    let folders = fs::read_dir(state).unwrap().map_while(Result::ok);
    let texts = folders.filter_map(|folder| fs::read_to_string(folder.path().join("promises.json")).ok());
    texts.collect()
}

#[test]
fn a_start_with_a_shorter_promise_or_without_the_rule_waits_for_the_longer_one_of_before() {
    const NAME: &str =
        "a_start_with_a_shorter_promise_or_without_the_rule_waits_for_the_longer_one_of_before";
    for (from, to) in [("promise = 14", SHORTER), ("policy = consistent", "policy = available")] {
        let Some(etcd) = Etcd::start(NAME) else { return };
        let mut pair = pair_of(&etcd);
        pair.start(Side::A);
        pair.forget();
        assert!(kept(&pair[Side::B].files.state()).contains("\"service\":14000"));
        pair[Side::B].daemon().kill();
        let since = Instant::now();
        pair[Side::A].kill();
        edit(&pair, Side::B, from, to);
        pair.start_daemon(Side::B);
        waits_out(&pair, since);
        let shorter = if to == SHORTER { "{\"service\":3000}" } else { "{}" };
        wait_for("the shorter promise to be kept", Duration::from_secs(1), || {
            (kept(&pair[Side::B].files.state()) == shorter).then_some(())
        });
    }
}

#[test]
fn a_resource_that_is_removed_and_comes_back_with_a_shorter_promise_is_bound_by_the_longer_one() {
    const NAME: &str =
        "a_resource_that_is_removed_and_comes_back_with_a_shorter_promise_is_bound_by_the_longer_one";
    let Some(etcd) = Etcd::start(NAME) else { return };
    let mut pair = pair_of(&etcd);
    pair.start(Side::A);
    let reload = |pair: &Pair, said: &str| {
        pair[Side::B].daemon().signal(Signal::SIGHUP);
        pair[Side::B].log.wait(said, Duration::from_secs(1));
    };
    edit(&pair, Side::B, "name = service", "name = another");
    reload(&pair, "removed: service");
    pair[Side::B].log.wait("\tservice\t\t(null)\tremoved", Duration::from_secs(1));
    let since = Instant::now();
    edit(&pair, Side::B, "name = another", "name = service");
    edit(&pair, Side::B, "promise = 14", SHORTER);
    reload(&pair, "added: service");
    pair[Side::A].kill();
    waits_out(&pair, since);
}
