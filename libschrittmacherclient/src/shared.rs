//! What all clones of a client and its heartbeat thread share: the lock, what it protects, and whose it is.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use schrittmacher_wire::AppCode;

use crate::alarm::Alarm;
use crate::bell::Bell;
use crate::capi::Functions;
use crate::client::OrderFn;
use crate::link::Link;
use crate::log::{Journal, Log, LogLevel};
use crate::reporter::Reporter;
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::signals::SignalHooks;
use crate::thread::HeartbeatThread;
use crate::{Error, WantedState};

/// The inside of a client. The heartbeat thread has only a weak reference to it and cannot keep it alive.
pub(crate) struct Shared {
    pub bell: Arc<Bell>,
    state: Mutex<State>,
    /// Number of the last refusal by the operating system; 0 since the last success.
    pub os_error: AtomicI32,
}

/// What the lock protects.
pub(crate) struct State {
    pub reporter: Reporter,
    pub go_hot: Option<Arc<OrderFn>>,
    pub go_standby: Option<Arc<OrderFn>>,
    pub log: Log,
    /// The C interface's.
    pub functions: Functions,
    pub hooks: Option<SignalHooks>,
    pub run: Option<Run>,
    /// Counts the starts, so that a thread notices that it is no longer the one.
    pub runs: u64,
    /// The last datagram could not be delivered. Only changes are logged.
    undelivered: bool,
}

/// What there is between start and stop.
pub(crate) struct Run {
    pub link: Link,
    pub schedule: Schedule,
    /// None: the application's own loop calls dispatch.
    pub thread: Option<HeartbeatThread>,
}

impl Shared {
    pub fn new(settings: Settings) -> Shared {
        let state = State {
            reporter: Reporter::new(settings),
            go_hot: None,
            go_standby: None,
            log: Log::default(),
            functions: Functions::default(),
            hooks: None,
            run: None,
            runs: 0,
            undelivered: false,
        };
        Shared { bell: Arc::new(Bell::new()), state: Mutex::new(state), os_error: AtomicI32::new(0) }
    }

    /// Runs `body` under the lock, then, without it, tells the log what `body` noted.
    pub fn with_state<T>(&self, body: impl FnOnce(&mut State, &mut Journal) -> T) -> Result<T, Error> {
        let mut state = self.lock()?;
        let mut journal = state.log.journal();
        let value = body(&mut state, &mut journal);
        drop(state);
        journal.publish();
        Ok(value)
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, Error> {
        if !self.bell.is_ours() {
            return self.adopt(false);
        }
        if self.bell.broken.load(Ordering::Relaxed) {
            return Err(Error::Broken);
        }
        self.state.lock().map_err(|_| Error::Broken)
    }

    /// Makes the client belong to this process, even if it runs in the parent.
    pub fn claim(&self) -> Result<(), Error> {
        if !self.bell.is_ours() {
            drop(self.adopt(true)?);
        }
        Ok(())
    }

    /// In a child process: takes the client over. One that runs is left to the parent unless `running`.
    fn adopt(&self, running: bool) -> Result<MutexGuard<'_, State>, Error> {
        // A lock that was held at the fork is never released here: its holder does not exist in this process.
        let mut state = self.state.try_lock().map_err(|_| Error::Forked)?;
        if state.run.is_some() && !running {
            return Err(Error::Forked);
        }
        if let Some(alarm) = self.bell.alarm.get() {
            self.os(alarm.renew().map_err(Error::system("make a new timer")))?;
        }
        if let Some(thread) = state.run.take().and_then(|run| run.thread) {
            thread.forget();
        }
        self.bell.own();
        Ok(state)
    }

    /// Makes the alarm, at the first start, or if the application has closed it.
    pub fn make_alarm(&self) -> Result<(), Error> {
        match self.bell.alarm.get() {
            Some(alarm) if alarm.is_usable() => Ok(()),
            Some(alarm) => self.os(alarm.renew().map_err(Error::system("make a new timer"))),
            None => {
                let alarm = self.os(Alarm::new().map_err(Error::system("make a timer")))?;
                // Another thread may have been faster; its alarm is as good.
                let _ = self.bell.alarm.set(alarm);
                Ok(())
            }
        }
    }

    /// Sets the alarm for the next heartbeat. An order that came meanwhile has rung in vain and rings again.
    pub fn set_alarm(&self, state: &State) -> Result<(), Error> {
        let (Some(run), Some(alarm)) = (&state.run, self.bell.alarm.get()) else {
            return Ok(());
        };
        let delay = run.schedule.delay(Instant::now());
        self.os(alarm.set(delay).map_err(Error::system("set the heartbeat timer")))?;
        if self.bell.has_order() {
            alarm.ring();
        }
        Ok(())
    }

    /// Sends a heartbeat, if there is something to say yet.
    pub fn beat(&self, state: &mut State, journal: &mut Journal) -> Result<(), Error> {
        let Some(beat) = state.reporter.beat() else {
            return Ok(());
        };
        if beat.gave_up {
            journal.note(LogLevel::Major, || "on the way for too long: failed".to_owned());
        }
        let datagram = state.reporter.status_datagram(beat.code)?;
        self.send(state, beat.code, &datagram, journal)
    }

    /// Sends a datagram that says `code`.
    pub fn send(
        &self,
        state: &mut State,
        code: AppCode,
        datagram: &[u8],
        journal: &mut Journal,
    ) -> Result<(), Error> {
        let link = &state.run.as_ref().ok_or(Error::NotStarted)?.link;
        let daemon = link.daemon();
        let result = self.os(link.send(datagram));
        match &result {
            Ok(()) => {
                self.os_error.store(0, Ordering::Relaxed);
                journal.note(LogLevel::Debug, || format!("sent {code} to {daemon}"));
                if state.undelivered {
                    journal.note(LogLevel::Info, || format!("{daemon} is reached again"));
                }
            }
            Err(error) if !state.undelivered => {
                journal.note(LogLevel::Warning, || format!("{code} did not reach {daemon}: {error}"));
            }
            Err(_) => {}
        }
        state.undelivered = result.is_err();
        result
    }

    /// Keeps the system's number of an error for whoever asks later.
    pub fn os<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && let Some(code) = error.os_code()
        {
            self.os_error.store(code, Ordering::Relaxed);
        }
        result
    }
}

impl State {
    /// The application's function for an order.
    pub fn order_fn(&self, wanted: WantedState) -> Option<Arc<OrderFn>> {
        match wanted {
            WantedState::Hot => self.go_hot.clone(),
            WantedState::Standby => self.go_standby.clone(),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Ok(state) = self.state.get_mut() else { return };
        let thread = state.run.take().and_then(|run| run.thread);
        if self.bell.is_ours() {
            if let Some(thread) = thread {
                self.bell.ring();
                thread.end();
            }
        } else {
            // In a child of fork the thread does not exist, and the lock of the signal registry may have been
            // held by one that does not either.
            std::mem::forget(state.hooks.take());
            if let Some(thread) = thread {
                thread.forget();
            }
        }
    }
}
