//! The protected application of the end-to-end tests.
//!
//! It goes hot and standby as it is told, in the time that its options say. They also make it do each of the wrongs
//! of an application. Each event is one line on standard output, written at once, so that a test can wait for it.
#![expect(clippy::print_stderr, reason = "a program for the command line")]

mod app;
mod options;

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, fork};
use schrittmacherclient::{Client, WantedState};

use app::{App, Event, say};
use options::{Options, ReportedPid, USAGE};

fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(Some(options)) => options,
        Ok(None) => {
            eprint!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("schrittmacher-testapp: {error}\n\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("schrittmacher-testapp: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    // Blocked before any thread is made: the signals are fetched by one thread and interrupt none.
    let mut orders = SigSet::empty();
    orders.add(Signal::SIGUSR1);
    orders.add(Signal::SIGUSR2);
    orders.thread_block()?;

    let (events, incoming) = channel();
    let client = client(&options, &events)?;
    let forked = options.pid == ReportedPid::DeadParent;
    if forked {
        // SAFETY: no thread was made yet, so that the child is a whole process.
        match unsafe { fork() }? {
            // SAFETY: _exit has no preconditions; unlike exit it leaves the child's output alone.
            ForkResult::Parent { .. } => unsafe { libc::_exit(0) },
            ForkResult::Child => {}
        }
    }
    client.start()?;
    let mut app = App::new(client, options);
    app.begin();
    if app.one_shot() {
        return Ok(());
    }
    let signals = events.clone();
    thread::spawn(move || fetch_signals(&orders, &signals));
    thread::spawn(move || read_commands(&events, forked));
    app.run(&incoming);
    Ok(())
}

fn client(options: &Options, events: &Sender<Event>) -> Result<Client, schrittmacherclient::Error> {
    let (hot, standby) = (events.clone(), events.clone());
    let mut builder = Client::builder(&options.resource)
        .port(options.port)
        .on_go_hot(move |_| drop(hot.send(Event::Switch(WantedState::Hot))))
        .on_go_standby(move |_| drop(standby.send(Event::Switch(WantedState::Standby))));
    if let Some(daemon) = &options.daemon {
        builder = builder.daemon_address(daemon);
    }
    if let Some(directory) = &options.run_directory {
        builder = builder.run_directory(directory);
    }
    if let Some(interval) = options.heartbeat {
        builder = builder.heartbeat_interval(interval);
    }
    builder = match options.pid {
        ReportedPid::Own => builder,
        ReportedPid::None => builder.no_pid(),
        ReportedPid::Other(pid) => builder.pid(pid),
        ReportedPid::DeadParent => builder.pid(std::process::id()),
    };
    builder.build()
}

fn fetch_signals(orders: &SigSet, events: &Sender<Event>) {
    while let Ok(signal) = orders.wait() {
        if events.send(Event::Signal(signal)).is_err() {
            return;
        }
    }
}

/// The end of standard input ends the reading, not the application. An application that has forked does end: it is
/// no child of the test, and would outlive a killed one.
fn read_commands(events: &Sender<Event>, forked: bool) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if events.send(Event::Command(line.trim().to_owned())).is_err() {
            return;
        }
    }
    say("EOF");
    if forked {
        // The application may have ended already.
        let _ = events.send(Event::Command("quit".to_owned()));
    }
}
