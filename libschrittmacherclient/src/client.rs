//! The client: a [`Reporter`] with a socket, a clock and somebody to tell.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use schrittmacher_wire::AppCode;

use crate::bell::Bell;
use crate::capi::Functions;
use crate::link::Link;
use crate::log::{Journal, Log, LogLevel};
use crate::reporter::Reporter;
use crate::settings::{self, Endpoint, Settings};
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
    inner: Arc<Inner>,
}

/// What all clones share. The heartbeat thread has only a weak reference, so that it cannot keep it alive.
pub(crate) struct Inner {
    pub(crate) bell: Arc<Bell>,
    state: Mutex<State>,
    /// Number of the last refusal by the operating system; 0 since the last success.
    os_error: AtomicI32,
}

/// What the lock protects.
pub(crate) struct State {
    pub reporter: Reporter,
    pub go_hot: Option<Arc<OrderFn>>,
    pub go_standby: Option<Arc<OrderFn>>,
    pub log: Log,
    /// The C interface's.
    pub functions: Functions,
    run: Option<Run>,
    /// Counts the starts, so that a thread notices that it is no longer the one.
    runs: u64,
    hooks: Option<SignalHooks>,
    /// The last datagram could not be delivered. Only changes are logged.
    undelivered: bool,
}

/// What there is between start and stop.
struct Run {
    link: Link,
    next_beat: Instant,
    /// None: the application's own loop calls dispatch.
    thread: Option<HeartbeatThread>,
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
        let state = State {
            reporter: Reporter::new(settings),
            go_hot: None,
            go_standby: None,
            log: Log::default(),
            functions: Functions::default(),
            run: None,
            runs: 0,
            hooks: None,
            undelivered: false,
        };
        let inner =
            Inner { bell: Arc::new(Bell::new()), state: Mutex::new(state), os_error: AtomicI32::new(0) };
        Client { inner: Arc::new(inner) }
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Client {
        Client { inner }
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
        self.claim()?;
        self.stop()?;
        self.os(self.make_alarm())?;
        // Resolving a name takes its time, and so is not done under the lock.
        loop {
            let endpoint = self.lock()?.reporter.settings.endpoint.clone();
            let link = self.os(Link::open(&endpoint))?;
            let mut state = self.lock()?;
            if state.reporter.settings.endpoint == endpoint {
                let mut journal = state.log.journal();
                let result = self.os(self.run(&mut state, link, drive, &mut journal));
                drop(state);
                journal.publish();
                return result;
            }
        }
    }

    /// Begins a run: sets the alarm, then starts the thread that waits for it.
    fn run(&self, state: &mut State, link: Link, drive: Drive, journal: &mut Journal) -> Result<(), Error> {
        let next_beat = Instant::now() + state.reporter.settings.heartbeat_interval;
        journal.note(LogLevel::Info, || format!("started, reporting to {}", link.daemon()));
        state.runs += 1;
        state.undelivered = false;
        let thread = match drive {
            Drive::Thread => {
                let thread =
                    HeartbeatThread::spawn(Arc::downgrade(&self.inner), &self.inner.bell, state.runs);
                Some(thread.map_err(Error::system("start the heartbeat thread"))?)
            }
            Drive::Polled => None,
        };
        state.run = Some(Run { link, next_beat, thread });
        self.set_alarm(state)
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
            self.ring();
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
        Ok(self.lock()?.run.is_some())
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
            self.beat(client, journal)
        })?
    }

    /// Sends a heartbeat now, besides those that are sent anyway. Before the first report there is nothing to
    /// say, and nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`report`](Client::report).
    pub fn do_heartbeat(&self) -> Result<(), Error> {
        self.with_state(|state, journal| self.beat(state, journal))?
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
            self.send(state, code, &datagram, journal)
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
            let function = match wanted {
                WantedState::Hot => state.go_hot.clone(),
                WantedState::Standby => state.go_standby.clone(),
            };
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
        self.inner.bell.signal(signo)
    }

    /// Installs handlers for SIGUSR1 and SIGUSR2 that do what [`notify_signal`](Client::notify_signal) does
    /// and then call the handlers that were there. Calling it again changes nothing. They stay until the last
    /// clone of the client is gone; a later `sigaction` by the application silently removes them.
    ///
    /// # Errors
    ///
    /// [`Error::System`], [`Error::Forked`].
    pub fn install_signal_handlers(&self) -> Result<(), Error> {
        let mut state = self.lock()?;
        if state.hooks.is_none() {
            let hooks =
                SignalHooks::install(&self.inner.bell).map_err(Error::system("install a signal handler"));
            state.hooks = Some(self.os(hooks)?);
        }
        Ok(())
    }

    /// The descriptor to watch for [`dispatch`](Client::dispatch): readable when there is something to do.
    /// It stays the same, and open, until the last clone of the client is gone. None before the first start.
    pub fn poll_fd(&self) -> Option<RawFd> {
        self.inner.bell.alarm.get().map(crate::alarm::Alarm::descriptor)
    }

    /// Does what there is to do: carries out an order that came by signal, sends a heartbeat that is due.
    /// Never waits. Needless calls do no harm.
    ///
    /// # Errors
    ///
    /// [`Error::NotStarted`], [`Error::NotPolled`], [`Error::Forked`]; those of a heartbeat, as
    /// [`report`](Client::report).
    pub fn dispatch(&self) -> Result<(), Error> {
        match &self.lock()?.run {
            None => return Err(Error::NotStarted),
            Some(Run { thread: Some(_), .. }) => return Err(Error::NotPolled),
            Some(Run { thread: None, .. }) => {}
        }
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
        self.lock().is_ok_and(|state| state.runs == run && state.run.is_some())
    }

    fn obey(&self) -> Result<(), Error> {
        match self.inner.bell.take_order() {
            Some(wanted) => self.order(wanted),
            None => Ok(()),
        }
    }

    /// Sends the heartbeat if its time has come, and sets the alarm for the next one.
    fn beat_if_due(&self, expected_run: Option<u64>) -> Result<(), Error> {
        self.with_state(|state, journal| {
            let interval = state.reporter.settings.heartbeat_interval;
            let runs = state.runs;
            let Some(run) = state.run.as_mut().filter(|_| expected_run.is_none_or(|run| run == runs)) else {
                return Ok(());
            };
            let now = Instant::now();
            let mut result = Ok(());
            if now >= run.next_beat {
                // On a fixed grid, unless we were held up: then no burst makes up for it.
                run.next_beat = (run.next_beat + interval).max(now);
                if run.next_beat == now {
                    run.next_beat = now + interval;
                }
                result = self.beat(state, journal);
            }
            self.set_alarm(state).and(result)
        })?
    }

    /// Sets the alarm for the next heartbeat. An order that came meanwhile has rung in vain and rings again.
    fn set_alarm(&self, state: &State) -> Result<(), Error> {
        let (Some(run), Some(alarm)) = (&state.run, self.inner.bell.alarm.get()) else {
            return Ok(());
        };
        let delay = run.next_beat.saturating_duration_since(Instant::now());
        self.os(alarm.set(delay).map_err(Error::system("set the heartbeat timer")))?;
        if self.inner.bell.has_order() {
            alarm.ring();
        }
        Ok(())
    }

    fn beat(&self, state: &mut State, journal: &mut Journal) -> Result<(), Error> {
        let Some(beat) = state.reporter.beat() else {
            return Ok(());
        };
        if beat.gave_up {
            journal.note(LogLevel::Major, || "on the way for too long: failed".to_owned());
        }
        let datagram = state.reporter.status_datagram(beat.code)?;
        self.send(state, beat.code, &datagram, journal)
    }

    fn send(
        &self,
        state: &mut State,
        code: AppCode,
        datagram: &[u8],
        journal: &mut Journal,
    ) -> Result<(), Error> {
        let link = &state.run.as_ref().ok_or(Error::NotStarted)?.link;
        let result = self.os(link.send(datagram));
        let daemon = link.daemon();
        match &result {
            Ok(()) => {
                self.inner.os_error.store(0, Ordering::Relaxed);
                journal.note(LogLevel::Debug, || format!("sent {code} to {daemon}"));
            }
            Err(error) if !state.undelivered => {
                journal.note(LogLevel::Warning, || format!("{code} did not reach {daemon}: {error}"));
            }
            Err(_) => {}
        }
        if result.is_ok() && state.undelivered {
            journal.note(LogLevel::Info, || format!("{daemon} is reached again"));
        }
        state.undelivered = result.is_err();
        result
    }

    /// What the application was last told to become; none before the first order.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn wanted_state(&self) -> Result<Option<WantedState>, Error> {
        Ok(self.lock()?.reporter.wanted)
    }

    /// What the application said last, or is since an order: on its way. [`CurrentState::Failed`] after being
    /// on the way for too long. None before the first report or order.
    ///
    /// # Errors
    ///
    /// [`Error::Forked`].
    pub fn current_state(&self) -> Result<Option<CurrentState>, Error> {
        Ok(self.lock()?.reporter.current)
    }

    /// What the operating system last refused; none if nothing, or if a datagram was sent since.
    pub fn last_os_error(&self) -> Option<io::Error> {
        match self.inner.os_error.load(Ordering::Relaxed) {
            0 => None,
            code => Some(io::Error::from_raw_os_error(code)),
        }
    }

    /// Changes how the daemon is reached; a started client goes over to it at once.
    pub(crate) fn change_endpoint(&self, change: impl Fn(&mut Endpoint)) -> Result<(), Error> {
        loop {
            let (mut endpoint, started) = {
                let state = self.lock()?;
                (state.reporter.settings.endpoint.clone(), state.run.is_some())
            };
            change(&mut endpoint);
            let link = if started { Some(self.os(Link::open(&endpoint))?) } else { None };
            let mut state = self.lock()?;
            // Else another thread started or stopped the client meanwhile.
            if state.run.is_some() == started {
                state.reporter.settings.endpoint = endpoint;
                if let (Some(run), Some(link)) = (&mut state.run, link) {
                    run.link = link;
                }
                return Ok(());
            }
        }
    }

    /// Changes the time between heartbeats; a started client counts it from now.
    pub(crate) fn change_interval(&self, interval: Duration) -> Result<(), Error> {
        let interval = settings::checked_interval(interval)?;
        let mut state = self.lock()?;
        state.reporter.settings.heartbeat_interval = interval;
        if let Some(run) = &mut state.run {
            run.next_beat = Instant::now() + interval;
        }
        self.set_alarm(&state)
    }

    /// Reads or changes what needs no care.
    pub(crate) fn with_state<T>(&self, body: impl FnOnce(&mut State, &mut Journal) -> T) -> Result<T, Error> {
        let mut state = self.lock()?;
        let mut journal = state.log.journal();
        let value = body(&mut state, &mut journal);
        drop(state);
        journal.publish();
        Ok(value)
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, Error> {
        let bell = &self.inner.bell;
        if bell.owner.load(Ordering::Relaxed) != std::process::id() {
            return self.adopt(false);
        }
        if bell.broken.load(Ordering::Relaxed) {
            return Err(Error::Broken);
        }
        self.inner.state.lock().map_err(|_| Error::Broken)
    }

    /// Makes sure that the client belongs to this process.
    fn claim(&self) -> Result<(), Error> {
        if self.inner.bell.owner.load(Ordering::Relaxed) != std::process::id() {
            drop(self.adopt(true)?);
        }
        Ok(())
    }

    /// In a child process: takes the client over. One that runs is left to the parent unless `running`.
    fn adopt(&self, running: bool) -> Result<MutexGuard<'_, State>, Error> {
        // A lock that was held at the fork is never released here: its holder does not exist in this process.
        let mut state = self.inner.state.try_lock().map_err(|_| Error::Forked)?;
        if state.run.is_some() && !running {
            return Err(Error::Forked);
        }
        if let Some(alarm) = self.inner.bell.alarm.get() {
            self.os(alarm.unshare().map_err(Error::system("make a timer of its own")))?;
        }
        if let Some(thread) = state.run.take().and_then(|run| run.thread) {
            thread.forget();
        }
        self.inner.bell.owner.store(std::process::id(), Ordering::Relaxed);
        Ok(state)
    }

    fn make_alarm(&self) -> Result<(), Error> {
        if self.inner.bell.alarm.get().is_none() {
            let alarm = crate::alarm::Alarm::new().map_err(Error::system("make a timer"))?;
            // Another thread may have been faster; its alarm is as good.
            let _ = self.inner.bell.alarm.set(alarm);
        }
        Ok(())
    }

    fn ring(&self) {
        if let Some(alarm) = self.inner.bell.alarm.get() {
            alarm.ring();
        }
    }

    /// Keeps the system's number of an error for [`last_os_error`](Client::last_os_error).
    fn os<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && let Some(code) = error.os_code()
        {
            self.inner.os_error.store(code, Ordering::Relaxed);
        }
        result
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Ok(state) = self.state.get_mut() else { return };
        let run = state.run.take();
        if self.bell.owner.load(Ordering::Relaxed) != std::process::id() {
            // In a child of fork the thread does not exist, and the lock of the signal registry may have been
            // held by one that does not either.
            std::mem::forget(state.hooks.take());
            if let Some(thread) = run.and_then(|run| run.thread) {
                thread.forget();
            }
            return;
        }
        if let Some(thread) = run.and_then(|run| run.thread) {
            if let Some(alarm) = self.bell.alarm.get() {
                alarm.ring();
            }
            thread.end();
        }
    }
}
