//! The client: what an application can do.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use schrittmacher_wire::AppCode;

use crate::alarm::Alarm;
use crate::link::Link;
use crate::log::{Journal, LogLevel};
use crate::right::{self, RightWatch};
use crate::schedule::Schedule;
use crate::settings::{self, Endpoint, Settings};
use crate::shared::{Run, Shared, State};
use crate::signals::SignalHooks;
use crate::thread::HeartbeatThread;
use crate::watch::Watch;
use crate::{ClientBuilder, CurrentState, Error, WantedState};

/// An application's connection to its schrittmacher daemon.
///
/// Made by [`Client::builder`]. Clones are the same client, and dropping the last one stops it. Every method may be
/// called from every thread, and from the application's functions that the client calls. Nothing is locked while such a
/// function runs.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// The way in which heartbeats are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drive {
    Thread,
    Polled,
}

impl Client {
    /// Describes a client for the resource with this name in the daemon's configuration.
    pub fn builder(resource_id: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(resource_id.into())
    }

    pub(crate) fn new(settings: Settings) -> Client {
        Client::from_shared(Arc::new(Shared::new(settings)))
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Client {
        Client { shared }
    }

    /// Opens a socket, and starts a thread that repeats the last report every heartbeat interval. The first heartbeat
    /// is due one interval from now. This call sends nothing. A started client is stopped first.
    ///
    /// The thread has all signals blocked and 256 KiB of stack. It calls the application's functions: go-hot
    /// and go-standby for orders that come by signal, heartbeat, and daemon-lost. While one of them runs, no
    /// heartbeat leaves.
    ///
    /// In a child process of the one that started the client, this takes the client over for the child.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::System`]; [`Error::Forked`] if another thread was inside the client when
    /// the process forked.
    pub fn start(&self) -> Result<(), Error> {
        self.start_driven(Drive::Thread)
    }

    /// Starts the client without a thread: the application watches [`poll_fd`](Client::poll_fd), and calls
    /// [`dispatch`](Client::dispatch) when it is readable.
    ///
    /// # Errors
    ///
    /// As [`start`](Client::start).
    pub fn start_polled(&self) -> Result<(), Error> {
        self.start_driven(Drive::Polled)
    }

    fn start_driven(&self, drive: Drive) -> Result<(), Error> {
        self.shared.claim()?;
        self.stop()?;
        self.shared.make_alarm()?;
        loop {
            // Resolving a name takes time, so the lock is not held meanwhile.
            let endpoint = self.with_state(|state, _| state.reporter.settings.endpoint.clone())?;
            let link = self.shared.os(Link::open(&endpoint))?;
            let begun = self.with_state(|state, journal| {
                // Otherwise another thread has changed it meanwhile.
                let unchanged = state.reporter.settings.endpoint == endpoint;
                unchanged.then(|| self.begin_run(state, link, drive, journal))
            })?;
            if let Some(result) = begun {
                return result;
            }
        }
    }

    fn begin_run(
        &self,
        state: &mut State,
        link: Link,
        drive: Drive,
        journal: &mut Journal,
    ) -> Result<(), Error> {
        journal.note(LogLevel::Info, || format!("started, reporting to {}", link.daemon()));
        let schedule = Schedule::new(Instant::now(), state.reporter.settings.heartbeat_interval);
        state.runs += 1;
        state.run =
            Some(Run { link, schedule, watch: Watch::default(), right: RightWatch::default(), thread: None });
        let thread = self.shared.set_alarm(state).and_then(|()| match drive {
            Drive::Polled => Ok(None),
            Drive::Thread => self.spawn_thread(state.runs).map(Some),
        });
        match (thread, &mut state.run) {
            (Ok(thread), Some(run)) => run.thread = thread,
            (Ok(_), None) => {}
            (Err(error), _) => {
                state.run = None;
                return Err(error);
            }
        }
        Ok(())
    }

    fn spawn_thread(&self, run: u64) -> Result<HeartbeatThread, Error> {
        let thread = HeartbeatThread::spawn(Arc::downgrade(&self.shared), &self.shared.bell, run);
        self.shared.os(thread.map_err(Error::system("start the heartbeat thread")))
    }

    /// Stops the heartbeats, and closes the socket. Sends no farewell: the daemon notices the silence. Returns when the
    /// thread has ended; called on that thread, it returns at once. Does nothing for a client that is not started.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn stop(&self) -> Result<(), Error> {
        let Some(run) = self.with_state(|state, journal| {
            let run = state.run.take();
            if run.is_some() {
                journal.note(LogLevel::Info, || "stopped".to_owned());
            }
            run
        })?
        else {
            return Ok(());
        };
        if let Some(thread) = run.thread {
            self.shared.bell.ring();
            thread.end();
        }
        Ok(())
    }

    /// Whether the client is started.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn is_started(&self) -> Result<bool, Error> {
        self.with_state(|state, _| state.run.is_some())
    }

    /// Reports the application's state at once, and with every heartbeat from now on. The reason is repeated with it;
    /// without one, an earlier reason is cleared.
    ///
    /// # Errors
    ///
    /// [`Error::NotStarted`], [`Error::NoResourceId`], [`Error::NoDaemon`], [`Error::System`]: the state is kept, and a
    /// later heartbeat sends it. [`Error::Forked`].
    pub fn report(&self, state: CurrentState, reason: Option<&str>) -> Result<(), Error> {
        self.with_state(|client, journal| {
            client.reporter.report(state, reason);
            let sent = self.shared.beat(client, journal);
            if client.reporter.asks_right {
                self.shared.set_alarm(client)?;
            }
            sent
        })?
    }

    /// Sends a heartbeat now, besides the regular ones. Before the first report it sends nothing.
    ///
    /// # Errors
    ///
    /// As [`report`](Client::report).
    pub fn do_heartbeat(&self) -> Result<(), Error> {
        self.with_state(|state, journal| self.shared.beat(state, journal))?
    }

    /// Asks the daemon to make this side hot. Sends one message with the reason `user-requested`.
    ///
    /// # Errors
    ///
    /// As [`report`](Client::report).
    pub fn request_takeover(&self) -> Result<(), Error> {
        self.request(AppCode::Lrto)
    }

    /// Asks the daemon to make the other side hot. Sends one message with the reason `user-requested`.
    ///
    /// # Errors
    ///
    /// As [`report`](Client::report).
    pub fn request_failover(&self) -> Result<(), Error> {
        self.request(AppCode::Lrfo)
    }

    fn request(&self, code: AppCode) -> Result<(), Error> {
        self.with_state(|state, journal| {
            let datagram = state.reporter.request_datagram(code)?;
            self.shared.send(state, code, &datagram, journal)
        })?
    }

    /// Carries out the order to become hot, as if SIGUSR1 had come. Unless the application is hot or on its way, its
    /// state becomes "on the way", and the go-hot function is called on this thread. Sends nothing: the next heartbeat
    /// does.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn signal_go_hot(&self) -> Result<(), Error> {
        self.order(WantedState::Hot)
    }

    /// Carries out the order to become standby; see [`signal_go_hot`](Client::signal_go_hot).
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn signal_go_standby(&self) -> Result<(), Error> {
        self.order(WantedState::Standby)
    }

    /// Hands over a signal from the application's own handler: SIGUSR1 is the order to become hot, SIGUSR2 to become
    /// standby. The heartbeat thread carries out the order, or the next [`dispatch`](Client::dispatch). Of two waiting
    /// orders the later one counts. Async-signal-safe: takes no lock, allocates nothing, leaves `errno` alone.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for another signal.
    pub fn notify_signal(&self, signo: i32) -> Result<(), Error> {
        self.shared.bell.signal(signo)
    }

    /// Installs handlers for SIGUSR1 and SIGUSR2. They do what [`notify_signal`](Client::notify_signal) does, and then
    /// call the handlers that were there before. A second call changes nothing. They stay until the last clone of the
    /// client is dropped. A later `sigaction` of the application removes them.
    ///
    /// # Errors
    ///
    /// [`Error::System`], [`Error::Forked`].
    pub fn install_signal_handlers(&self) -> Result<(), Error> {
        self.with_state(|state, _| {
            if state.hooks.is_none() {
                let hooks = SignalHooks::install(&self.shared.bell);
                let hooks = self.shared.os(hooks.map_err(Error::system("install a signal handler")))?;
                state.hooks = Some(hooks);
            }
            Ok(())
        })?
    }

    /// The descriptor to watch for [`dispatch`](Client::dispatch): readable when there is something to do. It stays the
    /// same, and open, until the last clone of the client is dropped. None before the first start.
    pub fn poll_fd(&self) -> Option<RawFd> {
        self.shared.bell.alarm.get().map(Alarm::descriptor)
    }

    /// Carries out an order that came by signal, sends a heartbeat that is due, and tells of a lost daemon. The
    /// application's functions are called on this thread. Never waits. A call without need does no harm.
    ///
    /// # Errors
    ///
    /// [`Error::NotStarted`], [`Error::NotPolled`], [`Error::Forked`]; those of a heartbeat, as
    /// [`report`](Client::report).
    pub fn dispatch(&self) -> Result<(), Error> {
        self.with_state(|state, _| match &state.run {
            None => Err(Error::NotStarted),
            Some(Run { thread: Some(_), .. }) => Err(Error::NotPolled),
            Some(Run { thread: None, .. }) => Ok(()),
        })??;
        self.obey()?;
        self.beat_if_due(None)
    }

    /// Stops the client for good: no function of the application is called any more.
    pub(crate) fn close(&self) {
        // In a child process nothing is stopped; that is no error here.
        let _ = self.stop();
        self.shared.bell.close();
    }

    /// The wanted state: the daemon's last order. None before the first one.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn wanted_state(&self) -> Result<Option<WantedState>, Error> {
        self.with_state(|state, _| state.reporter.wanted)
    }

    /// The current state: what the application reported last, or "on the way" since an order.
    /// [`CurrentState::Failed`] if that took too long. None before the first report or order.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn current_state(&self) -> Result<Option<CurrentState>, Error> {
        self.with_state(|state, _| state.reporter.current)
    }

    /// Whether the daemon is lost, as [`on_daemon_lost`](ClientBuilder::on_daemon_lost) defines it. False while
    /// the client is stopped, and if no time was set.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn is_daemon_lost(&self) -> Result<bool, Error> {
        self.with_state(|state, _| {
            let limit = state.reporter.settings.daemon_lost_after;
            state.run.as_ref().is_some_and(|run| run.watch.is_lost(limit))
        })
    }

    /// How long the application may still serve, by the word of its daemon; see [`on_right_ended`](ClientBuilder::on_right_ended),
    /// without which the daemon is not asked. None if there is no limit: it does not serve, another `policy`, or nothing was said yet.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn right_left(&self) -> Result<Option<Duration>, Error> {
        self.with_state(|state, _| {
            let run = state.run.as_mut()?;
            run.hear_right();
            run.right.left(right::now()).filter(|_| state.reporter.may_serve())
        })
    }

    /// The error of the last system call that failed. None if none failed, or if a datagram was sent since.
    pub fn last_os_error(&self) -> Option<io::Error> {
        match self.shared.os_error.load(Ordering::Relaxed) {
            0 => None,
            code => Some(io::Error::from_raw_os_error(code)),
        }
    }

    /// Changes the daemon's address; a started client uses it at once.
    pub(crate) fn change_endpoint(&self, change: impl Fn(&mut Endpoint)) -> Result<(), Error> {
        loop {
            let (mut endpoint, started) =
                self.with_state(|state, _| (state.reporter.settings.endpoint.clone(), state.run.is_some()))?;
            change(&mut endpoint);
            let link = if started { Some(self.shared.os(Link::open(&endpoint))?) } else { None };
            let changed = self.with_state(|state, _| {
                // Otherwise another thread has started or stopped the client meanwhile.
                let unchanged = state.run.is_some() == started;
                if unchanged {
                    state.reporter.settings.endpoint = endpoint;
                    if let (Some(run), Some(link)) = (&mut state.run, link) {
                        run.link = link;
                        run.watch = Watch::default();
                        run.right = RightWatch::default();
                    }
                }
                unchanged
            })?;
            if changed {
                return Ok(());
            }
        }
    }

    /// Changes the time between heartbeats; a started client counts it from now.
    pub(crate) fn change_interval(&self, interval: Duration) -> Result<(), Error> {
        let interval = settings::checked_interval(interval)?;
        self.with_state(|state, _| {
            state.reporter.settings.heartbeat_interval = interval;
            if let Some(run) = &mut state.run {
                run.schedule = Schedule::new(Instant::now(), interval);
            }
            self.shared.set_alarm(state)
        })?
    }

    /// Reads or changes state that needs no further care.
    pub(crate) fn with_state<T>(&self, body: impl FnOnce(&mut State, &mut Journal) -> T) -> Result<T, Error> {
        self.shared.with_state(body)
    }
}
