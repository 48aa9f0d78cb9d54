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
use crate::schedule::Schedule;
use crate::settings::{self, Endpoint, Settings};
use crate::shared::{Run, Shared, State};
use crate::signals::SignalHooks;
use crate::thread::HeartbeatThread;
use crate::{ClientBuilder, CurrentState, Error, WantedState};

/// A function of the application, called when the daemon orders a switch.
pub(crate) type OrderFn = dyn Fn(&Client) + Send + Sync;

/// An application's connection to its schrittmacher daemon.
///
/// Made by [`Client::builder`]. Clones are the same client; the last one that goes stops it. Every method may
/// be called from every thread, and from the client's own functions (go-hot, go-standby, log): these are never
/// called while something is locked.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// Who sends the heartbeats.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drive {
    Thread,
    Polled,
}

impl Client {
    /// Begins to describe a client for the resource `resource_id`, the name that the daemon's configuration
    /// gives it.
    pub fn builder(resource_id: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(resource_id.into())
    }

    pub(crate) fn new(settings: Settings) -> Client {
        Client::from_shared(Arc::new(Shared::new(settings)))
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Client {
        Client { shared }
    }

    /// Opens a socket and starts a thread that repeats the last report every heartbeat interval, for the
    /// first time one interval from now. Sends nothing itself. A running client is stopped first.
    ///
    /// The thread has all signals blocked and 256 KiB of stack. It runs the go-hot and go-standby functions
    /// for orders that come by signal; while such a function runs, no heartbeat leaves.
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

    /// Like [`start`](Client::start), but without a thread: the application watches
    /// [`poll_fd`](Client::poll_fd) and calls [`dispatch`](Client::dispatch) when it is readable.
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
            // A name takes its time to be resolved, and so is not resolved under the lock.
            let endpoint = self.with_state(|state, _| state.reporter.settings.endpoint.clone())?;
            let link = self.shared.os(Link::open(&endpoint))?;
            let begun = self.with_state(|state, journal| {
                // Else another thread changed it meanwhile.
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
        state.run = Some(Run { link, schedule, thread: None });
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

    /// Stops the heartbeats and closes the socket. No farewell is sent: the daemon notices the silence.
    /// Returns when the thread has ended, and with it a function that it may be running; called from such a
    /// function it returns at once. A client that is not started is left as it is.
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

    /// Tells the daemon at once what the application is, and with every heartbeat from now on. A reason is
    /// repeated with it; none clears an earlier one.
    ///
    /// # Errors
    ///
    /// In each of these the state is kept all the same, and sent by a later heartbeat: [`Error::NotStarted`],
    /// [`Error::NoResourceId`], [`Error::NoDaemon`], [`Error::System`]. [`Error::Forked`].
    pub fn report(&self, state: CurrentState, reason: Option<&str>) -> Result<(), Error> {
        self.with_state(|client, journal| {
            client.reporter.report(state, reason);
            self.shared.beat(client, journal)
        })?
    }

    /// Sends a heartbeat now, besides those that are sent anyway. Before the first report there is nothing to
    /// say, and nothing is sent.
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

    /// Takes the order to become hot, as when the application got SIGUSR1: unless it is hot or on its way,
    /// it is on its way from now on, and the go-hot function is called on this thread. Sends nothing: the next
    /// heartbeat says so.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn signal_go_hot(&self) -> Result<(), Error> {
        self.order(WantedState::Hot)
    }

    /// Takes the order to become standby; see [`signal_go_hot`](Client::signal_go_hot).
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn signal_go_standby(&self) -> Result<(), Error> {
        self.order(WantedState::Standby)
    }

    fn order(&self, wanted: WantedState) -> Result<(), Error> {
        let function = self.with_state(|state, journal| {
            if !state.reporter.order(wanted) {
                return None;
            }
            journal.note(LogLevel::Info, || format!("ordered to go {}", wanted.as_str()));
            let function = state.order_fn(wanted);
            if function.is_none() {
                journal.note(LogLevel::Major, || format!("there is no go-{} function", wanted.as_str()));
            }
            function
        })?;
        if let Some(function) = function {
            function(self);
        }
        Ok(())
    }

    /// Hands over a signal from the application's own handler: SIGUSR1 is the order to become hot, SIGUSR2 to
    /// become standby. The order is carried out by the heartbeat thread, or by the next
    /// [`dispatch`](Client::dispatch); of two orders that wait, the later one counts. Async-signal-safe:
    /// takes no lock, allocates nothing, leaves `errno` alone.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for another signal.
    pub fn notify_signal(&self, signo: i32) -> Result<(), Error> {
        self.shared.bell.signal(signo)
    }

    /// Installs handlers for SIGUSR1 and SIGUSR2 that do what [`notify_signal`](Client::notify_signal) does
    /// and then call the handlers that were there. Calling it again changes nothing. They stay until the last
    /// clone of the client is gone; a later `sigaction` by the application silently removes them.
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

    /// The descriptor to watch for [`dispatch`](Client::dispatch): readable when there is something to do.
    /// It stays the same, and open, until the last clone of the client is gone. None before the first start.
    pub fn poll_fd(&self) -> Option<RawFd> {
        self.shared.bell.alarm.get().map(Alarm::descriptor)
    }

    /// Does what there is to do: carries out an order that came by signal, sends a heartbeat that is due.
    /// Never waits. Needless calls do no harm.
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

    /// One turn of the heartbeat thread of start number `run`. False when that run is over.
    pub(crate) fn turn(&self, run: u64) -> bool {
        // The order comes first: its function may stop the client.
        self.is_run(run) && self.obey().is_ok() && self.is_run(run) && {
            // What goes wrong with a heartbeat is in the log and in os_error; the next one tries again.
            let _ = self.beat_if_due(Some(run));
            true
        }
    }

    fn is_run(&self, run: u64) -> bool {
        self.with_state(|state, _| state.runs == run && state.run.is_some()).unwrap_or(false)
    }

    fn obey(&self) -> Result<(), Error> {
        match self.shared.bell.take_order() {
            Some(wanted) => self.order(wanted),
            None => Ok(()),
        }
    }

    /// Sends the heartbeat if its time has come, and sets the alarm for the next one; unless the run that was
    /// expected is over.
    fn beat_if_due(&self, expected_run: Option<u64>) -> Result<(), Error> {
        self.with_state(|state, journal| {
            let is_over = expected_run.is_some_and(|run| run != state.runs);
            let Some(run) = state.run.as_mut().filter(|_| !is_over) else {
                return Ok(());
            };
            let result =
                if run.schedule.is_due(Instant::now()) { self.shared.beat(state, journal) } else { Ok(()) };
            self.shared.set_alarm(state).and(result)
        })?
    }

    /// What the application was last told to become; none before the first order.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn wanted_state(&self) -> Result<Option<WantedState>, Error> {
        self.with_state(|state, _| state.reporter.wanted)
    }

    /// What the application said last, or is since an order: on its way. [`CurrentState::Failed`] after being
    /// on the way for too long. None before the first report or order.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn current_state(&self) -> Result<Option<CurrentState>, Error> {
        self.with_state(|state, _| state.reporter.current)
    }

    /// What the operating system last refused; none if nothing, or if a datagram was sent since.
    pub fn last_os_error(&self) -> Option<io::Error> {
        match self.shared.os_error.load(Ordering::Relaxed) {
            0 => None,
            code => Some(io::Error::from_raw_os_error(code)),
        }
    }

    /// Changes how the daemon is reached; a started client goes over to it at once.
    pub(crate) fn change_endpoint(&self, change: impl Fn(&mut Endpoint)) -> Result<(), Error> {
        loop {
            let (mut endpoint, started) =
                self.with_state(|state, _| (state.reporter.settings.endpoint.clone(), state.run.is_some()))?;
            change(&mut endpoint);
            let link = if started { Some(self.shared.os(Link::open(&endpoint))?) } else { None };
            let changed = self.with_state(|state, _| {
                // Else another thread started or stopped the client meanwhile.
                let unchanged = state.run.is_some() == started;
                if unchanged {
                    state.reporter.settings.endpoint = endpoint;
                    if let (Some(run), Some(link)) = (&mut state.run, link) {
                        run.link = link;
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

    /// Reads or changes what needs no further care.
    pub(crate) fn with_state<T>(&self, body: impl FnOnce(&mut State, &mut Journal) -> T) -> Result<T, Error> {
        self.shared.with_state(body)
    }
}
