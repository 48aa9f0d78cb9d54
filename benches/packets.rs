//! What the `tcpdump` of a client shows of a switch, packet by packet: `make bench-packets`, as root. The table of
//! docs/addresses.md.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use schrittmacher_harness::{AT_ONCE, Lan, Pair, Probe, Setup, Side};

/// Longer than the series of announcements.
const SPAN: Duration = Duration::from_secs(8);
const SHARED: [&str; 2] = ["10.1.0.100", "fd01::100"];

fn main() {
    let lan = match Lan::lay() {
        Ok(lan) => lan,
        Err(why) => return println!("SKIPPED: packets: {why}"),
    };
    let setup = Setup {
        heartbeat: 0.5,
        resource: "shared-address = 10.1.0.100/24, fd01::100/64\nshared-interface = eth0",
        priority: [10, 0],
        activate: None,
        deactivate: None,
        start: Some("kill -10 `cat {pid-file}`"),
        stop: Some("kill -12 `cat {pid-file}`"),
        ..Setup::DEFAULT
    };
    let mut pair = Pair::on(setup, &lan);
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair[Side::B].log.wait_state("Standby", AT_ONCE);
    pair[Side::A].start_app("");
    pair.start_daemon(Side::A);
    pair.wait_settled(Side::A, AT_ONCE);
    // The announcements of the start are over.
    thread::sleep(SPAN);

    let tcpdump = lan.client().run(|| {
        let mut tcpdump = Command::new("tcpdump");
        // Times since the epoch, each line at once, with MAC addresses, without names.
        tcpdump.args(["-tt", "-l", "-e", "-n", "-i", "eth0", "arp or icmp6"]);
        tcpdump.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    });
    let Ok(mut tcpdump) = tcpdump else { return println!("SKIPPED: packets: no tcpdump") };
    // It says when it listens.
    let mut said = BufReader::new(tcpdump.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on") && said.read_line(&mut line).unwrap() > 0 {}
    thread::spawn(move || for _ in said.lines() {});
    let (lines, heard) = channel();
    let output = BufReader::new(tcpdump.stdout.take().unwrap());
    thread::spawn(move || output.lines().map_while(Result::ok).all(|line| lines.send(line).is_ok()));

    let probes = SHARED.map(|address| Probe::start(&lan, address.parse::<IpAddr>().unwrap()));
    probes.iter().for_each(Probe::wait_answer);
    let (began, begin) = (SystemTime::now().duration_since(UNIX_EPOCH).unwrap(), Instant::now());
    pair[Side::A].page("?failover=service");
    let macs = [Side::A, Side::B].map(|side| {
        let text = lan.host(side).output("ip", "-o link show dev eth0");
        let mac = text.split("link/ether ").nth(1).and_then(|rest| rest.split(' ').next());
        (mac.unwrap().to_owned(), side)
    });
    println!("\n| time | from | packet |\n|---|---|---|");
    while let Ok(line) = heard.recv_timeout(SPAN.saturating_sub(begin.elapsed())) {
        tell(&line, began, &macs);
    }
    for (address, probe) in SHARED.iter().zip(&probes) {
        println!(
            "\na client that asks {address} every 2 ms missed answers for {:.0} ms",
            probe.outage(begin).as_secs_f64() * 1e3
        );
    }
    let _ = tcpdump.kill();
    let _ = tcpdump.wait();
    pair.journal.forget();
}

/// What is about the shared address and comes from one of the hosts, without the echoes that the client has asked for.
fn tell(line: &str, began: Duration, macs: &[(String, Side)]) {
    if line.contains("echo") || !SHARED.iter().any(|address| line.contains(address)) {
        return;
    }
    let Some((time, rest)) = line.split_once(' ') else { return };
    let Some((mac, packet)) = rest.split_once(" > ") else { return };
    let Some((_, side)) = macs.iter().find(|(known, _)| known == mac) else { return };
    let at = time.parse::<f64>().unwrap_or_default() - began.as_secs_f64();
    let (Some((to, _)), Some((_, what))) = (packet.split_once(','), packet.split_once(": ")) else { return };
    let to = if to.starts_with("ff:") || to.starts_with("33:") { "all" } else { "one host" };
    let mut packet = format!("to {to}: {what}");
    for (mac, side) in macs {
        packet = packet.replace(mac.as_str(), &format!("MAC of {}", side.name().to_ascii_uppercase()));
    }
    if at < 0.0 {
        return;
    }
    println!("| {at:.3} | {} | {packet} |", side.name().to_ascii_uppercase());
}
