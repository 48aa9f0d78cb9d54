//! The work that is due when the alarm rings: of the heartbeat thread, or of `dispatch`.

use std::sync::Arc;
use std::time::Instant;

use crate::callbacks::ClientFn;
use crate::log::LogLevel;
use crate::right;
use crate::{Client, Error, WantedState};

impl Client {
    /// One turn of the heartbeat thread of start number `run`. False when that run is over.
    pub(crate) fn turn(&self, run: u64) -> bool {
        // The order comes first: its function may stop the client.
        self.is_run(run) && self.obey().is_ok() && self.is_run(run) && {
            // An error of a heartbeat is in the log and in os_error, and the next one tries again.
            let _ = self.beat_if_due(Some(run));
            true
        }
    }

    fn is_run(&self, run: u64) -> bool {
        self.with_state(|state, _| state.runs == run && state.run.is_some()).unwrap_or(false)
    }

    /// Carries out an order that came by signal.
    pub(crate) fn obey(&self) -> Result<(), Error> {
        match self.shared.bell.take_order() {
            Some(wanted) => self.order(wanted),
            None => Ok(()),
        }
    }

    /// Carries out an order on this thread.
    pub(crate) fn order(&self, wanted: WantedState) -> Result<(), Error> {
        let function = self.with_state(|state, journal| {
            if !state.reporter.order(wanted) {
                return None;
            }
            journal.note(LogLevel::Info, || format!("ordered to go {}", wanted.as_str()));
            let function = state.callbacks.order_slot(wanted).clone();
            if function.is_none() && state.callbacks.take_orders() {
                journal.note(LogLevel::Major, || format!("there is no go-{} function", wanted.as_str()));
            }
            function
        })?;
        self.call(function);
        Ok(())
    }

    /// Sends the heartbeat if it is due, or calls the application's function for it. Then tells of a lost daemon. Does
    /// nothing if the expected run is over.
    pub(crate) fn beat_if_due(&self, expected_run: Option<u64>) -> Result<(), Error> {
        let (function, sent) = self.with_state(|state, journal| {
            let is_over = expected_run.is_some_and(|run| run != state.runs);
            let Some(run) = state.run.as_mut().filter(|_| !is_over) else {
                return (None, Ok(()));
            };
            let is_due = run.schedule.is_due(Instant::now());
            let function = state.callbacks.heartbeat.clone().filter(|_| is_due);
            let sent = if is_due && function.is_none() { self.shared.beat(state, journal) } else { Ok(()) };
            (function, self.shared.set_alarm(state).and(sent))
        })?;
        self.call(function);
        self.tell_of_lost_daemon()?;
        self.tell_of_ended_right()?;
        sent
    }

    fn tell_of_ended_right(&self) -> Result<(), Error> {
        let function = self.with_state(|state, journal| {
            let run = state.run.as_mut().filter(|_| state.reporter.asks_right)?;
            run.hear_right();
            if !state.reporter.may_serve() {
                run.right.forget();
            }
            let has_ended = run.right.has_newly_ended(right::now());
            if has_ended {
                journal.note(LogLevel::Major, || "the right to serve has ended".to_owned());
            }
            let function = state.callbacks.right_ended.clone().filter(|_| has_ended);
            // For the next time, which is known only now.
            self.shared.set_alarm(state).ok()?;
            function
        })?;
        self.call(function);
        Ok(())
    }

    fn tell_of_lost_daemon(&self) -> Result<(), Error> {
        let function = self.with_state(|state, journal| {
            let limit = state.reporter.settings.daemon_lost_after;
            let run = state.run.as_mut()?;
            if !run.watch.is_newly_lost(limit) {
                return None;
            }
            journal.note(LogLevel::Major, || format!("the daemon at {} is lost", run.link.daemon()));
            state.callbacks.daemon_lost.clone()
        })?;
        self.call(function);
        Ok(())
    }

    /// Calls a function of the application, with nothing locked. It is not called if the client was freed meanwhile,
    /// which the log function may do.
    fn call(&self, function: Option<Arc<ClientFn>>) {
        if let Some(function) = function
            && !self.shared.bell.is_closed()
        {
            function(self);
        }
    }
}
