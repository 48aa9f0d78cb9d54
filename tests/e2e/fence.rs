//! `fence-action` on real daemons: a script that turns the other host off, as far as a test can: it kills the daemon and the
//! application there.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use schrittmacher_harness::{
    AT_ONCE, Cable, HTTP_PORT, Pair, RESOURCE, Setup, Side, ctl_in, holds_for, skip, wait_for,
};

const ADDRESSES: [&str; 2] = ["10.0.0.1", "10.0.0.2"];
const FENCE: &str = "fence-action = {folder}/fence-{own}";
/// The other host is off, and that is known.
const WORKS: &str = "kill -9 $OTHER";
const FAILS: &str = "echo no answer from the service processor; exit 1";
const HANGS: &str = "echo asking; sleep 60";
/// Until the test has said so. It turns nothing off, and lies.
const WAITS: &str = "until test -e $FOLDER/end; do sleep 0.05; done";

/// A pair that is hot on A, whose fences do this.
fn pair(cable: &Cable, core: &'static str, script: &str) -> Pair {
    let setup = Setup { priority: [1, 0], timeout: 1.0, core, ..Setup::default() };
    let mut pair = Pair::at(setup, cable, ADDRESSES);
    for side in [Side::A, Side::B] {
        let (folder, other) = (pair.folder().display().to_string(), side.other().index() + 1);
        let text = format!(
            "#!/bin/sh\nFOLDER={folder}\nOTHER=`cat $FOLDER/pids-{other}`\n\
             echo \"$ACTION $REASON $REMOTE_ADDRESS $RESOURCE_NAME $ATTEMPT\" >>$FOLDER/told\n\
             echo {0} fence `date +%s%N` >>$FOLDER/journal\n{script}\nstatus=$?\n\
             echo {0} fenced `date +%s%N` >>$FOLDER/journal\nexit $status\n",
            side.name()
        );
        let path = pair.folder().join(format!("fence-{}", side.index() + 1));
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        let pids = format!("{} {}\n", pair[side].daemon().pid(), pair[side].app().pid());
        fs::write(pair.folder().join(format!("pids-{}", side.index() + 1)), pids).unwrap();
    }
    pair
}

fn told(pair: &Pair) -> String {
    fs::read_to_string(pair.folder().join("told")).unwrap_or_default()
}

fn on(pair: &Pair, cable: &Cable, side: Side, order: &[&str]) -> (i32, String) {
    let place = format!("{}:{HTTP_PORT}", pair[side].address);
    let mut arguments = order.to_vec();
    arguments.extend(["--address", &place]);
    let (code, said, complaint) = ctl_in(cable.end(side), &arguments);
    (code, said + &complaint)
}

#[test]
fn a_cut_link_costs_the_hot_host_its_power_before_the_other_side_serves() {
    const NAME: &str = "a_cut_link_costs_the_hot_host_its_power_before_the_other_side_serves";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let pair = pair(&cable, FENCE, WORKS);
    cable.cut();
    pair.wait_hot(Side::B, pair.timeout() + Duration::from_secs(1));
    pair[Side::A].daemon().wait_exit(AT_ONCE);
    pair.journal.expect_order((Side::B, "fence"), (Side::B, "fenced"));
    pair.journal.expect_order((Side::B, "fenced"), (Side::B, "activate"));
    assert_eq!(pair.journal.count(Side::B, "fence"), 1, "{}", pair.journal.text());
    assert_eq!(told(&pair), format!("fence silent 10.0.0.1 {RESOURCE} 1\n"));
    pair[Side::B].log.wait("the peer's host is off", AT_ONCE);
    let (_, history) = on(&pair, &cable, Side::B, &["history", RESOURCE]);
    assert!(
        history.contains("fence-action has confirmed that the peer's host is off, in run 1"),
        "{history}"
    );
}

#[test]
fn a_fence_that_fails_is_told_and_the_service_goes_on_under_available() {
    const NAME: &str = "a_fence_that_fails_is_told_and_the_service_goes_on_under_available";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let core = "fence-action = {folder}/fence-{own}\nfence-retries = 1";
    let mut pair = pair(&cable, core, FAILS);
    pair[Side::A].kill();
    pair.wait_hot(Side::B, pair.timeout() + Duration::from_secs(3));
    assert_eq!(pair.journal.count(Side::B, "fence"), 2, "{}", pair.journal.text());
    let log = &pair[Side::B].log;
    let failed = "fence-action has failed, in run 2, after ";
    let line = log.wait(failed, AT_ONCE);
    assert!(line.contains("exit status: 1: no answer from the service processor"), "{line}");
    log.wait("THE PEER'S HOST IS NOT KNOWN TO BE OFF", AT_ONCE);
    let metrics = pair[Side::B].page("metrics");
    assert!(metrics.contains("schrittmacher_fences_total{outcome=\"not-confirmed\"} 1"), "{metrics}");
}

#[test]
fn a_fence_that_hangs_is_ended_and_under_manual_an_operator_decides() {
    const NAME: &str = "a_fence_that_hangs_is_ended_and_under_manual_an_operator_decides";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let core = "fence-action = {folder}/fence-{own}\nfence-retries = 0\nfence-timeout = 2\npolicy = manual";
    let mut pair = pair(&cable, core, HANGS);
    pair[Side::A].kill();
    wait_for("the fence to be shown", pair.timeout() + AT_ONCE, || {
        let (_, status) = on(&pair, &cable, Side::B, &["status"]);
        status.contains("waits for the peer's host to be off (`fence-action`), which has begun").then_some(())
    });
    let line = pair[Side::B].log.wait("fence-action has failed, in run 1, after 2", Duration::from_secs(4));
    assert!(line.contains("`fence-timeout` of 2 s: asking"), "{line}");
    pair[Side::B].log.wait("order a takeover by force (`policy = manual`)", AT_ONCE);
    pair.stays_for(3.0);
    assert_eq!(pair.journal.count(Side::B, "fence"), 1, "{}", pair.journal.text());
    let (_, status) = on(&pair, &cable, Side::B, &["status"]);
    assert!(status.contains("not confirmed 1 time(s); takeover by force does not wait for it"), "{status}");
    let (code, said) = on(&pair, &cable, Side::B, &["takeover", RESOURCE]);
    assert!(code != 0 && said.contains("takeover by force goes on"), "{code} {said}");
    assert_eq!(on(&pair, &cable, Side::B, &["takeover", RESOURCE, "--force"]).0, 0);
    pair.wait_hot(Side::B, AT_ONCE);
    pair[Side::B].log.wait("takeover by force from a silent peer", AT_ONCE);
}

#[test]
fn a_peer_that_is_heard_again_keeps_its_role_and_the_end_of_the_fence_counts_for_nothing() {
    const NAME: &str =
        "a_peer_that_is_heard_again_keeps_its_role_and_the_end_of_the_fence_counts_for_nothing";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let mut pair = pair(&cable, FENCE, WAITS);
    cable.cut();
    wait_for("the fence to begin", pair.timeout() + AT_ONCE, || {
        pair.journal.has(Side::B, "fence").then_some(())
    });
    cable.heal();
    let log = &pair[Side::B].log;
    log.wait("the peer is heard again while its host is fenced: nothing is taken over", AT_ONCE);
    fs::write(pair.folder().join("end"), "").unwrap();
    log.wait("an operator has decided: it counts for nothing", AT_ONCE);
    pair.settles(Side::A, Duration::ZERO);
    assert!(!pair.journal.has(Side::B, "activate"), "{}", pair.journal.text());
    let metrics = pair[Side::B].page("metrics");
    assert!(metrics.contains("schrittmacher_fences_total{outcome=\"in-vain\"} 1"), "{metrics}");
    // What was said of the silence before does not count for the next one.
    pair.forget();
    cable.cut();
    pair.wait_hot(Side::B, pair.timeout() + Duration::from_secs(1));
    assert_eq!(pair.journal.count(Side::B, "fence"), 1, "{}", pair.journal.text());
}

/// Hundreds of resources of one host.
#[test]
fn many_resources_share_one_fence() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip("many_resources_share_one_fence", why),
    };
    let mut core = FENCE.to_owned();
    for number in 0..60 {
        let file = format!("{{folder}}/serves-{{own}}-{number}");
        let _ = write!(
            core,
            "\ngroup = resource\nname = r{number}\npriority = -{{own}}\ncheck-command = test -e {file}\ncheck-interval = 1\n\
             start-action = touch {file}\nstop-action = rm -f {file}"
        );
    }
    let pair = pair(&cable, Box::leak(core.into_boxed_str()), WORKS);
    let serving = |side: usize| {
        let names = fs::read_dir(pair.folder()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(&format!("serves-{side}-"))).count()
    };
    wait_for("all to be hot on A", Duration::from_secs(30), || (serving(1) == 60).then_some(()));
    assert_eq!(serving(2), 0);
    cable.cut();
    wait_for("all to be hot on B", Duration::from_secs(30), || (serving(2) == 60).then_some(()));
    pair.wait_hot(Side::B, AT_ONCE);
    assert_eq!(pair.journal.count(Side::B, "fence"), 1, "{}", pair.journal.text());
}

/// Both of two resources have to be silent: the peer is alive, and its configuration lacks one.
#[test]
fn a_host_that_is_heard_for_another_resource_is_not_fenced() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip("a_host_that_is_heard_for_another_resource_is_not_fenced", why),
    };
    let core = "fence-action = {folder}/fence-{own}\npolicy = manual\n\
                group = resource\nname = only-{own}\ncheck-command = test -e {folder}/only-{own}\n\
                start-action = touch {folder}/only-{own}\nstop-action = rm -f {folder}/only-{own}";
    let pair = pair(&cable, core, WORKS);
    let waits = "the peer is heard, but not for this resource: its host is not fenced";
    for side in [Side::A, Side::B] {
        wait_for(waits, Duration::from_secs(20), || pair[side].log.text().contains(waits).then_some(()));
    }
    holds_for(Duration::from_secs(1), || {
        if pair.is_settled(Side::A) { Ok(()) } else { Err("not settled".to_owned()) }
    });
    assert_eq!(told(&pair), "", "nobody was fenced");
}

/// Prints what a fence costs: from the death of the hot host to the start of the application on the other one.
#[test]
fn the_take_over_is_as_much_later_as_the_fence_takes() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip("the_take_over_is_as_much_later_as_the_fence_takes", why),
    };
    let took = |core: &'static str, script: &str| {
        let mut pair = pair(&cable, core, script);
        let began = Instant::now();
        pair[Side::A].kill();
        wait_for("the start", Duration::from_secs(10), || pair.journal.has(Side::B, "start").then_some(()));
        let took = began.elapsed();
        pair.wait_hot(Side::B, AT_ONCE);
        took
    };
    for round in 0..5 {
        let without = took("", "");
        let at_once = took(FENCE, "exit 0");
        let one_second = took(FENCE, "sleep 1");
        println!(
            "round {round}: without a fence {without:?}, with one that ends at once {at_once:?}, that takes 1 s {one_second:?}"
        );
        assert!(without >= Duration::from_millis(800), "{without:?}");
        assert!(one_second >= Duration::from_millis(1800), "{one_second:?}");
    }
}
