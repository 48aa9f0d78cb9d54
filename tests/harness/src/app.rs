//! The application of one host: `tests/testapp`.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{AT_ONCE, Process, Tail, wait_for};

/// An application that runs, and what it prints.
#[derive(Debug)]
pub struct App {
    /// The process that was started: the application, or a program that started it.
    pub process: Process,
    /// One line for each thing that happened to it.
    pub output: Tail,
    pid: u32,
}

impl App {
    /// Takes over a command that will be the application, with standard input and output still to be set.
    /// Returns when its first report is on the way.
    pub fn start(mut command: Command, output: &Path, spawn: impl FnOnce(Command) -> Process) -> App {
        let file = File::options().create(true).append(true).open(output).unwrap();
        let mut output = Tail::new(output);
        output.skip();
        command.stdin(Stdio::piped()).stderr(file.try_clone().unwrap()).stdout(file);
        let process = spawn(command);
        let ready = output.wait("READY ", AT_ONCE);
        let pid = ready.trim_start_matches("READY ").parse().unwrap();
        output.wait("STATE ", AT_ONCE);
        App { process, output, pid }
    }

    /// The number that the application knows itself by.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The state it last reported: `hot`, `standby`, `unknown`, `fail`, or on the way.
    pub fn state(&self) -> Option<String> {
        let lines = self.output.lines();
        lines.iter().rev().find_map(|line| line.strip_prefix("STATE ")).map(str::to_owned)
    }

    /// Waits until it is in a state.
    pub fn wait_state(&self, state: &str, expected: Duration) {
        wait_for(&format!("the application to be {state}"), expected, || {
            (self.state()? == state).then_some(())
        });
    }

    /// Orders it by its standard input.
    pub fn tell(&mut self, line: &str) {
        self.process.tell(line);
    }
}
