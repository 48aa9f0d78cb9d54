//! A host with 1,000 resources is lost.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::cmsg_space;
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::time::{ClockId, clock_gettime};
use schrittmacher_harness::{Cable, PORT, Side};

use crate::Column;
use crate::host::{self, Plan, address, settle};
use crate::tool::{Means, Moment, Notes, Tool, between, now};

const COUNT: usize = 1000;

pub fn report(tool: &Tool, runs: usize) {
    println!(
        "\n{COUNT} resources of a lost host, heartbeat 1 s, milliseconds after the first one was announced; {runs} runs:"
    );
    for by_signal in [true, false] {
        let names = ["last announced", "first ordered", "half ordered", "last ordered"];
        let mut columns = names.map(|_| Column::new());
        let (mut all, mut bare) =
            (Column::new(), [Means::Shell, Means::Program].map(|means| (means, Column::new())));
        for _ in 0..runs {
            let sample = sample(tool, by_signal);
            for (column, time) in columns.iter_mut().zip(sample) {
                column.add(time);
            }
            if !by_signal {
                all.add(sample[3].saturating_sub(sample[1]));
                bare.iter_mut().for_each(|(means, column)| column.add(tool.bare(COUNT, *means)));
            }
        }
        println!("  by {}", if by_signal { "signal" } else { "command" });
        for (name, column) in names.iter().zip(&columns) {
            println!("    {name:<42}{:>26}", column.text());
        }
        if !by_signal {
            println!("    {:<42}{:>26}", "from the first to the last command", all.text());
            println!("    {:<42}{:>26}", "two bare loops, by a shell", bare[0].1.text());
            println!("    {:<42}{:>26}", "two bare loops, without one as here", bare[1].1.text());
            println!("    (1,000 applications report beside the commands, and none beside the loops)");
        }
    }
}

/// After the first announcement: the last one; the first, the middle and the last order.
fn sample(tool: &Tool, by_signal: bool) -> [Duration; 4] {
    let (cable, folder) = (Cable::lay().unwrap(), tempfile::tempdir().unwrap());
    let notes = ["old", "new"].map(|name| Notes::new(folder.path(), name, COUNT));
    let resource = |side: Side| {
        let notes = &notes[side.index()];
        move |number| {
            if by_signal {
                String::new()
            } else {
                format!("start-action = exec {}", tool.stamp(notes, number))
            }
        }
    };
    let [on_a, on_b] = [Side::A, Side::B].map(resource);
    let plan = |resource| Plan { count: COUNT, core: "heartbeat = 1", resource };
    let hot_apps = tool.apps(cable.end(Side::A), host::ENDS[0], COUNT, "LHOT", &notes[0]);
    let _standby_apps = if by_signal {
        tool.swarm(cable.end(Side::B), host::ENDS[1], COUNT, &notes[1])
    } else {
        tool.apps(cable.end(Side::B), host::ENDS[1], COUNT, "LSBY", &notes[1])
    };
    let hot = host::start(&cable, Side::A, folder.path(), &plan(&on_a));
    // Of daemons that start in one moment the other side may have taken some before their applications have reported.
    settle(&cable, COUNT, false);
    let _standby = host::start(&cable, Side::B, folder.path(), &plan(&on_b));
    settle(&cable, COUNT, true);
    // The standby side looks for the processes of its applications, one after the other.
    std::thread::sleep(Duration::from_secs(10));
    hot_apps.signal_group(Signal::SIGKILL);
    hot.kill();
    let announced = announcements(&cable);
    let ordered = notes[1].wait(COUNT, Duration::from_secs(10));
    let first = announced[0];
    [announced[COUNT - 1], ordered[0], ordered[COUNT / 2], ordered[COUNT - 1]]
        .map(|moment| between(first, moment))
}

/// A datagram, and when the kernel had it by the time of the day: this reader may have to wait for a processor.
fn next(socket: &UdpSocket) -> Option<(String, Moment)> {
    let (mut room, mut about) = ([0; 2048], cmsg_space!(TimeSpec));
    let mut parts = [IoSliceMut::new(&mut room)];
    let heard = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut about), MsgFlags::empty()).ok()?;
    let length = heard.bytes;
    let moment = heard.cmsgs().unwrap().find_map(|about| {
        if let ControlMessageOwned::ScmTimestampns(time) = about {
            Some(time.num_nanoseconds())
        } else {
            None
        }
    });
    Some((String::from_utf8_lossy(&room[..length]).into_owned(), moment?))
}

/// When the lost host would have heard of each resource that it is hot or on its way.
fn announcements(cable: &Cable) -> Vec<Moment> {
    let first: HashMap<String, Moment> = cable.end(Side::A).run(|| {
        let socket = UdpSocket::bind((address(Side::A), PORT)).unwrap();
        socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20).unwrap();
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let ahead = clock_gettime(ClockId::CLOCK_REALTIME).unwrap().num_nanoseconds() - now();
        let (began, mut first) = (Instant::now(), HashMap::new());
        while first.len() < COUNT && began.elapsed() < Duration::from_secs(20) {
            let Some((text, time_of_day)) = next(&socket) else { continue };
            if text.contains("2HOT") || text.contains("HOTT") {
                let name = text.split("\"resource\"").nth(1).and_then(|rest| rest.split('"').nth(1));
                first.entry(name.unwrap().to_owned()).or_insert(time_of_day - ahead);
            }
        }
        first
    });
    assert_eq!(first.len(), COUNT, "not all were announced");
    let mut moments: Vec<Moment> = first.into_values().collect();
    moments.sort_unstable();
    moments
}
