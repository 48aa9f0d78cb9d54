//! The schrittmacher daemon. `startup` is what surrounds it, `startup::daemon` what it does from its
//! configuration to its end.

mod admin;
mod app_process;
mod app_socket;
mod bounded;
mod commands;
mod deadlines;
mod event_hook;
mod event_loop;
mod figures;
mod heap;
mod kept;
mod logging;
mod node;
mod own_file;
mod ping;
mod sender;
mod socket_file;
mod startup;
mod token;
mod udp;
mod units;
mod watchdog;
mod witness;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use schrittmacher_config::caller;
use schrittmacher_text::exit_code;

use crate::startup::console::{complain, print};
use crate::startup::options::{self, Early, Mode, Options};

fn main() -> ExitCode {
    ExitCode::from(run())
}

/// The whole program; returns its exit status.
fn run() -> u8 {
    if caller::is_setuid() {
        return complain(&caller::NO_SETUID, exit_code::NOPERM);
    }
    match parse() {
        Err(early) => say_early(&early),
        Ok((options, path)) => match options.mode {
            Mode::Check { json } => check(&path, json),
            Mode::Run => {
                startup::launch(&options, |waiting, sockets| startup::daemon::start(&path, waiting, sockets))
            }
        },
    }
}

fn parse() -> Result<(Options, PathBuf), Early> {
    let options = options::parse(std::env::args_os())?;
    let path = match &options.config_file {
        Some(path) => path.clone(),
        None => schrittmacher_config::find()?,
    };
    Ok((options, path))
}

/// Help and version are answers and go to standard output; everything else is a complaint.
fn say_early(early: &Early) -> u8 {
    match early {
        Early::Answer(_) => print(&mut io::stdout(), &early.to_string()),
        Early::Usage(_) | Early::NoConfig(_) => print(&mut io::stderr(), &early.to_string()),
    }
    early.exit_code()
}

/// `--check`: says what was understood, or everything that is wrong.
fn check(path: &Path, json: bool) -> u8 {
    let loaded = startup::configuration::load(path).map(units::ask_systemd).map(witness::ask);
    match (&loaded, json) {
        (Ok(loaded), false) => print(&mut io::stdout(), &schrittmacher_config::report(loaded)),
        (Ok(loaded), true) => print(&mut io::stdout(), &schrittmacher_config::report_json(loaded)),
        (Err(error), false) => print(&mut io::stderr(), &schrittmacher_config::failure(error)),
        (Err(error), true) => print(&mut io::stdout(), &schrittmacher_config::failure_json(path, error)),
    }
    loaded.map_or_else(|error| error.exit_code(), |_| exit_code::OK)
}
