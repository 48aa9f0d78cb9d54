//! Start-up and shutdown of the daemon, to be read from top to bottom.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use log::{error, info, warn};

use crate::actions::{self, Executor};
use crate::admin;
use crate::app_process::AppProcesses;
use crate::clock;
use crate::config::{self, Config, LoadError, Loaded};
use crate::event_loop::{self, End, EventLoop};
use crate::exit_code;
use crate::launch::{self, Waiting};
use crate::link::{self, Link, OpenError};
use crate::logging::Logging;
use crate::node::Node;
use crate::notify::Notifier;
use crate::options::{self, Early, Mode, Options};
use crate::reload::Reloader;

/// The whole program; returns its exit status.
pub fn main() -> u8 {
    match parse() {
        Err(early) => say_early(&early),
        Ok((options, path)) => match options.mode {
            Mode::Check { json } => check(&path, json),
            Mode::Run => launch::launch(&options, &path),
        },
    }
}

fn parse() -> Result<(Options, PathBuf), Early> {
    let options = options::parse(std::env::args_os())?;
    let path = options.config_file.clone().map_or_else(options::find_config, Ok)?;
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
    let loaded = config::load(path);
    match (&loaded, json) {
        (Ok(loaded), false) => print(&mut io::stdout(), &config::report(loaded)),
        (Ok(loaded), true) => print(&mut io::stdout(), &config::report_json(loaded)),
        (Err(error), false) => print(&mut io::stderr(), &config::failure(error)),
        (Err(error), true) => print(&mut io::stdout(), &config::failure_json(path, error)),
    }
    loaded.map_or_else(|error| error.exit_code(), |_| exit_code::OK)
}

/// Text for a terminal or a pipe; whoever has closed it does not want it.
fn print(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// A complaint before there is a log, or for somebody who does not read it. Returns `status`.
pub(crate) fn complain(error: &dyn Display, status: u8) -> u8 {
    print(&mut io::stderr(), &format!("schrittmacher: {error}\n"));
    status
}

/// Reads the configuration and is the daemon, until its end; returns the exit status.
pub(crate) fn start(path: &Path, waiting: Waiting) -> u8 {
    let closed = actions::close_on_exec_all();
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(error) => {
            print(&mut io::stderr(), &config::failure(&error));
            return LoadError::exit_code(&error);
        }
    };
    let core = &loaded.config.core;
    let (file, facility, server) = (core.log_file.clone(), core.log_syslog, core.log_syslog_server);
    let logging = match Logging::start(core.log_level, file, facility, server) {
        Ok(logging) => logging,
        Err(error) => return complain(&format!("can't start the log threads: {error}"), exit_code::OSERR),
    };
    // A second logger is impossible: this is the only place that installs one.
    let _ = logging.install();
    abort_on_panic(logging.clone());
    if let Err(error) = closed {
        warn!("commands may inherit what was open when this program was started: {error}");
    }
    let status = match run(path, loaded, waiting, &logging) {
        Ok(()) => exit_code::OK,
        Err(error) => {
            error!("{error}");
            error.exit_code()
        }
    };
    logging.shutdown();
    status
}

/// Why the daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "{}: remote-address {address} is an address of this host; it must be the other node's (are \
         local-address and remote-address swapped?)",
        path.display()
    )]
    PeerIsUs { path: PathBuf, address: IpAddr },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{what}: {error}")]
    System { what: &'static str, error: io::Error },
}

impl Failure {
    fn system(what: &'static str) -> impl FnOnce(io::Error) -> Failure {
        move |error| Failure::System { what, error }
    }

    fn exit_code(&self) -> u8 {
        match self {
            Failure::PeerIsUs { .. } => exit_code::CONFIG,
            Failure::Open(OpenError::Other { error, .. }) | Failure::System { error, .. }
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                exit_code::NOPERM
            }
            Failure::Open(_) | Failure::System { .. } => exit_code::OSERR,
        }
    }
}

/// The daemon from its configuration to its end.
fn run(path: &Path, loaded: Loaded, waiting: Waiting, logging: &Logging) -> Result<(), Failure> {
    let Loaded { config, warnings, .. } = loaded;
    greet(path, &config);
    if let Some(why) = waiting.predecessor() {
        warn!("started again: {why}");
    }
    if waiting.in_background() && config.core.log_file.is_none() && config.core.log_syslog.is_none() {
        warn!("in the background, without `log-file` and `log-syslog`: nobody will see the log");
    }
    if let Some(sibling) = options::unread_sibling(path) {
        warn!("{} is there too, and not read: {} comes first", sibling.display(), path.display());
    }
    for warning in warnings {
        warn!("{warning}");
    }

    if link::is_own_address(config.core.remote_address) {
        return Err(Failure::PeerIsUs { path: path.to_owned(), address: config.core.remote_address });
    }
    actions::allow_descriptors(config.resources.len());
    let (poll, waker) = event_loop::poll().map_err(Failure::system("can't set up the event loop"))?;
    let link = Link::open(&config.core, poll.registry(), event_loop::LINK)?;
    let now = clock::now();
    let registry = || poll.registry().try_clone().map_err(Failure::system("can't set up the event loop"));
    let executor = Executor::new(&config, registry()?, event_loop::PIPES, Arc::clone(&waker))
        .map_err(Failure::system("can't start the thread that begins commands"))?;
    let processes =
        AppProcesses::new(&config.resources, registry()?, event_loop::PROCESSES, Arc::clone(&waker))
            .map_err(Failure::system("can't set up the watch on processes"))?;
    let reloader = Reloader::new(path.to_owned(), Arc::clone(&waker), logging.clone());
    let (requests_in, requests) = mpsc::sync_channel(event_loop::REQUESTS);
    if let Some(settings) = admin::Settings::from_config(&config.core) {
        admin::spawn(settings, requests_in, move || drop(waker.wake()))
            .map_err(Failure::system("can't start the thread of the status page"))?;
    }
    let node = Node::new(config, link, executor, processes, now);
    let notifier = Notifier::from_env().unwrap_or_else(|error| {
        warn!("can't reach the service manager: {error}");
        Notifier::none()
    });
    let mut event_loop = EventLoop::new(poll, node, requests, notifier, reloader)
        .map_err(Failure::system("can't set up the event loop"))?;

    waiting.release(logging).map_err(Failure::system("can't let go of the caller's standard error"))?;
    let end = event_loop.run().map_err(Failure::system("the event loop broke"))?;
    info!(
        "{}",
        match end {
            End::Released => "ended; what could be handed over was handed over",
            End::Left => "ended; applications and addresses were left alone",
        }
    );
    Ok(())
}

fn greet(path: &Path, config: &Config) {
    info!(
        "schrittmacher {} starts: {}, {} resource(s), {} port {} -> peer {}",
        env!("CARGO_PKG_VERSION"),
        path.display(),
        config.resources.len(),
        config.core.local_address,
        config.core.port,
        config.core.remote_address,
    );
}

/// A daemon in which one thread has panicked would go on as a ghost. It says why and aborts; the peer and
/// the service manager know what to do.
fn abort_on_panic(logging: Logging) {
    panic::set_hook(Box::new(move |info| {
        logging.last_words(&format!("defect in the program, aborting: {info}"));
        std::process::abort();
    }));
}
