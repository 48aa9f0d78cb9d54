//! Start-up and shutdown of the daemon, to be read from top to bottom.

use std::io;
use std::net::IpAddr;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::SystemTime;

use log::{error, info, warn};

use super::Waiters;
use super::configuration::FirstConfiguration;
use super::console::complain;
use super::descriptors;
use super::kept_sockets::KeptSockets;
use super::notify::Notifier;
use super::{realtime, rights};
use crate::admin::{self, ControlDoor, OrderRights, Told};
use crate::app_process::AppProcesses;
use crate::app_socket::AppSocket;
use crate::commands::{Executor, Fencer};
use crate::event_hook::EventHook;
use crate::event_loop::reloader::Reloader;
use crate::event_loop::{self, EventLoop, LoopEnd, Polls, Urgency, clock};
use crate::heap;
use crate::kept::{self, History, Keeper, StateFolder};
use crate::logging::{self, Logging};
use crate::node::Node;
use crate::node::hold::Memory;
use crate::node::promises::{PromiseMemory, wanted};
use crate::ping::Pings;
use crate::socket_file::SocketError;
use crate::udp::{self, Link, OpenError};
use crate::witness::Witness;
use schrittmacher_config::{Config, ControlSocket, Core, Loaded};
use schrittmacher_text::exit_code;

/// Reads the configuration and is the daemon, until its end; returns the exit status.
pub fn start(path: &Path, waiters: Waiters, kept_sockets: KeptSockets) -> u8 {
    heap::begin();
    descriptors::tighten_umask();
    let closed = descriptors::close_on_exec_all();
    let first = match FirstConfiguration::read(path) {
        Ok(first) => first,
        Err(status) => return status,
    };
    let core = &first.loaded.config.core;
    let (file, facility, server) = (core.log_file.clone(), core.log_syslog, core.log_syslog_server);
    let logging = match Logging::start(core.log_level, file, facility, server, core.log_time) {
        Ok(logging) => logging,
        Err(error) => return complain(&format!("can't start the log threads: {error}"), exit_code::OSERR),
    };
    // A second logger is impossible: this is the only place that installs one.
    let _ = logging.install();
    abort_on_panic(logging.clone());
    if let Err(error) = closed {
        warn!("commands may inherit what was open when this program was started: {error}");
    }
    let status = match run(path, first, waiters, kept_sockets, &logging) {
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
fn run(
    path: &Path,
    first: FirstConfiguration,
    waiters: Waiters,
    kept_sockets: KeptSockets,
    logging: &Logging,
) -> Result<(), Failure> {
    greet(path, &first.loaded.config);
    first.tell(path);
    warn_at_start(path, &first.loaded, &waiters);
    let core = &first.loaded.config.core;
    if let Some(address) = udp::peer_that_is_us(core) {
        return Err(Failure::PeerIsUs { path: path.to_owned(), address });
    }
    descriptors::allow_descriptors(first.loaded.config.resources.len());
    let realtime = core.realtime;
    // The control socket is there as long as its door is held.
    let (mut event_loop, _door) = assemble(path, first, kept_sockets, logging)?;
    waiters.release(logging).map_err(Failure::system("can't let go of the caller's standard error"))?;
    let (history, hook) = (event_loop.history(), event_loop.event_hook());
    // The text of the configuration has done its service.
    heap::give_back();
    realtime::apply(realtime);
    let end = event_loop.run().map_err(Failure::system("the event loop broke"))?;
    event_loop.release_watchdog();
    let ended = clock::now();
    history.finish();
    let left = event_loop.has_left_service(end);
    // What was left is hot, and its heartbeats are missing: a slow command of `notify` is not waited for.
    if !left {
        hook.finish();
    }
    if end == LoopEnd::Left {
        event_loop.keep_sockets();
    }
    if left {
        let (pid, time) = (std::process::id(), logging::time(SystemTime::now()));
        let text = format!("{time}: daemon {pid} has ended and left its service alone\n");
        let hot = event_loop.left_hot();
        event_loop.into_keeper().left_alone(text, hot, ended);
    }
    info!(
        "{}",
        match end {
            LoopEnd::Released if left => "ended; what no peer could take over was left as it is",
            LoopEnd::Released => "ended; what could be handed over was handed over",
            LoopEnd::Left => "ended; applications and addresses were left alone",
        }
    );
    Ok(())
}

/// Everything that may not be as it was meant.
fn warn_at_start(path: &Path, loaded: &Loaded, waiters: &Waiters) {
    let core = &loaded.config.core;
    if let Some(why) = waiters.predecessor() {
        warn!("started again: {why}");
    }
    if waiters.in_background() && core.log_file.is_none() && core.log_syslog.is_none() {
        warn!("in the background, without `log-file` and `log-syslog`: the log goes nowhere");
    }
    if let Some(sibling) = schrittmacher_config::unread_sibling(path) {
        warn!("{} is there too, and not read: {} comes first", sibling.display(), path.display());
    }
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    if !udp::is_on_this_host(core.local_address) {
        let address = core.local_address;
        warn!(
            "no interface of this host has `local-address` {address}: the peer cannot be heard until one has"
        );
    }
    rights::tell();
}

/// The parts of the daemon, joined.
fn assemble(
    path: &Path,
    first: FirstConfiguration,
    mut kept_sockets: KeptSockets,
    logging: &Logging,
) -> Result<(EventLoop, Option<ControlDoor>), Failure> {
    let file_is_broken = first.instead.is_some();
    let kept = (!file_is_broken).then(|| first.loaded.to_kept());
    let config = first.loaded.config;
    let (polls, waker) = Polls::new().map_err(Failure::system("can't set up the event loop"))?;
    let registry =
        |urgency| polls.registry(urgency).try_clone().map_err(Failure::system("can't set up the event loop"));
    let has_kept_sockets = !kept_sockets.is_empty();
    let link = Link::open(
        &config.core,
        &mut kept_sockets,
        polls.registry(Urgency::Urgent),
        polls.registry(Urgency::Report),
    )?;
    // At once: until it is there applications report by UDP.
    let app_socket =
        AppSocket::open(&config.core, &config.resources, &link.addresses(), registry(Urgency::Report)?);
    let now = clock::now();
    let folder = state_folder(&config.core);
    let left_hot = folder.as_ref().and_then(|folder| kept::take_left_hot(folder, now));
    let executor = Executor::new(&config, registry(Urgency::Work)?, Arc::clone(&waker), folder.clone(), now)
        .map_err(Failure::system("can't start the thread that begins commands"))?;
    let processes = AppProcesses::new(&config.resources, registry(Urgency::Urgent)?, Arc::clone(&waker))
        .map_err(Failure::system("can't set up the watch on processes"))?;
    let rights = OrderRights::new(&config.core);
    let reloader = Reloader::start(path.to_owned(), Arc::clone(&waker), logging.clone(), rights.clone())
        .map_err(Failure::system("can't start the thread that reads the configuration again"))?;
    let peer_is_known = folder.as_ref().is_some_and(|folder| kept::is_known(folder, &config.core));
    let frozen = folder.as_ref().map(kept::freezes).unwrap_or_default();
    let epochs = folder.as_ref().map(kept::epochs).unwrap_or_default();
    let promises = {
        let earlier = folder.as_ref().map(kept::promises).unwrap_or_default();
        let kept = kept::keep_promises(folder.as_ref(), &earlier, &wanted(&config.resources));
        PromiseMemory::new(&config, &earlier, kept, now)
    };
    let history = History::start(folder.clone())
        .map_err(Failure::system("can't start the thread that writes the history"))?;
    let hook =
        EventHook::start(&config.core).map_err(Failure::system("can't start the thread of `notify`"))?;
    let told = Told { history: history.clone(), hook: hook.clone(), folder: folder.clone() };
    let mut keeper = Keeper::start(folder, path.to_owned(), Arc::clone(&waker))
        .map_err(Failure::system("can't start the thread that writes files"))?;
    if let Some(kept) = kept {
        keeper.configuration(kept);
    }
    let witness = Witness::start(&config, Arc::clone(&waker))
        .map_err(Failure::system("can't start the thread that asks the witness"))?;
    let pings = Pings::start(&config, Arc::clone(&waker))
        .map_err(Failure::system("can't start the thread that sends echoes"))?;
    let fencer = Fencer::new(Arc::clone(&waker));
    let (requests_in, requests) = mpsc::sync_channel(event_loop::REQUESTS);
    let control = ControlDoor::open(&ControlSocket::from_config(&config.core));
    let log = (logging.level(), logging.lost());
    admin::spawn(&config.core, control.as_ref(), rights, told, log, requests_in, move || {
        drop(waker.wake());
    })
    .map_err(Failure::system("can't start the thread of the status page"))?;
    tell_of_exposure("run-directory", schrittmacher_config::exposure(&config.core.run_directory, None));
    if let Some(control) = &control {
        info!("control socket {}", control.path().display());
    }
    let app_socket = tell_of_app_socket(app_socket, control.is_some());
    let memory = Memory { file_is_broken, peer_is_known, promises };
    let mut node = Node::new(config, memory, link, executor, processes, app_socket, now)
        .map_err(Failure::system("no random numbers"))?;
    node.keep_history(history);
    node.tell_events(hook);
    node.ask_witness(witness);
    node.send_echoes(pings);
    node.fence_with(fencer);
    node.restore_freezes(frozen, now);
    node.restore_epochs(epochs, now);
    if let Some((ago, names)) = left_hot {
        node.was_left_hot(&names, ago, now);
    }
    let notifier = Notifier::from_env().unwrap_or_else(|error| {
        warn!("can't reach the service manager: {error}");
        Notifier::none()
    });
    if has_kept_sockets {
        notifier.take_over();
    }
    let event_loop = EventLoop::new(polls, node, requests, notifier, reloader, keeper)
        .map_err(Failure::system("can't set up the event loop"))?;
    Ok((event_loop, control))
}

/// One line for both sockets if there is neither: the reason is the same, and was told with the control socket.
fn tell_of_app_socket(opened: Result<AppSocket, SocketError>, has_control: bool) -> Option<AppSocket> {
    match &opened {
        Ok(socket) => info!("application socket {}", socket.path().display()),
        Err(error) if has_control => {
            warn!("no Unix socket for applications, which report by UDP: {error}");
        }
        Err(_) => {}
    }
    opened.ok()
}

/// Where the daemon keeps what has to survive a restart. It can run without.
fn state_folder(core: &Core) -> Option<StateFolder> {
    StateFolder::open(core)
        .inspect(StateFolder::is_back)
        .inspect(|_| tell_of_exposure("state-directory", StateFolder::exposure(core)))
        .inspect_err(|error| {
            warn!(
                "`state-directory`: {} cannot be used ({error}): a restart will not know what this daemon knows",
                core.state_directory.display()
            );
        })
        .ok()
}

/// The sockets in a folder of another user are his, if he likes.
fn tell_of_exposure(key: &str, exposure: Option<String>) {
    if let Some(why) = exposure {
        warn!("`{key}`: other users can change what is in it: {why}; chown root, chmod go-w");
    }
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
