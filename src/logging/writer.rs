//! A bounded queue with a thread behind it: the only place where a log line may wait.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::line::{Entry, Severity};
use crate::bounded::{BoundedReceiver, BoundedSender, bounded};

/// Where lines end up. Called on the writer's thread alone, so it may block.
pub(super) trait Sink: Send + 'static {
    /// Writes one line; `false` if it is lost. It deals with errors itself: there is no further place to report them.
    fn write(&mut self, entry: &Entry) -> bool;
}

/// The entrance of a writer.
#[derive(Clone)]
pub(super) struct LineQueue {
    sender: BoundedSender<Wake>,
    shared: Arc<Shared>,
}

enum Wake {
    Entry(Arc<Entry>),
    /// Look at the flags.
    Flags,
    /// Everything before this is written: say so.
    Drained(Sender<()>),
}

#[derive(Default)]
struct Shared {
    /// Not told yet.
    dropped: AtomicU64,
    /// All that did not fit or could not be written, since the start.
    lost: Arc<AtomicU64>,
    finish: AtomicBool,
}

impl LineQueue {
    /// Queues a line or counts it as dropped; returns at once. `false` if it was not queued: there is no
    /// room, or the writer is ending.
    pub fn push(&self, entry: Arc<Entry>) -> bool {
        if self.shared.finish.load(Ordering::Acquire) {
            return false;
        }
        match self.sender.try_send(Wake::Entry(entry)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
                false
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }

    /// A full queue needs no waking: the thread looks at the flags once it has emptied it.
    fn wake(&self) {
        let _: Result<(), TrySendError<Wake>> = self.sender.try_send(Wake::Flags);
    }
}

/// A sink and the thread that writes to it.
pub(super) struct Writer {
    /// The thread's name without its beginning.
    pub place: &'static str,
    queue: LineQueue,
    /// Never sends; disconnects when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl Writer {
    /// Starts the thread. `name` has at most 15 bytes, the kernel's limit.
    pub fn start(name: &'static str, lines_max: usize, sink: impl Sink) -> io::Result<Writer> {
        let (sender, receiver) = bounded(lines_max);
        let shared = Arc::new(Shared::default());
        let (alive, ended) = channel();
        let queue = LineQueue { sender, shared: Arc::clone(&shared) };
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            run(&receiver, &shared, sink);
            drop(alive);
        })?;
        let place = name.strip_prefix("log-").unwrap_or(name);
        Ok(Writer { place, queue, ended: Mutex::new(ended) })
    }

    /// Another entrance.
    pub fn queue(&self) -> LineQueue {
        self.queue.clone()
    }

    /// Counts the lines that are lost.
    pub fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.queue.shared.lost)
    }

    /// As [`LineQueue::push`].
    pub fn push(&self, entry: Arc<Entry>) -> bool {
        self.queue.push(entry)
    }

    /// Waits until everything queued so far is written, at most `limit`. `true` if it is.
    pub fn drain(&self, limit: Duration) -> bool {
        let (done, drained) = channel();
        self.queue.sender.try_send(Wake::Drained(done)).is_ok() && drained.recv_timeout(limit).is_ok()
    }

    /// Ends the thread once the queue is empty; waits for that at most `limit`. `true` if it has ended.
    pub fn finish(&self, limit: Duration) -> bool {
        self.queue.shared.finish.store(true, Ordering::Release);
        self.queue.wake();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(ended.recv_timeout(limit), Err(RecvTimeoutError::Disconnected))
    }
}

fn run(receiver: &BoundedReceiver<Wake>, shared: &Shared, mut sink: impl Sink) {
    loop {
        // Asked before the queue is: what was queued before the end was ordered is then surely seen.
        let finish = shared.finish.load(Ordering::Acquire);
        let next = match receiver.try_recv() {
            Ok(wake) => Ok(wake),
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => {
                report_dropped(shared, &mut sink);
                if finish {
                    return;
                }
                receiver.recv()
            }
        };
        match next {
            Ok(Wake::Entry(entry)) => {
                if !sink.write(&entry) {
                    shared.lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(Wake::Flags) => {}
            // The asker may have stopped waiting.
            Ok(Wake::Drained(done)) => drop(done.send(())),
            Err(_) => return,
        }
    }
}

/// Said when the queue is empty: then there is room again, and the lines that were kept stand before it.
fn report_dropped(shared: &Shared, sink: &mut impl Sink) {
    let dropped = shared.dropped.swap(0, Ordering::Relaxed);
    if dropped > 0 {
        sink.write(&Entry::of_core(Severity::Warning, format!("{dropped} log lines dropped")));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A hang guard, never a wait.
    pub(in super::super) const GUARD: Duration = Duration::from_secs(10);

    /// Hands each line on, and waits for a permit before each.
    struct Slow {
        permits: Receiver<()>,
        lines: Sender<String>,
    }

    impl Sink for Slow {
        fn write(&mut self, entry: &Entry) -> bool {
            let may = self.permits.recv_timeout(GUARD).is_ok();
            if may {
                self.lines.send(entry.message.clone()).unwrap();
            }
            may
        }
    }

    fn line(text: &str) -> Arc<Entry> {
        Arc::new(Entry::of_core(Severity::Info, text.into()))
    }

    #[test]
    fn a_full_queue_drops_counts_and_reports() {
        let (permit, permits) = channel();
        let (lines, written) = channel();
        let writer = Writer::start("test", 2, Slow { permits, lines }).unwrap();
        assert!(writer.push(line("in hand")));
        permit.send(()).unwrap();
        assert_eq!(written.recv_timeout(GUARD).unwrap(), "in hand");

        // The thread waits either for a line or for a permit; with two places and one in hand at most
        // three of these fit.
        let kept: Vec<_> = (0..10).filter(|n| writer.push(line(&n.to_string()))).collect();
        assert!((2..=3).contains(&kept.len()), "{kept:?}");
        for n in &kept {
            permit.send(()).unwrap();
            assert_eq!(written.recv_timeout(GUARD).unwrap(), n.to_string());
        }
        permit.send(()).unwrap();
        assert_eq!(written.recv_timeout(GUARD).unwrap(), format!("{} log lines dropped", 10 - kept.len()));
        assert_eq!(writer.lost().load(Ordering::Relaxed), 10 - kept.len() as u64);

        assert!(writer.push(line("room again")));
        permit.send(()).unwrap();
        assert_eq!(written.recv_timeout(GUARD).unwrap(), "room again");
        assert!(writer.finish(GUARD));
        assert!(written.try_recv().is_err(), "the drops are reported once");
    }

    #[test]
    fn finish_writes_what_is_queued() {
        let (permit, permits) = channel();
        let (lines, written) = channel();
        let writer = Writer::start("test", 100, Slow { permits, lines }).unwrap();
        for n in 0..100 {
            assert!(writer.push(line(&n.to_string())));
            permit.send(()).unwrap();
        }
        assert!(writer.finish(GUARD));
        assert_eq!(written.try_iter().count(), 100);
        assert!(!writer.push(line("too late")));
    }

    #[test]
    fn drain_waits_for_what_is_queued_but_not_for_ever() {
        let (permit, permits) = channel();
        let (lines, written) = channel();
        let writer = Writer::start("test", 10, Slow { permits, lines }).unwrap();
        assert!(writer.push(line("queued")));
        assert!(!writer.drain(Duration::from_millis(10)));
        permit.send(()).unwrap();
        assert!(writer.drain(GUARD));
        assert_eq!(written.try_recv().unwrap(), "queued");
    }

    #[test]
    fn finish_does_not_wait_for_a_hung_sink() {
        let (_permit, permits) = channel();
        let (lines, _written) = channel();
        let writer = Writer::start("test", 2, Slow { permits, lines }).unwrap();
        while writer.push(line("x")) {}
        assert!(!writer.finish(Duration::from_millis(10)));
    }
}
