//! Inputs that brought the legacy daemon down and must not harm ours. There are more in `hostile` and beside the
//! parts of the code; `docs/compatibility.md` names all of them.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use schrittmacher_harness::{
    AT_ONCE, Cable, EndOnDrop, PORT, Pair, RESOURCE, Reporter, Setup, Side, program, report, retry, skip,
    wait_for,
};

/// Sends valid datagrams as fast as a legacy storm, from this address to these, until `end`.
fn blast(from: IpAddr, to: IpAddr, codes: &[&str], end: &AtomicBool) {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    for code in codes.iter().cycle() {
        if end.load(Ordering::Relaxed) {
            return;
        }
        for port in [PORT, PORT + 1] {
            // The daemon may not listen yet: that is the case under test.
            let _ = socket.send_to(report(code, RESOURCE).as_bytes(), (to, port));
        }
        // Some 20,000 a second from the three of them, and something is left of the machine.
        thread::sleep(Duration::from_micros(100));
    }
}

/// A datagram between bind and start wedged the legacy daemon in one start of two: no datagrams, no end. The page is
/// asked meanwhile, which crashed it, too. SIGTERM ends each daemon here.
#[test]
fn datagrams_that_arrive_while_it_starts() {
    let mut pair = Pair::new(Setup::default());
    let (us, peer) = (pair[Side::A].address, pair[Side::B].address);
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let _guard = EndOnDrop(&end);
        scope.spawn(|| blast(peer, us, &["UNK", "TREQ", "TCNF", "HOTT", "2HOT", "FAIL", "TREJ"], &end));
        scope.spawn(|| blast(us, us, &["LHOT", "LSBY", "LUNK", "LFAI", "LRTO", "LRFO"], &end));
        for _ in 0..8 {
            pair.start_daemon(Side::A);
            pair[Side::A].wait_page();
            pair[Side::A].log.wait_in_run("peer is heard", AT_ONCE);
            for _ in 0..10 {
                let page = pair[Side::A].page("");
                assert!(page.starts_with("HTTP/1.1 200") || page.starts_with("HTTP/1.1 503"), "{page}");
            }
            pair[Side::A].daemon().signal(Signal::SIGTERM);
            pair[Side::A].daemon().signal(Signal::SIGTERM);
            assert_eq!(pair[Side::A].daemon().wait_code(Duration::from_secs(1)), 0);
        }
    });
    assert!(!pair[Side::A].stderr.has("defect in the program"), "{}", pair[Side::A].stderr.text());
}

/// D22, D23: fields of the wrong type poisoned the lock of a hot daemon, its page, and its peer.
#[test]
fn fields_of_the_wrong_type() {
    let mut pair = Pair::new(Setup { priority: [10, 0], ..Setup::default() });
    let us = SocketAddr::new(pair[Side::A].address, PORT);
    let peer = UdpSocket::bind((pair[Side::B].address, PORT)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let app = UdpSocket::bind((us.ip(), 0)).unwrap();
    pair[Side::A].start_app("--start-as hot");
    pair.start_daemon(Side::A);
    pair.wait_hot(Side::A, Duration::from_secs(2));
    // Until the answer is the wanted one, for there is a limit of ten a second.
    let answers = |text: &str, wanted: &str| {
        let mut buffer = [0; 2000];
        wait_for(&format!("{wanted} to {text}"), Duration::from_secs(2), || {
            peer.send_to(text.as_bytes(), us).unwrap();
            let (length, _) = retry(|| peer.recv_from(&mut buffer)).unwrap();
            let message: serde_json::Value = serde_json::from_slice(&buffer[..length]).unwrap();
            assert!(message.get("reason").is_none_or(serde_json::Value::is_string), "{message}");
            (message["status"] == wanted).then_some(())
        });
    };
    for value in ["null", "[]", "[1]", "{}", r#"{"a":[1]}"#, "5.5", "true", r#""x""#] {
        for key in ["priority", "random"] {
            answers(&format!(r#"{{"resource":"{RESOURCE}","status":"TREQ","{key}":{value}}}"#), "TREJ");
        }
        for key in ["host", "type", "pid", "heartbeat-ms", "reason"] {
            let text = format!(r#"{{"resource":"{RESOURCE}","status":"LHOT","{key}":{value}}}"#);
            app.send_to(text.as_bytes(), us).unwrap();
            answers(&format!(r#"{{"resource":"{RESOURCE}","status":"STBY","{key}":{value}}}"#), "HOTT");
        }
        answers(&format!(r#"{{"resource":{value},"status":{value}}}"#), "HOTT");
        assert!(pair[Side::A].page("").starts_with("HTTP/1.1 200"), "{value}");
    }
    assert_eq!(pair[Side::A].log.state(), "Hot");
}

/// D13: one forged TCNF made two failed legacy daemons exchange 19,000 datagrams a second.
#[test]
fn a_forged_tcnf_between_two_that_have_failed() {
    // Between two that name their runs it would not even be heard.
    let core = "log-level = debug\nextensions = off";
    let setup = Setup { core, stop: Some("{note}"), ..Setup::default() };
    let mut pair = Pair::new(setup);
    pair.start(Side::A);
    for side in [Side::B, Side::A] {
        pair[side].tell_app("fail");
        pair[side].log.wait_state("failed", AT_ONCE);
    }
    let said =
        |pair: &Pair| pair[Side::A].log.text().lines().filter(|line| line.contains("to peer:")).count();
    let (before, began) = (said(&pair), Instant::now());
    for side in [Side::A, Side::B] {
        let forger = UdpSocket::bind((pair[side.other()].address, 0)).unwrap();
        for code in ["TCNF", "TREJ", "TREQ", "TCNF"] {
            forger.send_to(report(code, RESOURCE).as_bytes(), (pair[side].address, PORT)).unwrap();
        }
    }
    pair.stays();
    let beats = began.elapsed().as_millis() / 200;
    let answers = said(&pair) - before;
    assert!(answers < usize::try_from(beats).unwrap() + 20, "{answers} datagrams in {beats} heartbeats");
    pair[Side::A].log.wait_state("failed", AT_ONCE);
}

/// The legacy daemon talked to itself for ever.
#[test]
fn an_own_address_as_that_of_the_peer() {
    const NAME: &str = "an_own_address_as_that_of_the_peer";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    cable.add_address(Side::A, "10.0.0.9/24");
    for peer in ["10.0.0.1", "10.0.0.9"] {
        let mut pair = Pair::at(Setup::default(), &cable, ["10.0.0.1", peer]);
        pair.start_daemon(Side::A);
        assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 78, "{peer}");
        assert!(pair[Side::A].stderr.text().contains(peer), "{}", pair[Side::A].stderr.text());
    }
}

/// D20, many times: no call may fail for being interrupted.
#[test]
fn a_storm_of_signals() {
    let mut pair = Pair::new(Setup { timeout: 2.0, ..Setup::default() });
    pair.start(Side::A);
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let guard = EndOnDrop(&end);
        let daemon = pair[Side::A].daemon();
        scope.spawn(|| {
            for round in 0.. {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                for signal in [Signal::SIGCHLD, Signal::SIGCONT, Signal::SIGWINCH, Signal::SIGURG] {
                    daemon.signal(signal);
                }
                if round % 200 == 0 {
                    daemon.signal(Signal::SIGHUP);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        pair.stays_for(4.0);
        assert!(!pair[Side::B].log.has("peer is silent"), "{}", pair[Side::B].log.text());
        drop(guard);
    });
    assert_eq!(pair[Side::B].log.transitions(), []);
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
}

/// The time of day has no effect on heartbeats and timeouts. Only texts use it.
#[test]
fn the_wall_clock_jumps_by_a_day() {
    const NAME: &str = "the_wall_clock_jumps_by_a_day";
    let mut pair = Pair::new(Setup { timeout: 2.0, ..Setup::default() });
    let Some(library) = clock_shift(&pair) else { return skip(NAME, "no C compiler") };
    let shift = pair.folder().join("shift");
    fs::write(&shift, "0").unwrap();
    pair[Side::A].environment = vec![("LD_PRELOAD", library), ("CLOCK_SHIFT", shift.clone())];
    pair.start(Side::A);
    let day = |pair: &Pair| {
        pair[Side::A].daemon().signal(Signal::SIGHUP);
        pair[Side::A].log.wait("the new configuration is in force", AT_ONCE)[..10].to_owned()
    };
    let mut before = day(&pair);
    // Forward, back by two, and right again: by more than any timeout there is.
    for seconds in ["86400", "-86400", "0"] {
        pair.forget();
        fs::write(&shift, seconds).unwrap();
        let after = day(&pair);
        assert_ne!(before, after, "the log does not follow the clock of its host");
        before = after;
        pair.stays_for(3.0);
        assert_eq!(pair[Side::A].log.transitions(), []);
        assert_eq!(pair[Side::B].log.transitions(), []);
        assert!(!pair[Side::A].log.has("peer is silent"), "{}", pair[Side::A].log.text());
    }
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair.settles(Side::B, Duration::ZERO);
}

/// A library that shifts the wall clock of one process.
fn clock_shift(pair: &Pair) -> Option<PathBuf> {
    let (source, library) = (pair.folder().join("shift.c"), pair.folder().join("shift.so"));
    fs::write(&source, include_str!("clock_shift.c")).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    built.is_ok_and(|status| status.success()).then_some(library)
}

/// D24, D25, D28: two of three commands had another resource's environment, and each left a descriptor.
#[test]
fn twelve_resources_switch_together() {
    let mut pair = Pair::new(Setup { timeout: 6.0, ..Setup::default() });
    let names: Vec<String> = (0..12).map(|number| format!("r{number}")).collect();
    for host in [Side::A, Side::B] {
        twelve_resources(&pair, host, &names);
    }
    let done = |pair: &Pair, side: Side, action: &str| {
        let text = fs::read_to_string(pair[side].files.orders()).unwrap_or_default();
        text.lines().filter(|line| line.contains(&format!(" {action} "))).count()
    };
    let descriptors = |pair: &Pair, side: Side| {
        fs::read_dir(format!("/proc/{}/fd", pair[side].daemon().pid())).unwrap().count()
    };
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let _guard = EndOnDrop(&end);
        for side in [Side::A, Side::B] {
            let reporter = Reporter {
                to: (pair[side].address, PORT + 1).into(),
                resources: names.clone(),
                orders: pair[side].files.orders(),
                switching: Duration::ZERO,
            };
            reporter.run(scope, &end);
        }
        pair.start_daemon(Side::A);
        let second = Duration::from_secs(1);
        wait_for("all on a", 9 * second, || (done(&pair, Side::A, "start") == 12).then_some(()));
        pair.start_daemon(Side::B);
        // The applications there are standby already: only what an earlier run may have left is taken down.
        wait_for("none on b", second, || (done(&pair, Side::B, "deactivate") >= 12).then_some(()));
        let mut from = Side::A;
        for round in 1..=4 {
            let to = from.other();
            let (started, before) = (done(&pair, to, "start"), descriptors(&pair, to));
            wait_all(&pair, to, "Standby");
            // All at once.
            pair[from].daemon().signal(Signal::SIGTERM);
            assert_eq!(pair[from].daemon().wait_code(second), 0, "round {round}");
            wait_for("all started", second, || (done(&pair, to, "start") >= started + 12).then_some(()));
            wait_all(&pair, to, "Hot");
            wait_for("no descriptor left over", second, || (descriptors(&pair, to) <= before).then_some(()));
            pair.start_daemon(from);
            wait_all(&pair, from, "Standby");
            from = to;
        }
    });
    for side in [Side::A, Side::B] {
        every_command_had_its_own_environment(&pair, side, &names);
    }
}

/// Waits until a side is in this state with all twelve, as the page says.
fn wait_all(pair: &Pair, side: Side, state: &str) {
    pair[side].wait_page();
    wait_for(&format!("all of {} to be {state}", side.name()), Duration::from_secs(3), || {
        let page = pair[side].page("");
        (0..12).all(|number| page.contains(&format!("<td>r{number}</td><td>{state}</td>"))).then_some(())
    });
}

/// Puts twelve resources into the place of the one.
fn twelve_resources(pair: &Pair, side: Side, names: &[String]) {
    let file = pair[side].files.config();
    let text = fs::read_to_string(&file).unwrap();
    let mut text = text
        .split("group = resource")
        .next()
        .unwrap()
        .replace("http-port", "shared-address = 10.9.9.9\nhttp-port");
    let orders = pair[side].files.orders().display().to_string();
    for name in names {
        text += &format!("group = resource\nname = {name}\n");
        for (key, action) in [
            ("start-action", "start"),
            ("stop-action", "stop"),
            ("interface-activate", "activate"),
            ("interface-announce", "announce"),
            ("interface-deactivate", "deactivate"),
        ] {
            // The command's own values, behind those from its environment.
            text += &format!(
                "{key} = echo $RESOURCE_NAME $ACTION $LOCAL_ADDRESS $REMOTE_ADDRESS $SHARED_ADDRESS \
                 {name} {action} >>{orders}\n"
            );
        }
    }
    fs::write(file, text).unwrap();
}

fn every_command_had_its_own_environment(pair: &Pair, side: Side, names: &[String]) {
    let addresses = format!("{} {} 10.9.9.9", pair[side].address, pair[side.other()].address);
    let text = fs::read_to_string(pair[side].files.orders()).unwrap();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, action, .., itself, did] = words.as_slice() else { panic!("{line}") };
        assert_eq!(line, format!("{itself} {did} {addresses} {itself} {did}"), "{name} {action}");
    }
    // D25: for each, the address first up and last down. Orders may be repeated (X2), and an address that the peer may
    // have had as well is announced again (edge-2).
    for name in names {
        let mine = text.lines().filter_map(|line| line.strip_prefix(&format!("{name} ")));
        let mut actions: Vec<&str> = mine.filter_map(|rest| rest.split(' ').next()).collect();
        actions.retain(|&action| action != "announce");
        actions.dedup();
        let wrong = actions.windows(2).find(|pair| {
            matches!(pair, ["activate", "stop" | "deactivate"] | ["start", "activate" | "deactivate"])
        });
        assert_eq!(wrong, None, "{name} on {}: {actions:?}", side.name());
    }
}

/// A file that is missing or unreadable is an error, not a configuration without resources. An unwritable one is
/// reported.
#[test]
fn a_configuration_that_is_broken_in_every_way() {
    let pair = Pair::new(Setup::default());
    let good = fs::read_to_string(pair[Side::A].files.config()).unwrap();
    let without = |key: &str| {
        good.lines().filter(|line| !line.starts_with(key)).map(|line| format!("{line}\n")).collect::<String>()
    };
    let broken: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "core"),
        (b"\xff\xfe\0g".to_vec(), "UTF-8"),
        (without("remote-address").into_bytes(), "remote-address"),
        (without("local-address").into_bytes(), "local-address"),
        (without("port").into_bytes(), "port"),
        (without("name").into_bytes(), "name"),
        (good.replace("priority", "name = service\npriority").into_bytes(), "name"),
        (good.replace("start-action", "start-action = a\nstart-action").into_bytes(), "start-action"),
        (good.replace("group = core", "group = core\nport = 1").into_bytes(), "port"),
    ];
    let file = pair.folder().join("broken.conf");
    let run = || Command::new(program("schrittmacher")).arg(&file).output().unwrap();
    for (text, named) in broken {
        fs::write(&file, &text).unwrap();
        let output = run();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{named}: {complaint}");
        assert!(complaint.contains("broken.conf") && complaint.contains(named), "{named}: {complaint}");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(run().status.code(), Some(66));
    fs::create_dir(&file).unwrap();
    assert_eq!(run().status.code(), Some(66));
}
