//! A queue with a bound that takes memory only for what waits in it.
//!
//! Its thread is not woken for each of many values: that costs the sender ten times what the value does, and the sender is the event
//! loop, which logs thousands of lines when thousands of resources switch.
//!
//! Nor does it take them out while many come: it would take the processor from the applications of those resources, and memory that one thread has
//! taken is given back dearly by another one at the same time.
//!
//! `std::sync::mpsc::sync_channel` has all its places from the beginning: 0.5 MB for a history that waits for nothing.

use std::cell::Cell;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError, TrySendError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The thread is woken once in this time at most. What comes sooner waits for the rest of it.
const APART: Duration = Duration::from_millis(1);

/// When this many wait, more come: the thread leaves them there until no more do or a quarter of the places is taken, for this time at most.
const MANY: usize = 64;
const LONGEST: Duration = Duration::from_millis(50);
/// How often it looks. A thousand resources that switch bring some 250 lines in a millisecond, and none may be lost meanwhile.
const LOOK: Duration = Duration::from_millis(2);

/// The entrance; a clone is another one.
#[derive(Debug)]
pub struct BoundedSender<T> {
    sender: Sender<T>,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

/// The exit.
#[derive(Debug)]
pub struct BoundedReceiver<T> {
    receiver: Receiver<T>,
    woken: Cell<Option<Instant>>,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

/// A queue in which at most `most` values wait.
pub fn bounded<T>(most: usize) -> (BoundedSender<T>, BoundedReceiver<T>) {
    let (sender, receiver) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let entrance = BoundedSender { sender, waiting: Arc::clone(&waiting), most };
    (entrance, BoundedReceiver { receiver, woken: Cell::new(None), waiting, most })
}

impl<T> Clone for BoundedSender<T> {
    fn clone(&self) -> BoundedSender<T> {
        BoundedSender { sender: self.sender.clone(), waiting: Arc::clone(&self.waiting), most: self.most }
    }
}

impl<T> BoundedSender<T> {
    /// Adds a value, and never waits.
    ///
    /// # Errors
    ///
    /// There is no room, or nobody receives any more: the value comes back.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        // Taken first, so that two senders never share the last place.
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(TrySendError::Full(value));
        }
        self.sender.send(value).map_err(|refused| TrySendError::Disconnected(refused.0))
    }
}

/// Whether others are to join those that wait: more do now than `before`, at the last look.
const fn is_burst(waiting: usize, before: usize, most: usize) -> bool {
    waiting >= MANY && waiting > before && waiting < most / 4
}

impl<T> BoundedReceiver<T> {
    /// The next value; waits for it.
    ///
    /// # Errors
    ///
    /// Nothing waits, and nobody sends any more.
    pub fn recv(&self) -> Result<T, RecvError> {
        match self.try_recv() {
            Ok(value) => return Ok(value),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => {}
        }
        // Nobody wakes a thread that sleeps.
        if let Some(left) = self.woken.get().and_then(|woken| APART.checked_sub(woken.elapsed())) {
            thread::sleep(left);
        }
        let received = self.receiver.recv().inspect(|_| self.free());
        self.woken.set(Some(Instant::now()));
        self.let_them_come();
        received
    }

    fn let_them_come(&self) {
        let (until, mut before) = (Instant::now() + LONGEST, 0);
        loop {
            let waiting = self.waiting.load(Ordering::Relaxed);
            if !is_burst(waiting, before, self.most) || Instant::now() >= until {
                return;
            }
            before = waiting;
            thread::sleep(LOOK);
        }
    }

    /// The next value, if one waits.
    ///
    /// # Errors
    ///
    /// There is none, now or ever.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.receiver.try_recv().inspect(|_| self.free())
    }

    /// What waits now.
    pub fn try_iter(&self) -> impl Iterator<Item = T> {
        iter::from_fn(|| self.try_recv().ok())
    }

    fn free(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_waits_while_it_grows_and_has_room_for_three_times_as_much() {
        let bursts = [(63, 0), (64, 0), (300, 200), (200, 200), (1023, 900), (1024, 900)]
            .map(|(waiting, before)| is_burst(waiting, before, 4096));
        assert_eq!(bursts, [false, true, true, false, true, false]);
        assert!(!is_burst(64, 0, 64), "a queue that is full is taken from");
    }

    #[test]
    fn a_full_queue_gives_the_value_back_until_one_is_taken() {
        let (sender, receiver) = bounded(2);
        let other = sender.clone();
        assert_eq!((sender.try_send(1), other.try_send(2)), (Ok(()), Ok(())));
        assert_eq!(other.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)), "a refusal takes no place");
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(sender.try_send(3), Ok(()));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert_eq!((sender.try_send(4), sender.try_send(5)), (Ok(()), Ok(())));
        drop((sender, other));
        assert_eq!((receiver.recv(), receiver.recv(), receiver.recv()), (Ok(4), Ok(5), Err(RecvError)));
    }

    #[test]
    fn nobody_receives_any_more() {
        let (sender, receiver) = bounded(2);
        drop(receiver);
        assert_eq!(sender.try_send(1), Err(TrySendError::Disconnected(1)));
    }
}
