//! The application's reactions.

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use schrittmacherclient::{Client, CurrentState, Error, WantedState};

use crate::options::{self, Options};

/// An event.
pub enum Event {
    /// From the daemon.
    Signal(Signal),
    /// A line on standard input.
    Command(String),
    /// The client wants the application to switch.
    Switch(WantedState),
}

/// The application.
pub struct App {
    client: Client,
    options: Options,
    signal_to_lose: bool,
    /// When the running switch is done, and what it makes of us.
    switch: Option<(Instant, WantedState)>,
    fail_at: Option<Instant>,
}

/// Prints one line, at once. A closed output is no reason to stop.
pub fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

impl App {
    pub fn new(client: Client, options: Options) -> App {
        let signal_to_lose = options.lose_first_signal;
        let fail_at = options.fail_after.map(|after| Instant::now() + after);
        App { client, options, signal_to_lose, switch: None, fail_at }
    }

    /// Whether to leave after the first report.
    pub fn one_shot(&self) -> bool {
        self.options.one_shot
    }

    /// Sends the first report.
    pub fn begin(&mut self) {
        say(&format!("READY {}", std::process::id()));
        self.become_state(self.options.start_as);
    }

    /// Runs until it is told to quit.
    pub fn run(&mut self, incoming: &Receiver<Event>) {
        loop {
            let done = self.switch.map(|(done, _)| done);
            let event = match [done, self.fail_at].into_iter().flatten().min() {
                Some(next) => incoming.recv_timeout(next.saturating_duration_since(Instant::now())),
                None => incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Command(command)) if command == "quit" => return,
                Ok(event) => self.handle(&event),
                Err(RecvTimeoutError::Timeout) => self.look_at_clock(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn handle(&mut self, event: &Event) {
        match event {
            Event::Signal(Signal::SIGUSR1) if self.signal_to_lose => {
                self.signal_to_lose = false;
                say("LOST USR1");
            }
            Event::Signal(Signal::SIGUSR1) => {
                say("SIGNAL USR1");
                complain(self.client.signal_go_hot());
            }
            Event::Signal(_) => {
                say("SIGNAL USR2");
                complain(self.client.signal_go_standby());
            }
            Event::Switch(wanted) => self.begin_switch(*wanted),
            Event::Command(command) => self.obey(command),
        }
    }

    fn begin_switch(&mut self, wanted: WantedState) {
        self.switch = Some((Instant::now() + self.options.switch_time, wanted));
        if self.options.switch_time > Duration::ZERO {
            // The client is on its way already; the daemon shall not wait for the next heartbeat to know.
            complain(self.client.do_heartbeat());
            if let Ok(Some(state)) = self.client.current_state() {
                say(&format!("STATE {}", state.as_str()));
            }
        }
    }

    fn look_at_clock(&mut self) {
        let now = Instant::now();
        if let Some((_, wanted)) = self.switch.take_if(|(done, _)| *done <= now) {
            self.become_state(match wanted {
                WantedState::Hot => CurrentState::Active,
                WantedState::Standby => CurrentState::Inactive,
            });
        }
        if self.fail_at.take_if(|at| *at <= now).is_some() {
            self.become_state(CurrentState::Failed);
        }
    }

    fn obey(&mut self, command: &str) {
        match command {
            "takeover" => {
                complain(self.client.request_takeover());
                say("REQUEST takeover");
            }
            "failover" => {
                complain(self.client.request_failover());
                say("REQUEST failover");
            }
            name => match options::state(name) {
                Ok(state) => self.become_state(state),
                Err(error) => say(&format!("ERROR {error}")),
            },
        }
    }

    fn become_state(&mut self, state: CurrentState) {
        self.switch = None;
        complain(self.client.report(state, None));
        let name = if state == CurrentState::Active {
            "hot"
        } else if state == CurrentState::Inactive {
            "standby"
        } else {
            state.as_str()
        };
        say(&format!("STATE {name}"));
    }
}

fn complain(result: Result<(), Error>) {
    if let Err(error) = result {
        say(&format!("ERROR {error}"));
    }
}
