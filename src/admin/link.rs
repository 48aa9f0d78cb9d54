//! The protocol thread as the page sees it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, oneshot};

use crate::record;

use super::order::{Order, Outcome};
use super::snapshot::Snapshot;

/// What the page wants of the protocol thread.
#[derive(Debug)]
pub enum Request {
    /// The state of everything.
    Status(Reply<Snapshot>),
    /// The flight record of these resources, of all if none is named; `None` if there is no such resource.
    Record(BTreeSet<String>, Reply<Option<record::Snapshot>>),
    /// Carry out an order, unless [`Reply::is_wanted`] says that its sender was told otherwise by now.
    Order(Order, Reply<Outcome>),
}

/// The way back to the page; never blocks.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    /// Whether somebody still waits. An order whose sender has read "no answer" must not be carried out.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_closed()
    }

    /// Answers; nobody may be there any more, which is no error.
    pub fn send(self, answer: T) {
        let _: Result<(), T> = self.0.send(answer);
    }
}

/// The protocol thread did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// Puts requests and waits for replies.
pub(super) struct Link {
    requests: SyncSender<Request>,
    wake: Wake,
    patience: Duration,
    cache: Mutex<Option<Cached>>,
    /// When a record was last asked for.
    recorded: Mutex<Option<Instant>>,
}

/// Makes the protocol thread look at its queue.
pub(super) type Wake = Box<dyn Fn() + Send + Sync>;

struct Cached {
    at: Instant,
    answer: Result<Arc<Snapshot>, NoAnswer>,
}

/// At most one record in this time. Copying it is a millisecond's work for a thousand resources.
const RECORD_SPACING: Duration = Duration::from_millis(100);

/// How old a status may be that is shown once more; bounds what a flood of requests costs.
const CACHE_AGE: Duration = Duration::from_millis(100);

impl Link {
    /// `patience` is how long an answer is waited for.
    pub fn new(requests: SyncSender<Request>, wake: Wake, patience: Duration) -> Link {
        Link { requests, wake, patience, cache: Mutex::new(None), recorded: Mutex::new(None) }
    }

    /// The state of everything, at most 100 ms old.
    ///
    /// The lock is held while waiting, so that many readers wait for one answer instead of asking one by
    /// one. That nothing answers is remembered as well: they shall not wait for it in turn.
    pub async fn status(&self) -> Result<Arc<Snapshot>, NoAnswer> {
        let mut cache = self.cache.lock().await;
        if let Some(cached) = &*cache
            && cached.at.elapsed() < CACHE_AGE
        {
            return cached.answer.clone();
        }
        let answer = self.ask(Request::Status).await.map(Arc::new);
        *cache = Some(Cached { at: Instant::now(), answer: answer.clone() });
        answer
    }

    /// The flight record of these resources, of all if none is named; `None` if there is no such resource.
    pub async fn record(&self, names: BTreeSet<String>) -> Result<Option<record::Snapshot>, NoAnswer> {
        let mut last = self.recorded.lock().await;
        if let Some(last) = *last {
            tokio::time::sleep(RECORD_SPACING.saturating_sub(last.elapsed())).await;
        }
        // Noted first: who hangs up while we wait has cost a copy all the same.
        *last = Some(Instant::now());
        self.ask(|reply| Request::Record(names, reply)).await
    }

    /// Gives an order; the status that is read next shows its effect.
    pub async fn order(&self, order: Order) -> Result<Outcome, NoAnswer> {
        let outcome = self.ask(|reply| Request::Order(order, reply)).await;
        *self.cache.lock().await = None;
        outcome
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        self.requests.try_send(request(Reply(reply))).map_err(|_| NoAnswer)?;
        (self.wake)();
        match tokio::time::timeout(self.patience, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(NoAnswer),
        }
    }
}
