//! Commands and signals, as the two generations run them.

use std::process::{Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use schrittmacher_testkit::double::Generation;
use schrittmacher_wire::host;

use crate::options::Options;

/// The commands of one resource.
pub struct Actions {
    generation: Generation,
    commands: [Option<String>; 4],
    environment: Vec<(&'static str, String)>,
    /// The interface as the daemon knows it; always "down" at the start (D1).
    interface_up: bool,
}

impl Actions {
    /// None has run yet.
    pub fn new(options: &Options, resource: &str) -> Actions {
        let config = &options.config;
        let interval = format!("{:.6}", config.settings.heartbeat_intervall.as_secs_f64());
        Actions {
            generation: config.settings.generation,
            commands: options.commands.clone(),
            environment: vec![
                ("RESOURCE_NAME", resource.to_owned()),
                ("LOCAL_ADDRESS", host::unified(config.local)),
                ("REMOTE_ADDRESS", host::unified(config.remote)),
                ("HEARTBEAT_INTERVAL", interval),
            ],
            interface_up: false,
        }
    }

    /// Orders the application hot. Returns the word for it.
    pub fn start(&self, pid: Option<u32>) -> Option<&'static str> {
        self.order("start", 0, pid, Signal::SIGUSR1)
    }

    /// Orders it standby.
    pub fn stop(&self, pid: Option<u32>) -> Option<&'static str> {
        self.order("stop", 1, pid, Signal::SIGUSR2)
    }

    /// Brings the interface up, unless it is taken for up; then there is no order.
    pub fn activate(&mut self) -> Option<&'static str> {
        let needed = !std::mem::replace(&mut self.interface_up, true);
        needed.then(|| self.run("activate", 2))
    }

    /// Takes it down, unless it is taken for down.
    pub fn deactivate(&mut self) -> Option<&'static str> {
        let needed = std::mem::replace(&mut self.interface_up, false);
        needed.then(|| self.run("deactivate", 3))
    }

    fn order(
        &self,
        action: &'static str,
        index: usize,
        pid: Option<u32>,
        signal: Signal,
    ) -> Option<&'static str> {
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0);
        if let (Generation::V200, None, Some(pid)) = (self.generation, &self.commands[index], pid) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
        Some(self.run(action, index))
    }

    /// Runs the command, if there is one. Its exit status is of no interest to anybody.
    fn run(&self, action: &'static str, index: usize) -> &'static str {
        let Some(line) = self.commands[index].as_deref().filter(|line| !line.is_empty()) else {
            return action;
        };
        let mut command = match self.generation {
            Generation::V182 => shell(line),
            Generation::V200 => words(line),
        };
        command.env("ACTION", action).stdin(Stdio::null()).stdout(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Ok(mut child) = command.spawn() {
            match self.generation {
                // The whole daemon waits.
                Generation::V182 => {
                    let _ = child.wait();
                }
                Generation::V200 => {
                    thread::spawn(move || child.wait());
                }
            }
        }
        action
    }
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    command
}

/// Without a shell, and two blanks make an empty argument (D29).
fn words(line: &str) -> Command {
    let mut words = line.split(char::is_whitespace);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}
