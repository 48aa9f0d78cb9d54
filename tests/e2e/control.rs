//! The control socket, and `schrittmacherctl` on it: status, orders and reloads that answer.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_config::ControlSocket;
use serde_json::Value;

use schrittmacher_harness::{
    AT_ONCE, Cable, Pair, Process, RESOURCE, Setup, Side, ctl, ctl_in, program, skip, wait_for,
};

fn on(pair: &Pair, side: Side, words: &[&str]) -> (i32, String, String) {
    let config = pair[side].files.config();
    ctl(words.iter().copied().chain(["--config", config.to_str().unwrap()]))
}

fn status(pair: &Pair, side: Side) -> (i32, Value) {
    let (code, output, complaint) = on(pair, side, &["status", "--json"]);
    assert_eq!(complaint, "");
    (code, serde_json::from_str(&output).unwrap())
}

/// The control sockets of a folder.
fn sockets(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension() != Some("app".as_ref()));
    found.sort();
    found
}

#[test]
fn two_daemons_of_one_port_are_asked_and_ordered_apart() {
    let mut pair = Pair::new(Setup { core: "http-control = none", ..Setup::default() });
    pair.start(Side::A);
    assert_eq!(sockets(&pair[Side::A].files.run_directory()).len(), 2, "each has its own");
    for (side, state, peer) in [(Side::A, "hot", "standby"), (Side::B, "standby", "hot")] {
        let (code, told) = status(&pair, side);
        assert_eq!(code, 0, "{told}");
        assert_eq!(told["local_address"], pair[side].address.to_string());
        let resource = &told["resources"][0];
        assert_eq!((&resource["name"], &resource["state"]), (&RESOURCE.into(), &state.into()));
        assert_eq!((&resource["peer"]["state"], &resource["service"]), (&peer.into(), &"protected".into()));
    }
    // The page takes no orders, and the socket does.
    assert!(pair[Side::A].page(&format!("?failover={RESOURCE}")).contains("403"));
    let (code, said, complaint) = on(&pair, Side::A, &["failover", RESOURCE]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert_eq!(said, format!("failover of {RESOURCE}: ordered\n"));
    pair.settles(Side::B, Duration::ZERO);
    let (code, said, complaint) = on(&pair, Side::B, &["takeover", RESOURCE]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(complaint.contains("refused: this side is hot already"), "{complaint}");
    assert_eq!(on(&pair, Side::B, &["takeover", "another"]).0, 66);
    assert_eq!(on(&pair, Side::A, &["takeover", RESOURCE]).0, 0);
    pair.settles(Side::A, Duration::ZERO);
    let (_, told) = status(&pair, Side::A);
    let last = &told["resources"][0]["last_switch"];
    assert_eq!(
        (&last["direction"], &last["cause"]),
        (&"here".into(), &"an operator ordered a takeover".into()),
        "{last}"
    );
}

#[test]
fn status_says_by_its_exit_status_how_the_pair_is() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    assert_eq!(on(&pair, Side::A, &["status", "-q"]), (0, String::new(), String::new()));
    pair[Side::B].tell_app("fail");
    pair[Side::B].log.wait_state("failed", AT_ONCE);
    wait_for("A to hear of the failure", AT_ONCE, || (status(&pair, Side::A).0 == 1).then_some(()));
    let (_, table, _) = on(&pair, Side::A, &["status"]);
    assert!(table.contains("NOT PROTECTED: the peer's application has failed"), "{table}");
    assert!(table.ends_with("the resource is not protected\n"), "{table}");
    pair[Side::A].wait_believed();
    pair[Side::A].app().process.kill();
    wait_for("both to be failed", AT_ONCE, || (status(&pair, Side::A).0 == 2).then_some(()));
    let (_, table, _) = on(&pair, Side::A, &["status"]);
    assert!(table.contains("NO SIDE IS HOT: the applications of both sides have failed"), "{table}");
    pair[Side::A].kill();
    let (code, _, complaint) = on(&pair, Side::A, &["reload"]);
    assert_eq!(code, 69);
    assert!(complaint.contains("no daemon runs: the control socket "), "{complaint}");
}

/// edge-11: a reload answers, and a file that is wrong changes nothing.
#[test]
fn a_reload_answers_when_it_is_in_force_or_with_every_error() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let file = pair[Side::A].files.config();
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.replace("priority = 0", "priority = 7\nnonsense\npreempt = perhaps")).unwrap();
    pair.forget();
    let (code, said, complaint) = on(&pair, Side::A, &["reload"]);
    assert_eq!((code, said.as_str()), (78, ""));
    assert!(complaint.contains("nothing has changed"), "{complaint}");
    assert_eq!(complaint.matches("a.conf:").count(), 2, "{complaint}");
    assert!(complaint.contains("no `=` in \"nonsense\"") && complaint.contains("`preempt`"), "{complaint}");
    assert_eq!(status(&pair, Side::A).1["resources"][0]["priority"], 0);

    let (code, _, complaint) = on(&pair, Side::A, &["reload", "--dry-run"]);
    assert_eq!((code, complaint.matches("a.conf:").count()), (78, 2), "{complaint}");

    fs::write(&file, good.replace("priority = 0", "priority = 7")).unwrap();
    let (code, said, complaint) = on(&pair, Side::A, &["reload", "--dry-run"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let verdict = "a dry run: the file can be put in force, nothing has changed yet";
    assert_eq!(said, format!("~ {RESOURCE}: priority 0 -> 7\n{verdict}\n"));
    assert_eq!(status(&pair, Side::A).1["resources"][0]["priority"], 0);
    let other = good
        .replace(&format!("\nname = {RESOURCE}"), "\nname = other")
        .replace("start-action = ", "start-action = : ");
    fs::write(&file, other).unwrap();
    let (code, said, _) = on(&pair, Side::A, &["reload", "--dry-run"]);
    let hot = "hot here: handed over, if the other side can take over";
    assert_eq!((code, said), (0, format!("- {RESOURCE}: {hot}\n+ other\n{verdict}\n")));

    fs::write(&file, good.replace("priority = 0", "priority = 7")).unwrap();
    let (code, said, complaint) = on(&pair, Side::A, &["reload"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert_eq!(said, format!("the file is in force; changed: {RESOURCE}\n"));
    assert_eq!(status(&pair, Side::A).1["resources"][0]["priority"], 7);
    fs::write(&file, good.replace("\nport = 7700", "\nport = 7702")).unwrap();
    let socket = sockets(&pair[Side::A].files.run_directory()).remove(0);
    let (code, _, complaint) = ctl(["reload", "--socket", socket.to_str().unwrap()]);
    assert_eq!(code, 78);
    assert!(complaint.contains("`port` can't change while the daemon runs"), "{complaint}");
    assert_eq!(pair[Side::A].log.transitions(), []);
}

/// edge-27: orders that come while a switch runs.
#[test]
fn an_order_during_a_switch_joins_it_or_is_refused() {
    let stop = Some("{note}; while test -e {folder}/hold; do sleep 0.02; done; kill -12 `cat {pid-file}`");
    let mut pair = Pair::new(Setup { stop, ..Setup::default() });
    pair.start(Side::A);
    let hold = pair.folder().join("hold");
    fs::write(&hold, "").unwrap();
    assert_eq!(on(&pair, Side::A, &["failover", RESOURCE]).0, 0);
    let (code, said, _) = on(&pair, Side::A, &["failover", RESOURCE]);
    assert_eq!(code, 0);
    assert_eq!(said, format!("failover of {RESOURCE}: this switch is under way already\n"));
    let (code, _, complaint) = on(&pair, Side::A, &["takeover", RESOURCE]);
    assert_eq!(code, 1);
    assert!(complaint.contains("refused: a switch to the other side is under way"), "{complaint}");
    fs::remove_file(&hold).unwrap();
    pair.settles(Side::B, Duration::ZERO);
    pair.journal.expect(Side::A, &["stop", "deactivate"]);
}

#[test]
fn a_killed_daemon_leaves_a_socket_that_the_next_one_replaces() {
    let mut pair = Pair::new(Setup::default());
    pair[Side::A].start_daemon();
    pair[Side::A].log.wait("control socket", AT_ONCE);
    let run = pair[Side::A].files.run_directory();
    let before = sockets(&run);
    // A second daemon with the same file ends at the port, and takes nothing away.
    let mut second = Command::new(program("schrittmacher"));
    second.arg(pair[Side::A].files.config()).stderr(Stdio::null());
    assert_eq!(second.status().unwrap().code(), Some(71));
    assert_eq!(status(&pair, Side::A).0, 2);

    pair[Side::A].daemon().kill();
    assert_eq!(sockets(&run), before, "a killed daemon can't clear up");
    let (code, _, complaint) = on(&pair, Side::A, &["status"]);
    assert_eq!(code, 69);
    assert!(complaint.contains("no daemon runs"), "{complaint}");
    pair[Side::A].start_daemon();
    pair[Side::A].log.wait_in_run("control socket", AT_ONCE);
    assert_eq!(status(&pair, Side::A).0, 2);
    assert_eq!(sockets(&run), before);
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    pair[Side::A].daemon().wait_exit(AT_ONCE);
    assert_eq!(fs::read_dir(&run).unwrap().count(), 0, "an orderly end leaves nothing");
    let (code, _, complaint) = on(&pair, Side::A, &["status"]);
    assert_eq!(code, 69);
    assert!(complaint.contains("no daemon runs: there is no control socket"), "{complaint}");
}

#[test]
fn without_a_run_directory_the_daemon_goes_on_and_says_so_once() {
    let mut pair = Pair::new(Setup::default());
    let file = pair[Side::A].files.config();
    let run = format!("run-directory = {}", pair[Side::A].files.run_directory().display());
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(&run, "run-directory = /proc/1/none")).unwrap();
    pair.start(Side::A);
    assert_eq!(pair[Side::A].log.text().matches("no control socket").count(), 1);
    // The page is asked instead, and says what it can't do.
    assert_eq!(status(&pair, Side::A).0, 0);
    let (code, _, complaint) = on(&pair, Side::A, &["reload"]);
    assert_eq!(code, 69);
    assert!(complaint.contains("there is no control socket"), "{complaint}");
}

/// Containers that share a file system: the same address, port and directory, and another network.
#[test]
fn daemons_in_two_networks_never_get_each_others_socket() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip("daemons_in_two_networks_never_get_each_others_socket", why),
    };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut daemons = Vec::new();
    for (side, name) in [(Side::A, "alpha"), (Side::B, "beta")] {
        let config = folder.path().join(format!("{name}.conf"));
        let text = format!(
            "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\n\
             security = legacy\nrun-directory = {}\ngroup = resource\nname = {name}\n",
            run.display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(program("schrittmacher"));
        command.arg(&config).stderr(File::create(folder.path().join(name)).unwrap());
        daemons.push(Process::spawn(command, Some(cable.end(side))));
    }
    wait_for("both sockets", AT_ONCE, || (run.exists() && sockets(&run).len() == 2).then_some(()));
    for (side, name) in [(Side::A, "alpha"), (Side::B, "beta")] {
        // Either file names the same socket: the network decides.
        for config in ["alpha.conf", "beta.conf"] {
            let config = folder.path().join(config);
            let words = ["status", "--json", "--config", config.to_str().unwrap()];
            let (_, output, complaint) = ctl_in(cable.end(side), &words);
            let told: Value = serde_json::from_str(&output).unwrap_or_else(|_| panic!("{complaint}"));
            assert_eq!(told["resources"][0]["name"], name);
        }
    }
}

/// edge-20: the file, this host, and what the running daemon does not know yet.
#[test]
fn check_looks_at_the_file_the_host_and_the_daemon() {
    let mut pair = Pair::new(Setup::default());
    let file = pair[Side::A].files.config();
    let file = file.to_str().unwrap();
    let (code, said, _) = ctl(["check", file]);
    assert_eq!(code, 0, "no daemon is no mistake of the file");
    assert!(said.contains("daemon: no daemon runs: "), "{said}");
    pair.start(Side::A);
    let (code, said, complaint) = ctl(["check", file]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert!(said.contains("a.conf: can be used\n") && said.ends_with("runs, the peer is heard\n"), "{said}");

    let text = fs::read_to_string(file).unwrap();
    let more = "group = resource\nname = new\nstart-action = /nonexistent/start\n";
    fs::write(file, text.replace("priority = 0", "priority = 7") + more).unwrap();
    let (code, said, _) = ctl(["check", file]);
    assert_eq!(code, 0);
    assert!(said.contains("not in force: resource new is in the file and does not run"), "{said}");
    assert!(said.contains("not in force: resource service has priority 7 in the file"), "{said}");
    assert!(said.contains("`start-action`: /nonexistent/start does not exist"), "{said}");
    fs::write(file, text + "nonsense\n").unwrap();
    let (code, said, _) = ctl(["check", "--json", file]);
    assert_eq!(code, 78);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&told["file"]["fine"], &told["daemon"]["resources"][0]["name"]),
        (&false.into(), &RESOURCE.into())
    );
}

/// A daemon was stopped (by a debugger, a hypervisor), and the sender of an order has given up.
#[test]
fn an_order_whose_sender_has_gone_is_not_carried_out() {
    let mut pair = Pair::new(Setup { timeout: 60.0, ..Setup::default() });
    pair.start(Side::A);
    let socket = ControlSocket::from_file(&pair[Side::A].files.config()).unwrap();
    let order = |name: &str| {
        let mut client = UnixStream::connect(&socket).unwrap();
        let request = format!("POST /api/v1/resources/{name}/failover HTTP/1.0\r\nHost: localhost\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        client
    };
    pair[Side::A].daemon().signal(Signal::SIGSTOP);
    drop(order(RESOURCE));
    // One that has closed its half alone still waits for its answer.
    let mut waiting = order("another");
    waiting.shutdown(Shutdown::Write).unwrap();
    pair[Side::A].daemon().signal(Signal::SIGCONT);
    let mut answer = String::new();
    waiting.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("no resource of this name"), "{answer}");
    pair.stays();
    assert!(!pair[Side::A].log.has(&format!("failover of {RESOURCE}, asked for")), "it was carried out");
}
