//! The state that all clones of a client and its heartbeat thread share, and its lock.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use schrittmacher_wire::AppCode;

use crate::Error;
use crate::alarm::Alarm;
use crate::bell::Bell;
use crate::callbacks::Callbacks;
use crate::capi::Kept;
use crate::link::Link;
use crate::log::{Journal, Log, LogLevel};
use crate::reporter::Reporter;
use crate::right::{self, RightWatch};
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::signals::SignalHooks;
use crate::thread::HeartbeatThread;
use crate::watch::{Delivery, Watch};

/// The inside of a client. The heartbeat thread has only a weak reference to it and cannot keep it alive.
pub(crate) struct Shared {
    pub bell: Arc<Bell>,
    state: Mutex<State>,
    /// Number of the last refusal by the operating system; 0 since the last success.
    pub os_error: AtomicI32,
}

/// The state under the lock.
pub(crate) struct State {
    pub reporter: Reporter,
    pub callbacks: Callbacks,
    pub log: Log,
    /// Values that the C interface keeps.
    pub kept: Kept,
    pub hooks: Option<SignalHooks>,
    pub run: Option<Run>,
    /// Counts the starts, so that a thread notices when its run is over.
    pub runs: u64,
    /// The last datagram was not delivered. Only changes are logged.
    undelivered: bool,
}

/// The state between start and stop.
pub(crate) struct Run {
    pub link: Link,
    pub schedule: Schedule,
    pub watch: Watch,
    pub right: RightWatch,
    /// None: the application's own loop calls dispatch.
    pub thread: Option<HeartbeatThread>,
}

impl Run {
    /// Takes what the daemon has said about the right to serve.
    pub fn hear_right(&mut self) {
        while let Some(right) = self.link.hear() {
            self.right.note(right);
        }
    }
}

impl Shared {
    pub fn new(settings: Settings) -> Shared {
        let state = State {
            reporter: Reporter::new(settings),
            callbacks: Callbacks::default(),
            log: Log::default(),
            kept: Kept::default(),
            hooks: None,
            run: None,
            runs: 0,
            undelivered: false,
        };
        Shared { bell: Arc::new(Bell::new()), state: Mutex::new(state), os_error: AtomicI32::new(0) }
    }

    /// Runs `body` under the lock. Then, without the lock, publishes the messages that `body` noted.
    pub fn with_state<T>(&self, body: impl FnOnce(&mut State, &mut Journal) -> T) -> Result<T, Error> {
        let mut state = self.lock()?;
        let mut journal = state.log.journal();
        let value = body(&mut state, &mut journal);
        drop(state);
        journal.publish(&self.bell);
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

    /// Makes the client belong to this process, even if it is started in the parent.
    pub fn claim(&self) -> Result<(), Error> {
        if !self.bell.is_ours() {
            drop(self.adopt(true)?);
        }
        Ok(())
    }

    /// In a child process: takes the client over. A started client stays with the parent, unless `running` is true.
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

    /// Sets the alarm for the next heartbeat. That ends the ringing for an order that has come meanwhile, so it rings
    /// again.
    pub fn set_alarm(&self, state: &State) -> Result<(), Error> {
        let (Some(run), Some(alarm)) = (&state.run, self.bell.alarm.get()) else {
            return Ok(());
        };
        let beat = run.schedule.delay(Instant::now());
        let delay = run.right.delay(right::now()).map_or(beat, |right| right.min(beat));
        self.os(alarm.set(delay).map_err(Error::system("set the heartbeat timer")))?;
        if self.bell.has_order() {
            alarm.ring();
        }
        Ok(())
    }

    /// Sends a heartbeat, unless nothing was reported yet.
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

    /// Sends a datagram with the status `code`.
    pub fn send(
        &self,
        state: &mut State,
        code: AppCode,
        datagram: &[u8],
        journal: &mut Journal,
    ) -> Result<(), Error> {
        let longest_gap = state.reporter.settings.heartbeat_interval * 2;
        let run = state.run.as_mut().ok_or(Error::NotStarted)?;
        let daemon = run.link.daemon();
        let result = self.os(run.link.send(datagram));
        run.watch.note(delivery(&result), Instant::now(), longest_gap);
        if state.reporter.asks_right && state.reporter.may_serve() {
            run.right.asked(right::now());
        }
        match &result {
            Ok(()) => {
                self.os_error.store(0, Ordering::Relaxed);
                journal.note(LogLevel::Debug, || match run.link.app_socket() {
                    Some(path) => format!("sent {code} to {}", path.display()),
                    None => format!("sent {code} to {daemon}"),
                });
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

    /// Keeps the system's number of an error for `last_os_error`.
    pub fn os<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && let Some(code) = error.os_code()
        {
            self.os_error.store(code, Ordering::Relaxed);
        }
        result
    }
}

fn delivery(result: &Result<(), Error>) -> Delivery {
    match result {
        Ok(()) => Delivery::Taken,
        Err(Error::NoDaemon) => Delivery::Refused,
        Err(_) => Delivery::Unsent,
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
            // In a child of fork the thread does not exist. Another thread that does not exist here may have held the
            // lock of the signal registry.
            std::mem::forget(state.hooks.take());
            if let Some(thread) = thread {
                thread.forget();
            }
        }
    }
}
