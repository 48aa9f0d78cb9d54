//! 200 resources at 10 ms, beside 200 instances of keepalived: how soon the commands run after a host is lost, and what both
//! sides take as long as nothing happens.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use schrittmacher_harness::{Cable, Process, Side, cpu_time, with_children};

use crate::Column;
use crate::host::{self, Plan, settle};
use crate::tool::{Notes, Tool, between, now};

const COUNT: usize = 200;

#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    /// A start command for each resource.
    Commands,
    /// The same, and a built-in address for each.
    Addresses,
    /// An address and a script for each.
    Keepalived,
}

pub fn report(tool: &Tool, runs: usize) {
    println!(
        "\n{COUNT} resources at 10 ms x 3, milliseconds from the loss of the host until commands run; {runs} runs, by turns:"
    );
    let systems = [
        ("ours, commands", System::Commands),
        ("ours, built-in addresses and commands", System::Addresses),
        ("keepalived, addresses and scripts", System::Keepalived),
    ];
    let mut columns = systems.map(|_| [Column::new(), Column::new(), Column::new()]);
    let mut shares = systems.map(|_| [0.0; 2]);
    for _ in 0..runs {
        for ((_, system), (columns, share)) in systems.iter().zip(columns.iter_mut().zip(&mut shares)) {
            let Some((moments, both)) = sample(tool, *system) else { continue };
            for (column, moment) in columns.iter_mut().zip(moments) {
                column.add(moment);
            }
            *share = [0, 1].map(|side| share[side] + both[side] / runs as f64);
        }
    }
    println!("  {:<40}{:>24}{:>24}{:>24}{:>22}", "", "first", "half", "last", "% of a core, A and B");
    for ((name, _), (columns, share)) in systems.iter().zip(columns.iter().zip(&shares)) {
        let [first, half, last] = columns.each_ref().map(Column::text);
        println!("  {name:<40}{first:>24}{half:>24}{last:>24}{:>15.1} {:>6.1}", share[0], share[1]);
    }
}

fn sample(tool: &Tool, system: System) -> Option<([Duration; 3], [f64; 2])> {
    let (cable, folder) = (Cable::lay().unwrap(), tempfile::tempdir().unwrap());
    let notes = ["old", "new"].map(|name| Notes::new(folder.path(), name, COUNT));
    let apps = [("LHOT", Side::A), ("LSBY", Side::B)].map(|(word, side)| {
        let count = if system == System::Keepalived { 1 } else { COUNT };
        tool.apps(cable.end(side), host::ENDS[side.index()], count, word, &notes[side.index()])
    });
    let daemons = match system {
        System::Keepalived => {
            Command::new("keepalived").arg("--version").stderr(Stdio::null()).output().ok()?;
            let a = keepalived(tool, &cable, Side::A, folder.path(), &notes[0]);
            notes[0].wait(COUNT, Duration::from_secs(10));
            let b = keepalived(tool, &cable, Side::B, folder.path(), &notes[1]);
            std::thread::sleep(Duration::from_secs(3));
            [a, b]
        }
        System::Commands | System::Addresses => [Side::A, Side::B].map(|side| {
            let notes = &notes[side.index()];
            let resource = |number| {
                let address = match system {
                    System::Addresses => {
                        format!("shared-interface = cable\nshared-address = 10.0.1.{}/32\n", number + 1)
                    }
                    System::Commands | System::Keepalived => String::new(),
                };
                format!("{address}start-action = exec {}", tool.stamp(notes, number))
            };
            let plan = Plan { count: COUNT, core: "heartbeat = 0.01", resource: &resource };
            let daemon = host::start(&cable, side, folder.path(), &plan);
            settle(&cable, COUNT, side == Side::B);
            daemon
        }),
    };
    let span = Duration::from_secs(3);
    let taken = || {
        daemons
            .each_ref()
            .map(|daemon| with_children(daemon.pid()).into_iter().map(cpu_time).sum::<Duration>())
    };
    let before = taken();
    std::thread::sleep(span);
    let after = taken();
    let share = [0, 1].map(|side| (after[side].saturating_sub(before[side])).div_duration_f64(span) * 100.0);
    assert!(notes[1].moments().is_empty(), "the standby has started something before the host was lost");
    let lost = now();
    daemons[0].signal_group(Signal::SIGKILL);
    apps[0].signal_group(Signal::SIGKILL);
    let moments = notes[1].wait(COUNT, Duration::from_secs(10));
    Some(([moments[0], moments[COUNT / 2], moments[COUNT - 1]].map(|moment| between(lost, moment)), share))
}

fn keepalived(tool: &Tool, cable: &Cable, side: Side, folder: &Path, notes: &Notes) -> Process {
    let (name, own, other) = (side.name(), host::ENDS[side.index()], host::ENDS[side.other().index()]);
    let priority = if side == Side::A { 110 } else { 100 };
    let mut text = format!("global_defs {{\n router_id {name}\n vrrp_version 3\n script_user root\n}}\n");
    for number in 0..COUNT {
        let _ = write!(
            text,
            "vrrp_instance i{number} {{\n interface cable\n virtual_router_id {0}\n state BACKUP\n nopreempt\n priority {priority}\n \
             advert_int 0.01\n unicast_src_ip {own}\n unicast_peer {{\n {other}\n }}\n notify_master \"{1}\"\n \
             virtual_ipaddress {{\n 10.0.1.{0}/32 dev cable\n }}\n}}\n",
            number + 1,
            tool.stamp(notes, number)
        );
    }
    let file = |kind: &str| folder.join(format!("{name}.{kind}"));
    fs::write(file("conf"), text).unwrap();
    let mut command = Command::new("keepalived");
    command.args(["--dont-fork", "--vrrp", "--log-console"]);
    for (option, kind) in
        [("-f", "conf"), ("-p", "pid"), ("-r", "vrrp.pid"), ("-c", "checkers.pid"), ("-b", "bfd.pid")]
    {
        command.arg(option).arg(file(kind));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Process::spawn(command, Some(cable.end(side)))
}
