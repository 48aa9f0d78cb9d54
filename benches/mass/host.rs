//! A daemon of ours with many resources, at one end of a cable.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use schrittmacher_harness::{Cable, HTTP_PORT, PORT, Process, Side, get, program, wait_for};

/// The ends of the cable.
pub const ENDS: [&str; 2] = ["10.0.0.1", "10.0.0.2"];

pub fn address(side: Side) -> IpAddr {
    ENDS[side.index()].parse().unwrap()
}

/// What a file says of all resources, and of each by its number.
pub struct Plan<'a> {
    pub count: usize,
    pub core: &'a str,
    pub resource: &'a dyn Fn(usize) -> String,
}

pub fn start(cable: &Cable, side: Side, folder: &Path, plan: &Plan<'_>) -> Process {
    let state = folder.join(side.name().to_string());
    let mut text = format!(
        "group = core\nlocal-address = {}\nremote-address = {}\nport = {PORT}\nhttp-port = {HTTP_PORT}\nsecurity = legacy\n\
         state-directory = {2}\nrun-directory = {2}\n{3}\n",
        ENDS[side.index()],
        ENDS[side.other().index()],
        state.display(),
        plan.core
    );
    for number in 0..plan.count {
        let _ = writeln!(text, "group = resource\nname = resource-{number}\n{}\n", (plan.resource)(number));
    }
    let file = folder.join(format!("{}.conf", side.name()));
    fs::write(&file, text).unwrap();
    let daemon = std::env::var_os("DAEMON").map_or_else(|| program("schrittmacher"), Into::into);
    let mut command = Command::new(daemon);
    command.arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    Process::spawn(command, Some(cable.end(side)))
}

/// How many resources of a side are in which state, by its table for scripts.
#[derive(Debug, Default)]
pub struct Count {
    pub hot: usize,
    pub standby: usize,
    pub going_hot: usize,
    pub failed: usize,
}

impl Count {
    /// Nothing before the page answers.
    pub fn of(cable: &Cable, side: Side) -> Count {
        let Ok(text) = cable.end(side).run(|| get(address(side), HTTP_PORT, "/table")) else {
            return Count::default();
        };
        let count = |state: &str| text.matches(&format!("</td><td>{state}</td>")).count();
        Count {
            hot: count("Hot"),
            standby: count("Standby"),
            going_hot: count("transiting_to_hot"),
            failed: count("failed"),
        }
    }
}

/// Waits until all are hot on side A, and standby on side B if that runs.
pub fn settle(cable: &Cable, count: usize, both: bool) {
    wait_for("all to be settled", Duration::from_secs(20), || {
        let is_ready = !both || Count::of(cable, Side::B).standby == count;
        (is_ready && Count::of(cable, Side::A).hot == count).then_some(())
    });
    if both {
        // Commands of the way there are over, and the words of the changes have been repeated.
        std::thread::sleep(Duration::from_secs(3));
    }
}
