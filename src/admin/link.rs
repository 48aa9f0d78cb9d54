//! The protocol thread as the page and the control socket see it.

use std::collections::BTreeSet;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use schrittmacher_api::ReloadAnswer;
use tokio::sync::{Mutex, oneshot};

use super::freeze::{FreezeOrder, FreezeOutcome};
use super::metrics::Detail;
use super::order::{OperatorOrder, OrderOutcome};
use super::snapshot::{FiguresSnapshot, StatusSnapshot};

/// A request to the protocol thread.
#[derive(Debug)]
pub enum AdminRequest {
    /// The state of everything.
    Status(Reply<StatusSnapshot>),
    /// Everything that is counted and measured.
    Figures(Reply<FiguresSnapshot>),
    /// The flight record of these resources, of all if none is named; `None` if there is no such resource.
    Record(BTreeSet<String>, Reply<Option<schrittmacher_record::Snapshot>>),
    /// Carry out an order of this operator, unless [`Reply::is_wanted`] says that its sender was told otherwise by now.
    Order(OperatorOrder, String, Reply<OrderOutcome>),
    /// Freeze a resource, or thaw it.
    Freeze(FreezeOrder, Reply<FreezeOutcome>),
    /// Read the configuration again and put it in force. Answered when that is done.
    Reload(ReloadRequest),
}

/// A request to read the configuration again.
#[derive(Debug)]
pub struct ReloadRequest {
    /// Only say what would change.
    pub dry_run: bool,
    pub reply: Reply<ReloadAnswer>,
}

/// The way back to the asker; never blocks.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    /// Whether somebody still waits. An order whose sender has read "no answer" must not be carried out.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_closed()
    }

    /// Answers. The asker may have gone, which is no error.
    pub fn send(self, answer: T) {
        let _: Result<(), T> = self.0.send(answer);
    }
}

/// The protocol thread did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// Puts requests into the queue of the protocol thread and waits for its replies.
pub(super) struct ProtocolThread {
    requests: SyncSender<AdminRequest>,
    wake: WakeLoop,
    patience: Duration,
    cache: Mutex<Option<Cached>>,
    /// For each [`Detail`].
    metrics: Mutex<[Option<KeptText>; 2]>,
    /// When a record was last asked for.
    recorded: Mutex<Option<Instant>>,
}

/// Makes the protocol thread look at its queue.
pub(super) type WakeLoop = Box<dyn Fn() + Send + Sync>;

/// A text, and when it was made.
type KeptText = (Instant, Result<Bytes, NoAnswer>);

struct Cached {
    at: Instant,
    answer: Result<Arc<CachedStatus>, NoAnswer>,
}

/// A snapshot, and its text once it has been asked for: a flood of requests is answered with one text.
pub(super) struct CachedStatus {
    pub snapshot: StatusSnapshot,
    pub json: OnceLock<Bytes>,
}

/// At most one record in this time. Copying it is a millisecond's work for a thousand resources.
const RECORD_SPACING: Duration = Duration::from_millis(100);

/// How old a status may be that is shown once more; bounds what a flood of requests costs.
const CACHE_AGE: Duration = Duration::from_millis(100);

/// How long a reload is waited for: a disk may be slow, but not for ever.
pub(super) const RELOAD_PATIENCE: Duration = Duration::from_secs(30);

impl ProtocolThread {
    /// `patience` is how long an answer is waited for.
    pub fn new(requests: SyncSender<AdminRequest>, wake: WakeLoop, patience: Duration) -> ProtocolThread {
        ProtocolThread {
            requests,
            wake,
            patience,
            cache: Mutex::new(None),
            metrics: Mutex::default(),
            recorded: Mutex::new(None),
        }
    }

    /// The state of everything, at most 100 ms old.
    ///
    /// The lock is held while waiting, so that many readers wait for one answer instead of asking one by
    /// one. A missing answer is remembered as well, so that they do not wait for it in turn.
    pub async fn status(&self) -> Result<Arc<CachedStatus>, NoAnswer> {
        let mut cache = self.cache.lock().await;
        if let Some(cached) = &*cache
            && cached.at.elapsed() < CACHE_AGE
        {
            return cached.answer.clone();
        }
        let snapshot = self.ask(self.patience, AdminRequest::Status).await;
        let answer = snapshot.map(|snapshot| Arc::new(CachedStatus { snapshot, json: OnceLock::new() }));
        *cache = Some(Cached { at: Instant::now(), answer: answer.clone() });
        answer
    }

    /// The figures as text, at most 100 ms old; in the same way.
    pub async fn metrics(
        &self,
        detail: Detail,
        render: impl FnOnce(&FiguresSnapshot) -> String,
    ) -> Result<Bytes, NoAnswer> {
        let mut caches = self.metrics.lock().await;
        let cache = &mut caches[detail as usize];
        if let Some((at, answer)) = cache
            && at.elapsed() < CACHE_AGE
        {
            return answer.clone();
        }
        let snapshot = self.ask(self.patience, AdminRequest::Figures).await;
        let answer = snapshot.map(|snapshot| Bytes::from(render(&snapshot)));
        *cache = Some((Instant::now(), answer.clone()));
        answer
    }

    /// The flight record of these resources, of all if none is named; `None` if there is no such resource.
    pub async fn record(
        &self,
        names: BTreeSet<String>,
    ) -> Result<Option<schrittmacher_record::Snapshot>, NoAnswer> {
        let mut last = self.recorded.lock().await;
        if let Some(last) = *last {
            tokio::time::sleep(RECORD_SPACING.saturating_sub(last.elapsed())).await;
        }
        // Noted first: a client that hangs up while we wait has cost a copy all the same.
        *last = Some(Instant::now());
        self.ask(self.patience, |reply| AdminRequest::Record(names, reply)).await
    }

    /// Gives an order; the status that is read next shows its effect.
    pub async fn order(&self, order: OperatorOrder, by: String) -> Result<OrderOutcome, NoAnswer> {
        let changes = !order.dry_run;
        let outcome = self.ask(self.patience, |reply| AdminRequest::Order(order, by, reply)).await;
        // A question must not cost the event loop one more copy of everything.
        if changes {
            *self.cache.lock().await = None;
        }
        outcome
    }

    /// Freezes or thaws a resource.
    pub async fn freeze(&self, order: FreezeOrder) -> Result<FreezeOutcome, NoAnswer> {
        let outcome = self.ask(self.patience, |reply| AdminRequest::Freeze(order, reply)).await;
        *self.cache.lock().await = None;
        outcome
    }

    /// Has the configuration read again.
    pub async fn reload(&self, dry_run: bool) -> Result<ReloadAnswer, NoAnswer> {
        let request = |reply| AdminRequest::Reload(ReloadRequest { dry_run, reply });
        let answer = self.ask(RELOAD_PATIENCE, request).await;
        *self.cache.lock().await = None;
        answer
    }

    async fn ask<T>(
        &self,
        patience: Duration,
        request: impl FnOnce(Reply<T>) -> AdminRequest,
    ) -> Result<T, NoAnswer> {
        let (reply, answer) = oneshot::channel();
        self.requests.try_send(request(Reply(reply))).map_err(|_| NoAnswer)?;
        (self.wake)();
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(NoAnswer),
        }
    }
}
