//! The units of systemd: jobs for the thread that speaks to it, and what became of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use log::{info, warn};
use mio::Waker;
use schrittmacher_units::{JobFailure, UnitJob, UnitKeeper, UnitOrder, UnitReport, UnitState};

/// The thread is started with the first resource that has a unit.
#[derive(Debug)]
pub(super) struct Units {
    waker: Arc<Waker>,
    keeper: Option<UnitKeeper>,
    sender: Sender<UnitReport>,
    reports: Receiver<UnitReport>,
    last_ticket: u64,
    /// The states that hold.
    states: BTreeMap<usize, UnitState>,
}

/// Names a job. The answer to one that was given up may come after that of a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnitTicket(u64);

/// What the thread has to say to the executor.
#[derive(Debug)]
pub(super) enum UnitNews {
    /// The end of a job.
    End { resource: usize, ticket: UnitTicket, result: Result<(), JobFailure> },
    /// The states of units, as they are now. Those that have not changed are told again and again: they still hold.
    States(Vec<(usize, Option<UnitState>)>),
}

impl Units {
    pub fn new(waker: Arc<Waker>) -> Units {
        let (sender, reports) = channel();
        Units { waker, keeper: None, sender, reports, last_ticket: 0, states: BTreeMap::new() }
    }

    /// Has a unit watched from now on.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or hangs.
    pub fn watch(&mut self, resource: usize, unit: &str) -> io::Result<()> {
        self.give(UnitJob::Watch { id: resource, unit: unit.to_owned() })
    }

    /// The resource has no unit any more.
    pub fn forget(&mut self, resource: usize) {
        self.states.remove(&resource);
        if let Some(keeper) = &self.keeper {
            // A thread that hangs watches one unit too many.
            let _ = keeper.give(UnitJob::Forget { id: resource });
        }
    }

    /// Has the unit of a resource started or stopped.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or hangs.
    pub fn order(&mut self, resource: usize, order: UnitOrder) -> io::Result<UnitTicket> {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.give(UnitJob::Order { id: resource, ticket, order })?;
        Ok(UnitTicket(ticket))
    }

    /// The next thing that the executor has to know. Other events are logged here.
    pub fn news(&mut self) -> Option<UnitNews> {
        loop {
            match self.reports.try_recv().ok()? {
                UnitReport::State { id, state } => {
                    self.states.insert(id, state.clone());
                    return Some(UnitNews::States(vec![(id, Some(state))]));
                }
                UnitReport::Alive => {
                    let states = self.states.iter().map(|(id, state)| (*id, Some(state.clone())));
                    return Some(UnitNews::States(states.collect()));
                }
                UnitReport::Done { id, ticket, result } => {
                    return Some(UnitNews::End { resource: id, ticket: UnitTicket(ticket), result });
                }
                UnitReport::Lost { why } => {
                    warn!("systemd cannot be reached: {why}; nothing is known of its units until it is");
                    let known = std::mem::take(&mut self.states);
                    return Some(UnitNews::States(known.into_keys().map(|id| (id, None)).collect()));
                }
                UnitReport::Found => info!("systemd can be reached again"),
            }
        }
    }

    fn give(&mut self, job: UnitJob) -> io::Result<()> {
        let refused = |_| io::Error::new(io::ErrorKind::TimedOut, "the thread of systemd's units hangs");
        self.keeper()?.give(job).map_err(refused)
    }

    fn keeper(&mut self) -> io::Result<&UnitKeeper> {
        let keeper = match self.keeper.take() {
            Some(keeper) => keeper,
            None => {
                let (sender, waker) = (self.sender.clone(), Arc::clone(&self.waker));
                UnitKeeper::start(None, move |report| {
                    // The loop is gone if it does not listen, and a waker that fails is asked again.
                    let _ = sender.send(report);
                    let _ = waker.wake();
                })?
            }
        };
        Ok(self.keeper.insert(keeper))
    }
}
