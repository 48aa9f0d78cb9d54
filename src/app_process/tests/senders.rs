//! Pids in messages.

use super::*;

const SLEEP: &str = "exec sleep 100";

#[test]
fn process_that_names_itself_is_believed_and_signalled() {
    let mut bench = Bench::new();
    let app = bench.sender(
        &[],
        "trap 'echo hot >&3' USR1; trap 'echo standby >&3' USR2; echo up >&3
                                 while :; do sleep 0.05; done",
    );
    assert_eq!(bench.message().0, "up");
    bench.named_twice(app.pid, app.source);
    assert_eq!(bench.believed(), Some(app.pid), "{:?}", bench.doubt());
    bench.processes.signal(0, Signal::SIGUSR1, bench.now).expect("a signal");
    assert_eq!(bench.message().0, "hot");
    bench.processes.signal(0, Signal::SIGUSR2, bench.now).expect("a signal");
    assert_eq!(bench.message().0, "standby");
}

#[test]
fn one_message_or_two_in_a_second_are_not_enough() {
    let mut bench = Bench::new();
    let app = bench.sender(&[], SLEEP);
    for milliseconds in [0, 500, 999] {
        bench.heard(app.pid, app.source, milliseconds);
    }
    assert!(bench.processes.signal(0, Signal::SIGKILL, bench.now).is_err());
    assert!(!bench.has_event(WAKER, Duration::from_millis(200)), "nothing to prove yet");
    bench.heard(app.pid, app.source, 1000);
    bench.worker();
    assert_eq!(bench.believed(), Some(app.pid));
}

#[test]
fn end_of_the_believed_process_is_reported_once() {
    let mut bench = Bench::new();
    let mut app = bench.sender(&[], SLEEP);
    bench.named_twice(app.pid, app.source);
    // Nobody has waited for it yet: that must make no difference.
    app.child.0.kill().expect("a process");
    bench.event(PROCESS);
    assert!(bench.processes.on_pidfd(0));
    assert!(!bench.processes.on_pidfd(0));
    assert_eq!(bench.believed(), None);
    assert!(bench.processes.signal(0, Signal::SIGUSR1, bench.now).is_err());
    app.child.end();

    let next = bench.sender(&[], SLEEP);
    bench.named_twice(next.pid, next.source);
    assert_eq!(bench.believed(), Some(next.pid), "a later message from another living process");
}

/// A legacy application that forks after init reports its parent's number for ever.
#[test]
fn dead_process_is_not_believed() {
    let mut bench = Bench::new();
    let app = bench.sender(&[], SLEEP);
    let mut parent = Guarded::sleeper(&[]);
    parent.0.kill().expect("a process");
    // Not waited for, it still has its number.
    let ended = || {
        std::fs::read_to_string(format!("/proc/{}/stat", parent.pid()))
            .is_ok_and(|stat| stat.contains(") Z "))
    };
    let began = Instant::now();
    while !ended() {
        assert!(began.elapsed() < GUARD);
        std::thread::yield_now();
    }
    bench.heard(parent.pid(), app.source, 0);
    assert_eq!(bench.doubt(), Some(Doubt::Dead));
    bench.processes.resources[0].refused = None;
    parent.end();
    bench.heard(parent.pid(), app.source, 1000);
    assert_eq!(bench.doubt(), Some(Doubt::Dead));
    assert_eq!(bench.believed(), None);
}

#[test]
fn process_that_dies_between_two_messages_is_not_believed() {
    let mut bench = Bench::new();
    let app = bench.sender(&[], SLEEP);
    let mut other = Guarded::sleeper(&[]);
    bench.heard(other.pid(), app.source, 0);
    other.end();
    bench.heard(other.pid(), app.source, 1000);
    assert_eq!(bench.doubt(), Some(Doubt::Dead));
}

/// A reporter that runs for one message only has closed its socket by the time of the proof.
#[test]
fn sender_whose_socket_is_closed_proves_nothing() {
    let mut bench = Bench::new();
    let mut reporter = bench.sender(&[], "exit");
    reporter.child.0.wait().expect("its end");
    let named = Guarded::sleeper(&[]);
    bench.named_twice(named.pid(), reporter.source);
    assert_eq!(bench.doubt(), Some(Doubt::NoSocket));
    assert_eq!(bench.believed(), None);
}

/// D42: the legacy signalled any process that anybody named, as root.
#[test]
fn nobody_may_not_name_a_process_of_root() {
    if !is_root_for("nobody_may_not_name_a_process_of_root") {
        return;
    }
    let mut bench = Bench::new();
    let intruder = bench.sender(&NOBODY, SLEEP);
    let victim = Guarded::sleeper(&[]);
    bench.named_twice(victim.pid(), intruder.source);
    assert_eq!(bench.doubt(), Some(Doubt::OtherUser { process: 0, sender: 65534 }));
    assert_eq!(bench.believed(), None);

    bench.named_twice(intruder.pid, intruder.source);
    assert_eq!(bench.believed(), Some(intruder.pid), "but itself: {:?}", bench.doubt());
}

/// door-2: a process that sends for another one proves nothing, even if it belongs to root.
#[test]
fn only_a_process_that_has_the_socket_is_believed() {
    let mut bench = Bench::new();
    let sender = bench.sender(&[], SLEEP);
    let named = Guarded::sleeper(&[]);
    bench.named_twice(named.pid(), sender.source);
    assert_eq!((bench.believed(), bench.doubt()), (None, Some(Doubt::OtherSender)));
}

/// edge-18: the old process ends when its successor has been hot for seconds; that is no failure.
#[test]
fn successor_that_is_hot_takes_the_place_of_a_process_that_still_reports() {
    let mut bench = Bench::new();
    let old = bench.sender(&[], SLEEP);
    bench.named_twice(old.pid, old.source);
    // Younger by a tick of the kernel's clock at least.
    let mut new = bench.sender(&[], SLEEP);
    while began(new.pid) <= began(old.pid) {
        new = bench.sender(&[], SLEEP);
    }
    for milliseconds in [20_000, 20_500] {
        bench.says(old.pid, AppCode::Lhot, old.source, milliseconds);
        bench.says(new.pid, AppCode::Lsby, new.source, milliseconds);
    }
    bench.says(old.pid, AppCode::Lhot, old.source, 21_000);
    bench.says(new.pid, AppCode::Lsby, new.source, 21_000);
    assert!(!bench.has_event(WAKER, Duration::from_millis(200)), "not while it is standby");
    bench.says(new.pid, AppCode::Lhot, new.source, 21_100);
    bench.worker();
    assert_eq!(bench.believed(), Some(new.pid), "{:?}", bench.doubt());

    // The older one cannot push it out again.
    bench.says(old.pid, AppCode::Lhot, old.source, 22_000);
    bench.says(new.pid, AppCode::Lhot, new.source, 23_000);
    bench.says(old.pid, AppCode::Lhot, old.source, 23_100);
    bench.worker();
    assert_eq!(bench.believed(), Some(new.pid));
    drop(old);
    assert!(!bench.has_event(PROCESS, Duration::from_millis(200)), "its end means nothing");
}

/// `docs/adr/0090-a-second-process.md`
#[test]
fn a_second_process_counts_only_if_it_is_hot_or_the_first_is_silent() {
    use AppCode::{L2ht, L2sb, Lfai, Lhot, Lrfo, Lsby, Lunk};
    let mut bench = Bench::new();
    let (first, second) = (bench.sender(&[], SLEEP), bench.sender(&[], SLEEP));
    assert!(bench.says(second.pid, Lunk, second.source, 0), "no process is believed");
    bench.named_twice(first.pid, first.source);
    assert!(bench.says(first.pid, Lhot, first.source, 20_000));
    for (code, counts) in
        [(Lunk, false), (Lsby, false), (L2ht, false), (L2sb, false), (Lhot, true), (Lfai, true), (Lrfo, true)]
    {
        assert_eq!(bench.says(second.pid, code, second.source, 20_100), counts, "{code}");
    }
    let patience = u64::try_from((resource("smsc").app_timeout / 2).as_millis()).expect("a small number");
    assert!(!bench.says(second.pid, Lsby, second.source, 20_000 + patience - 1));
    assert!(bench.says(second.pid, Lsby, second.source, 20_000 + patience), "the first is silent");
    assert!(bench.says(first.pid, Lhot, first.source, 40_000));
    drop(first);
    assert!(bench.says(second.pid, Lsby, second.source, 40_001), "the first has ended");
}

#[test]
fn number_of_another_pid_namespace_is_not_believed() {
    if !is_root_for("number_of_another_pid_namespace_is_not_believed")
        || !unshare_works("number_of_another_pid_namespace_is_not_believed")
    {
        return;
    }
    let mut bench = Bench::new();
    let inside = bench.sender(&["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"], SLEEP);
    assert!(inside.pid < 10, "numbers begin anew in there");
    let namesake = Guarded::sleeper(&[]);
    bench.named_twice(namesake.pid(), inside.source);
    assert_eq!(bench.doubt(), Some(Doubt::OtherSender), "even when root says it");
    assert_eq!(bench.believed(), None);
}

#[test]
fn daemon_and_init_are_never_the_application() {
    let mut bench = Bench::new();
    let app = bench.sender(&[], SLEEP);
    for pid in [0, 1, std::process::id()] {
        bench.processes.resources[0].refused = None;
        bench.heard(pid, app.source, 20_000);
        assert_eq!(bench.doubt(), Some(Doubt::Reserved), "{pid}");
    }
    // run-6: in a container the application's own number is mostly 1.
    let text = bench.processes.doubt(0).expect("a reason");
    assert!(text.contains("in a container") && text.contains("`pid-file` can name the process"), "{text}");
    for pid in [u32::MAX, i32::MAX.unsigned_abs()] {
        bench.heard(pid, app.source, 30_000);
        assert_eq!(bench.doubt(), Some(Doubt::Dead), "{pid}");
    }
}

#[test]
fn living_process_gives_way_only_after_silence() {
    let mut bench = Bench::new();
    let old = bench.sender(&[], SLEEP);
    let new = bench.sender(&[], SLEEP);
    bench.heard(old.pid, old.source, 0);
    bench.heard(old.pid, old.source, 1000);
    bench.worker();
    assert_eq!(bench.believed(), Some(old.pid));
    // Half of an app-timeout of 10 s.
    for milliseconds in [2000, 3000, 5999] {
        bench.heard(new.pid, new.source, milliseconds);
    }
    assert!(!bench.has_event(WAKER, Duration::from_millis(200)), "both report: the first one stays");
    bench.heard(new.pid, new.source, 6000);
    bench.worker();
    assert_eq!(bench.believed(), Some(new.pid));

    drop(old);
    assert!(!bench.has_event(PROCESS, Duration::from_millis(200)), "the end of the old one means nothing");
    drop(new);
    bench.event(PROCESS);
    assert!(bench.processes.on_pidfd(0));
}

#[test]
fn failed_proof_is_tried_again_but_not_with_every_message() {
    let mut bench = Bench::new();
    let app = bench.sender(&[], SLEEP);
    let nowhere = SocketAddr::from(([192, 0, 2, 1], 9));
    bench.named_twice(app.pid, nowhere);
    assert_eq!(bench.doubt(), Some(Doubt::NoSocket));
    let failed = u64::try_from(bench.now.since_origin().as_millis()).expect("a small number");
    bench.heard(app.pid, app.source, failed + 999);
    assert!(!bench.has_event(WAKER, Duration::from_millis(200)));
    bench.heard(app.pid, app.source, failed + 1000);
    bench.worker();
    assert_eq!(bench.believed(), Some(app.pid));
    assert_eq!(bench.doubt(), None);
}

#[test]
fn flood_of_numbers_costs_nothing_and_drives_nobody_out() {
    let mut bench = Bench::new();
    let app = bench.sender(&[], SLEEP);
    let crowd: Vec<Guarded> = (0..25).map(|_| Guarded::sleeper(&[])).collect();
    bench.heard(app.pid, app.source, 0);
    for milliseconds in 0..5000 {
        // Each for 200 ms and never again, so that none has a right to be believed.
        let other = &crowd[usize::try_from(milliseconds / 200).expect("small")];
        bench.heard(other.pid(), app.source, milliseconds);
    }
    assert_eq!(pidfds_of(&crowd), 3, "beside the first one");
    assert!(!bench.has_event(WAKER, Duration::from_millis(200)), "nothing to prove");
    bench.heard(app.pid, app.source, 5000);
    bench.worker();
    assert_eq!(bench.believed(), Some(app.pid));
}

#[test]
fn only_four_new_numbers_a_second_are_looked_at() {
    let mut bench = Bench::new();
    let app = bench.sender(&[], SLEEP);
    // Not one of these exists, so each that is looked at leaves a doubt.
    let looked_at = (0..100_u32).filter(|index| {
        bench.processes.resources[0].refused = None;
        bench.heard(1_000_000_000 + index, app.source, 1000);
        bench.doubt().is_some()
    });
    assert_eq!(looked_at.count(), 4);
}

/// How many pidfds of these processes this program has.
fn pidfds_of(crowd: &[Guarded]) -> usize {
    let infos = std::fs::read_dir("/proc/self/fdinfo").expect("a directory").flatten();
    let texts = infos.filter_map(|info| std::fs::read_to_string(info.path()).ok());
    let named = |text: &String| crowd.iter().any(|child| text.contains(&format!("Pid:\t{}\n", child.pid())));
    texts.filter(named).count()
}

fn unshare_works(test: &str) -> bool {
    let works = Command::new("unshare").args(["--pid", "--fork", "--mount-proc", "true"]).status();
    let works = works.is_ok_and(|status| status.success());
    if !works {
        skip(test, "no pid namespace can be made here");
    }
    works
}
