//! Pids in messages by the application socket.

use std::process::Child;

use super::*;
use crate::app_process::sockets::Sockets;
use crate::app_socket::tests::Door;

const NOBODY_ID: u32 = 65534;

fn door() -> Door {
    Door::new(&resource("smsc"))
}

/// A process that connects as this user and reports as often as it is told.
struct Local {
    app: Guarded,
    sender: Sender,
}

impl Local {
    fn new(door: &mut Door, user: u32) -> Local {
        Local::from(door.bash(user, "echo report >&3; exec sleep 100"), door)
    }

    fn from(child: Child, door: &mut Door) -> Local {
        let app = Guarded(child);
        let (_, sender) = door.hear();
        assert_eq!(sender.pid, app.pid());
        Local { app, sender: Sender::Local(sender) }
    }

    fn pid(&self) -> u32 {
        self.app.pid()
    }
}

fn at(bench: &mut Bench, milliseconds: u64) {
    bench.now = Time::new(Duration::from_millis(milliseconds));
}

/// Lets a process say this, a second apart, and waits for what becomes of it.
fn says_twice(bench: &mut Bench, pid: u32, sender: &Sender) {
    let begin = u64::try_from(bench.now.since_origin().as_millis()).expect("a small number") + 10_000;
    for milliseconds in [begin, begin + 1000] {
        at(bench, milliseconds);
        bench.processes.heard(0, Some(AppCode::Lsby), Some(pid), sender, bench.now);
    }
}

#[test]
fn a_process_that_the_kernel_names_is_believed_if_it_names_itself() {
    let (mut bench, mut door) = (Bench::new(), door());
    let own = nix::unistd::geteuid().as_raw();
    let app = Local::new(&mut door, own);
    says_twice(&mut bench, app.pid(), &app.sender);
    bench.worker();
    assert_eq!(bench.believed(), Some(app.pid()), "{:?}", bench.doubt());

    let (other, named) = (Local::new(&mut door, own), Guarded::sleeper(&[]));
    says_twice(&mut bench, named.pid(), &other.sender);
    assert_eq!((bench.believed(), bench.doubt()), (Some(app.pid()), Some(Doubt::OtherSender)));
    says_twice(&mut bench, 1, &other.sender);
    assert_eq!(bench.believed(), Some(app.pid()));
}

#[test]
fn a_process_that_has_ended_since_is_not_believed() {
    let (mut bench, mut door) = (Bench::new(), door());
    let mut app = Local::new(&mut door, nix::unistd::geteuid().as_raw());
    app.app.end();
    says_twice(&mut bench, app.pid(), &app.sender);
    assert_eq!((bench.believed(), bench.doubt()), (None, Some(Doubt::Dead)));
}

/// door-2: without SCM_PIDFD the number may be another process's by now, but then it has another user.
#[test]
fn a_number_that_has_another_user_now_is_not_believed() {
    if !is_root_for("a_number_that_has_another_user_now_is_not_believed") {
        return;
    }
    let named = Guarded::sleeper(&NOBODY);
    let of = |user| proof::may_name(Claimant::Local { user }, named.pid(), &Sockets::once());
    assert_eq!(of(NOBODY_ID), Ok(NOBODY_ID));
    assert_eq!(of(1000), Err(Doubt::OtherUser { process: NOBODY_ID, sender: 1000 }));
}

/// The kernel says that it is another process. By UDP a program that watches the application may say so.
#[test]
fn a_second_process_that_has_failed_is_not_the_application() {
    let (mut bench, mut door) = (Bench::new(), door());
    let own = nix::unistd::geteuid().as_raw();
    let (app, other) = (Local::new(&mut door, own), Local::new(&mut door, own));
    says_twice(&mut bench, app.pid(), &app.sender);
    bench.worker();
    let says = |bench: &mut Bench, local: &Local| {
        bench.processes.heard(0, Some(AppCode::Lfai), Some(local.pid()), &local.sender, bench.now)
    };
    assert!(!says(&mut bench, &other));
    assert!(says(&mut bench, &app));
}

/// door-4: he who reports first keeps the real application out while he reports.
#[test]
fn root_displaces_a_user_who_was_faster_and_not_the_other_way_round() {
    if !is_root_for("root_displaces_a_user_who_was_faster_and_not_the_other_way_round") {
        return;
    }
    let (mut bench, mut door) = (Bench::new(), door());
    let intruder = Local::new(&mut door, NOBODY_ID);
    says_twice(&mut bench, intruder.pid(), &intruder.sender);
    bench.worker();
    assert_eq!(bench.believed(), Some(intruder.pid()), "{:?}", bench.doubt());

    let app = Local::new(&mut door, 0);
    let start = u64::try_from(bench.now.since_origin().as_millis()).expect("small");
    let both = |bench: &mut Bench, milliseconds| {
        at(bench, start + milliseconds);
        for local in [&intruder, &app] {
            let code = Some(AppCode::Lsby);
            bench.processes.heard(0, code, Some(local.pid()), &local.sender, bench.now);
        }
    };
    both(&mut bench, 100);
    both(&mut bench, 1100);
    assert!(
        bench.processes.heard(0, Some(AppCode::Lsby), Some(app.pid()), &app.sender, bench.now),
        "root counts at once"
    );
    bench.worker();
    assert_eq!(bench.believed(), Some(app.pid()));
    for milliseconds in (2000..12_000).step_by(500) {
        both(&mut bench, milliseconds);
    }
    assert!(!bench.has_event(WAKER, Duration::from_millis(200)), "the intruder has nothing to prove");
    assert_eq!(bench.believed(), Some(app.pid()));
}

/// The same, for an application that reports by UDP.
#[test]
fn root_displaces_a_user_by_udp_too() {
    if !is_root_for("root_displaces_a_user_by_udp_too") {
        return;
    }
    let (mut bench, mut door) = (Bench::new(), door());
    let intruder = Local::new(&mut door, NOBODY_ID);
    says_twice(&mut bench, intruder.pid(), &intruder.sender);
    bench.worker();
    let app = bench.sender(&[], "exec sleep 100");
    let start = u64::try_from(bench.now.since_origin().as_millis()).expect("small");
    for milliseconds in [start + 100, start + 1100] {
        bench.heard(app.pid, app.source, milliseconds);
        bench.processes.heard(0, Some(AppCode::Lsby), Some(intruder.pid()), &intruder.sender, bench.now);
    }
    bench.worker();
    assert_eq!(bench.believed(), Some(app.pid));
}

#[test]
fn the_owner_of_the_pid_file_displaces_everybody_but_root() {
    if !is_root_for("the_owner_of_the_pid_file_displaces_everybody_but_root") {
        return;
    }
    const OWNER: u32 = 4711;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("smsc.pid");
    let mut door = door();
    let intruder = Local::new(&mut door, NOBODY_ID);
    let app = Local::new(&mut door, OWNER);
    std::fs::write(&path, app.pid().to_string()).expect("a file");
    std::os::unix::fs::chown(&path, Some(OWNER), None).expect("an owner");
    let mut bench = Bench::with(|resource| resource.pid_file = Some(path));
    says_twice(&mut bench, intruder.pid(), &intruder.sender);
    bench.worker();
    assert_eq!(bench.believed(), Some(intruder.pid()));

    let start = u64::try_from(bench.now.since_origin().as_millis()).expect("small");
    for milliseconds in [start + 100, start + 1100] {
        at(&mut bench, milliseconds);
        for local in [&intruder, &app] {
            bench.processes.heard(0, Some(AppCode::Lsby), Some(local.pid()), &local.sender, bench.now);
        }
    }
    // The file is read, and names the application.
    bench.worker();
    assert_eq!(bench.believed(), Some(app.pid()), "{:?}", bench.doubt());

    let root = Local::new(&mut door, 0);
    says_twice(&mut bench, root.pid(), &root.sender);
    at(&mut bench, start + 20_000);
    bench.processes.heard(0, Some(AppCode::Lsby), Some(root.pid()), &root.sender, bench.now);
    bench.worker();
    assert_eq!(bench.believed(), Some(root.pid()));
}

/// A user who names ever new processes of his, by either way, takes no place that another one needs.
#[test]
fn a_flood_of_one_user_keeps_no_other_user_out() {
    if !is_root_for("a_flood_of_one_user_keeps_no_other_user_out") {
        return;
    }
    let (mut bench, mut door) = (Bench::new(), door());
    let app = Local::new(&mut door, 4711);
    let crowd: Vec<Local> = (0..6).map(|_| Local::new(&mut door, NOBODY_ID)).collect();
    let by_udp = bench.sender(&[], "exec sleep 100");
    for milliseconds in 10_000..11_000 {
        for other in &crowd {
            at(&mut bench, milliseconds);
            bench.processes.heard(0, Some(AppCode::Lsby), Some(other.pid()), &other.sender, bench.now);
            bench.heard(other.pid(), by_udp.source, milliseconds);
        }
        if milliseconds == 10_500 {
            bench.processes.heard(0, Some(AppCode::Lsby), Some(app.pid()), &app.sender, bench.now);
        }
    }
    at(&mut bench, 11_500);
    bench.processes.heard(0, Some(AppCode::Lsby), Some(app.pid()), &app.sender, bench.now);
    bench.worker();
    while bench.believed().is_none() {
        bench.worker();
    }
    assert_eq!(bench.believed(), Some(app.pid()), "{:?}", bench.doubt());
}
