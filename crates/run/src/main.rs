//! `schrittmacher-run`: makes any command an application of schrittmacher.
//!
//! One thread, and one loop that waits for all events: the client library's descriptor, a signal (the end of a child is
//! one), a time.

mod daemon;
mod options;
mod process;
mod service;
mod silence;

use std::fmt::Display;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use clap::Parser;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use schrittmacher_config::caller;
use schrittmacher_text::{beginning, exit_code};
use schrittmacherclient::{Client, CurrentState};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use crate::daemon::Daemon;
use crate::options::Options;
use crate::service::Service;
use crate::silence::Silence;

/// A notice of the client library.
#[derive(Clone, Copy, Debug)]
enum Told {
    GoHot,
    GoStandby,
    DaemonLost,
    RightEnded,
}

/// The longest line, in bytes. With its end it fits into a page (`PIPE_BUF`).
const LINE: usize = 4000;

type Signals = SignalDelivery<UnixStream, SignalOnly>;

fn main() -> ExitCode {
    if caller::is_setuid() {
        say(caller::NO_SETUID);
        return ExitCode::from(exit_code::NOPERM);
    }
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(early) => {
            // A wrong command line, or the answer to --help.
            let _ = early.print();
            return ExitCode::from(if early.use_stderr() { exit_code::USAGE } else { exit_code::OK });
        }
    };
    let daemon = match Daemon::find(&options) {
        Ok(daemon) => daemon,
        Err(error) => {
            say(&error);
            return ExitCode::from(error.exit_code);
        }
    };
    let (tell, told) = channel();
    let client = match client(&options, &daemon, &tell) {
        Ok(client) => client,
        Err(error) => {
            say(&error);
            return ExitCode::from(exit_code::USAGE);
        }
    };
    match run(&options, &daemon, &client, &told) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::from(exit_code::OSERR)
        }
    }
}

/// A line on standard error, if it takes one. This thread also sends the heartbeats and obeys the orders, so it does not wait
/// for a reader that hangs: the next line tells how many are missing.
fn say(text: impl Display) {
    static MISSING: AtomicUsize = AtomicUsize::new(0);
    let stderr = io::stderr();
    let takes_a_line =
        poll(&mut [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO) != Ok(0);
    if !takes_a_line {
        MISSING.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let missing = match MISSING.swap(0, Ordering::Relaxed) {
        0 => String::new(),
        lines => format!("({lines} lines could not be written) "),
    };
    // One write of at most a pipe's page does not wait for a pipe that has room.
    let line = beginning(format!("schrittmacher-run: {missing}{text}"), LINE) + "\n";
    let _ = stderr.lock().write_all(line.as_bytes());
}

fn run(
    options: &Options,
    daemon: &Daemon,
    client: &Client,
    told: &Receiver<Told>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut signals = signals()?;
    process::adopt_orphans()?;
    client.install_signal_handlers()?;
    client.start_polled()?;
    // A refused report is told later, when it has been refused for some seconds.
    let _ = client.report(CurrentState::Unknown, Some("schrittmacher-run started"));
    let mut service = Service::new(options, client);
    let result = serve(options, daemon, client, told, &mut signals, &mut service);
    // The daemon need not find out.
    let _ = client.report(CurrentState::Failed, Some("schrittmacher-run ended"));
    Ok(result?)
}

fn client(
    options: &Options,
    daemon: &Daemon,
    tell: &Sender<Told>,
) -> Result<Client, schrittmacherclient::Error> {
    let teller = |what: Told| {
        let tell = tell.clone();
        // The loop holds the other end as long as it dispatches.
        move |_: &Client| {
            let _ = tell.send(what);
        }
    };
    let builder = Client::builder(&options.resource)
        .daemon_address(&daemon.address)
        .port(daemon.port)
        .run_directory(&daemon.run_directory)
        .on_go_hot(teller(Told::GoHot))
        .on_go_standby(teller(Told::GoStandby))
        .on_right_ended(teller(Told::RightEnded));
    match options.daemon_lost {
        Some(after) => builder.on_daemon_lost(after, teller(Told::DaemonLost)).build(),
        None => builder.build(),
    }
}

fn signals() -> io::Result<Signals> {
    let (read, write) = UnixStream::pair()?;
    SignalDelivery::with_pipe(read, write, SignalOnly, [SIGCHLD, SIGTERM, SIGINT, SIGHUP])
}

/// Until we were told to end, and the command has ended.
fn serve(
    options: &Options,
    daemon: &Daemon,
    client: &Client,
    told: &Receiver<Told>,
    signals: &mut Signals,
    service: &mut Service<'_>,
) -> io::Result<()> {
    let mut silence = Silence::new();
    while !service.is_over() {
        let now = Instant::now();
        service.look_at_clock(now);
        silence.note(is_refused(client), now);
        if let Some(text) = silence.due(now, &options.resource, daemon) {
            say(text);
        }
        wait(client, signals, [service.deadline(), silence.deadline()].into_iter().flatten().min())?;
        if signals.pending().any(|signal| signal != SIGCHLD) {
            service.end();
        }
        service.reap();
        // A report that is refused is told of by `silence`.
        let _ = client.dispatch();
        for what in told.try_iter() {
            match what {
                Told::GoHot => service.go_hot(),
                Told::GoStandby => service.go_standby(),
                Told::RightEnded => service.right_ended(),
                Told::DaemonLost => match daemon.has_left_alone() {
                    Some(file) => say(format_args!(
                        "the daemon has ended and left the command alone on purpose ({}): it goes on",
                        file.display()
                    )),
                    None => service.daemon_lost(),
                },
            }
            // A daemon that is lost has been there before, too.
            silence.ordered();
        }
    }
    Ok(())
}

fn is_refused(client: &Client) -> bool {
    client.last_os_error().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn wait(client: &Client, signals: &Signals, until: Option<Instant>) -> io::Result<()> {
    let descriptor = client.poll_fd().ok_or(Errno::EBADF)?;
    // SAFETY: the descriptor stays open while the client lives.
    let orders = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let mut ready =
        [PollFd::new(orders, PollFlags::POLLIN), PollFd::new(signals.get_read().as_fd(), PollFlags::POLLIN)];
    let timeout = match until {
        // Not the part of a millisecond too early, which would be a loop that works.
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        }
        None => PollTimeout::NONE,
    };
    match poll(&mut ready, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
