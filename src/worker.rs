//! A thread that may block, beside the one that may not (T5).

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use mio::Waker;

/// The event loop's end of a thread that takes jobs and gives a result for each. The thread ends with it.
#[derive(Debug)]
pub struct Worker<Job, Outcome> {
    jobs: SyncSender<Job>,
    outcomes: Receiver<Outcome>,
}

impl<Job: Send + 'static, Outcome: Send + 'static> Worker<Job, Outcome> {
    /// Starts the thread. `name` has at most 15 bytes, the kernel's limit; at most `waiting` jobs wait. `waker` tells
    /// the loop of each outcome.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(
        name: &str,
        waiting: usize,
        waker: Arc<Waker>,
        mut work: impl FnMut(Job) -> Outcome + Send + 'static,
    ) -> io::Result<Worker<Job, Outcome>> {
        Worker::spawn(name, waiting, 1, waker, move |jobs, tell| {
            tell(jobs.into_iter().map(&mut work).collect());
        })
    }

    /// The same, for work that is cheaper for many jobs at once: those that wait, and `most` at most. The work tells outcomes as soon
    /// as it has them, and the loop wakes each time.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start_in_lots(
        name: &str,
        waiting: usize,
        most: usize,
        waker: Arc<Waker>,
        work: impl FnMut(Vec<Job>, &mut dyn FnMut(Vec<Outcome>)) + Send + 'static,
    ) -> io::Result<Worker<Job, Outcome>> {
        Worker::spawn(name, waiting, most, waker, work)
    }

    fn spawn(
        name: &str,
        waiting: usize,
        most: usize,
        waker: Arc<Waker>,
        mut work: impl FnMut(Vec<Job>, &mut dyn FnMut(Vec<Outcome>)) + Send + 'static,
    ) -> io::Result<Worker<Job, Outcome>> {
        let (jobs, queue) = sync_channel(waiting);
        let (results, outcomes) = channel();
        let run = move || {
            while let Ok(job) = queue.recv() {
                let lot = std::iter::once(job).chain(queue.try_iter()).take(most).collect();
                let mut is_heard = true;
                work(lot, &mut |told: Vec<Outcome>| {
                    // The loop is gone if it does not listen.
                    is_heard &= told.into_iter().all(|outcome| results.send(outcome).is_ok());
                    // A waker that fails is asked again by the next outcome.
                    let _: io::Result<()> = waker.wake();
                });
                if !is_heard {
                    return;
                }
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Worker { jobs, outcomes })
    }

    /// Hands over a job.
    ///
    /// # Errors
    ///
    /// Too many wait already: the job comes back.
    pub fn give(&self, job: Job) -> Result<(), Job> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            std::sync::mpsc::TrySendError::Full(job) | std::sync::mpsc::TrySendError::Disconnected(job) => {
                job
            }
        })
    }

    /// Lets the thread do what it was given, and end; waits for that at most `limit`.
    pub fn finish(self, limit: Duration) {
        let Worker { jobs, outcomes } = self;
        drop(jobs);
        let until = Instant::now() + limit;
        while outcomes.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
    }

    /// The next outcome, if there is one.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcomes.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use mio::{Events, Poll, Token};

    use super::*;

    #[test]
    fn a_job_comes_back_as_an_outcome_and_wakes_the_loop() {
        let mut poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let worker = Worker::start("test", 1, waker, |number: u32| number + 1).unwrap();
        worker.give(1).unwrap();
        let mut events = Events::with_capacity(1);
        while events.is_empty() {
            // An interrupted poll is repeated.
            let _ = poll.poll(&mut events, None);
        }
        assert_eq!(worker.outcome(), Some(2));
        assert_eq!(worker.outcome(), None);
    }

    #[test]
    fn the_end_waits_for_what_was_given_but_not_for_a_thread_that_hangs() {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (done, seen) = channel();
        let worker =
            Worker::start("test", 3, Arc::clone(&waker), move |job: u32| done.send(job).unwrap()).unwrap();
        (1..=3).for_each(|job| worker.give(job).unwrap());
        worker.finish(Duration::from_secs(60));
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [1, 2, 3]);

        let (_release, held) = channel::<()>();
        let worker = Worker::start("test", 1, waker, move |_: u32| held.recv().is_ok()).unwrap();
        worker.give(1).unwrap();
        worker.finish(Duration::from_millis(1));
    }

    #[test]
    fn jobs_that_wait_are_done_together_but_no_more_of_them_than_the_most() {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (release, held) = channel::<()>();
        let work = move |lot: Vec<u32>, tell: &mut dyn FnMut(Vec<Vec<u32>>)| {
            held.recv().unwrap();
            tell(vec![lot]);
        };
        let worker = Worker::start_in_lots("test", 9, 3, waker, work).unwrap();
        (1..=8).for_each(|job| worker.give(job).unwrap());
        (0..8).for_each(|_| release.send(()).unwrap());
        let mut lots: Vec<Vec<u32>> = Vec::new();
        while lots.iter().map(Vec::len).sum::<usize>() < 8 {
            lots.extend(worker.outcomes.recv_timeout(Duration::from_secs(10)));
        }
        // The first one begins with what was there.
        assert!(lots.len() <= 4 && lots.iter().all(|lot| lot.len() <= 3), "{lots:?}");
        assert_eq!(lots.concat(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn an_outcome_that_is_told_wakes_the_loop_while_the_work_goes_on() {
        let mut poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (release, held) = channel::<()>();
        let work = move |lot: Vec<u32>, tell: &mut dyn FnMut(Vec<u32>)| {
            tell(lot);
            // Its end tells nothing more.
            let _ = held.recv();
        };
        let worker = Worker::start_in_lots("test", 1, 1, waker, work).unwrap();
        worker.give(1).unwrap();
        let mut events = Events::with_capacity(1);
        // An interrupted poll is repeated.
        while poll.poll(&mut events, Some(Duration::from_secs(10))).is_err() {}
        assert_eq!(worker.outcome(), Some(1));
        drop(release);
    }

    #[test]
    fn more_jobs_than_may_wait_come_back_at_once() {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (release, held) = channel::<()>();
        let worker = Worker::start("test", 1, waker, move |_: u32| held.recv().is_ok()).unwrap();
        let refused = (0..3).find_map(|job| worker.give(job).err());
        // One is in work at most, and one waits.
        assert!(matches!(refused, Some(1 | 2)), "{refused:?}");
        drop(release);
    }
}
