//! The thread that keeps every shared address as it is wanted.

#[cfg(target_os = "linux")]
mod kept;
#[cfg(target_os = "linux")]
mod known;
#[cfg(target_os = "linux")]
mod links;
#[cfg(target_os = "linux")]
mod probes;
#[cfg(target_os = "linux")]
mod watched;
#[cfg(target_os = "linux")]
mod work;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(target_os = "linux")]
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use mio::{Poll, Token, Waker};

use crate::frame::Mac;
use crate::{Address, LinkState, Loss, SharedPlace, Trouble};

#[cfg(target_os = "linux")]
use self::work::Work;

/// The tokens of the thread's poll; probes have those that follow.
const WAKE: Token = Token(0);
#[cfg(target_os = "linux")]
const CHANGES: Token = Token(1);
#[cfg(target_os = "linux")]
const PROBES: usize = 2;

/// Jobs that wait: more than the services of any host, so that all of them can be taken over at once.
const MOST_WAITING: usize = 16_384;

/// How the thread works.
#[derive(Clone, Copy, Debug)]
pub struct KeeperSettings {
    /// Marks the addresses of this daemon in the kernel, so that a later run of it knows them: not 0 to 3, and different for
    /// each daemon of a host.
    pub owner: u8,
}

/// A job of the thread. `id` names a service; `ticket` comes back with the outcome, so that a late one is not taken for
/// that of a newer job.
#[derive(Clone, Debug)]
pub enum AddressJob {
    /// Add the addresses, announce them, and keep them. All or none are added.
    Up {
        /// The service.
        id: usize,
        /// Names this job.
        ticket: u64,
        /// Where and what.
        shared: SharedPlace,
        /// The pause between two announcements in quiet times.
        refresh: Duration,
        /// Ask whether anybody else has them. Nothing waits for the answer: [`AddressReport::Elsewhere`].
        probe: bool,
    },
    /// Remove the addresses, also those that an earlier run has left.
    Down {
        /// The service.
        id: usize,
        /// Names this job.
        ticket: u64,
        /// Where and what.
        shared: SharedPlace,
    },
    /// Ask whether another host has one of these addresses: [`AddressReport::Holder`].
    Ask {
        /// The service.
        id: usize,
        /// Names this job.
        ticket: u64,
        /// Where and what.
        shared: SharedPlace,
    },
    /// Announce again: the neighbours may have been misled.
    Announce {
        /// The service.
        id: usize,
    },
    /// The service is no more. Its addresses stay as they are, and are nobody's business.
    Forget {
        /// The service.
        id: usize,
    },
    /// Another pause between two announcements in quiet times.
    Refresh {
        /// The service.
        id: usize,
        /// The pause.
        refresh: Duration,
    },
    /// Remove the addresses of an earlier run that belong to none of these.
    Sweep {
        /// Every place that a service of this daemon may have.
        keep: Vec<SharedPlace>,
    },
    /// Report from now on whether somebody else has one of these addresses on this host: [`AddressReport::Foreign`].
    Watch {
        /// The service.
        id: usize,
        /// Where and what.
        shared: SharedPlace,
    },
    /// The service has no addresses to be watched any more.
    Unwatch {
        /// The service.
        id: usize,
    },
    /// Report the state of this interface now, and whenever it changes or one of the ends gets or loses its connection.
    Track {
        /// Its name.
        interface: String,
        /// Addresses of this host by which the other one may be reached too.
        ends: Vec<IpAddr>,
    },
}

/// The outcome of a job, or an event on the network.
#[derive(Debug)]
pub enum AddressReport {
    /// An [`AddressJob::Up`] is over.
    Up {
        /// The service.
        id: usize,
        /// That of the job.
        ticket: u64,
        /// Which address could not be added, and why.
        result: Result<(), (Address, Trouble)>,
    },
    /// An [`AddressJob::Down`] is over.
    Down {
        /// The service.
        id: usize,
        /// That of the job.
        ticket: u64,
        /// Which address could not be removed, and why.
        result: Result<(), (Address, Trouble)>,
    },
    /// An address was gone; it was put back and announced.
    PutBack {
        /// The service.
        id: usize,
        /// The address.
        address: Address,
        /// What had taken it.
        loss: Loss,
    },
    /// An address is gone, and cannot be put back. It is tried again each second; this is said once.
    Missing {
        /// The service.
        id: usize,
        /// The address.
        address: Address,
        /// What has taken it.
        loss: Loss,
        /// Why.
        trouble: Trouble,
    },
    /// Somebody else has an address that was taken.
    Elsewhere {
        /// The service.
        id: usize,
        /// The address.
        address: Address,
        /// Where it is.
        mac: Mac,
    },
    /// An [`AddressJob::Ask`] is over.
    Holder {
        /// The service.
        id: usize,
        /// That of the job.
        ticket: u64,
        /// Which address another host has, and where; `None` if nobody has answered.
        holder: Option<(Address, Mac)>,
    },
    /// Somebody else has added an address of a service whose own ones were removed.
    Intruder {
        /// The service.
        id: usize,
        /// The address.
        address: Address,
        /// Where it is, or was.
        interface: String,
        /// It was on the interface of the service, and is removed like those of the service.
        is_removed: bool,
    },
    /// An address of a watched service is on this host, and this daemon has not added it; or that is over.
    Foreign {
        /// The service.
        id: usize,
        /// The address, and its interface.
        holder: Option<(Address, String)>,
    },
    /// The state of a tracked interface.
    Link {
        /// Its name.
        interface: String,
        /// The state.
        state: LinkState,
        /// Those of the ends that are on another cable, with a connection.
        ways: Vec<IpAddr>,
    },
    /// An address of an earlier run was removed.
    Swept {
        /// The address.
        address: Address,
    },
}

/// The thread. It ends when this is dropped and it has done what waits, and leaves the addresses as they are.
#[derive(Debug)]
pub struct AddressKeeper {
    jobs: Sender<AddressJob>,
    /// How many jobs the thread has not taken yet.
    waiting: Arc<AtomicUsize>,
    waker: Arc<Waker>,
}

impl AddressKeeper {
    /// Starts the thread; `report` is called there.
    ///
    /// # Errors
    ///
    /// The system refuses a netlink or packet socket (`PermissionDenied` without CAP_NET_RAW) or a thread.
    #[cfg(target_os = "linux")]
    pub fn start(
        settings: KeeperSettings,
        report: impl FnMut(AddressReport) + Send + 'static,
    ) -> io::Result<AddressKeeper> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (jobs, queue) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let queue = JobQueue { jobs: queue, waiting: Arc::clone(&waiting) };
        let work = Work::open(settings, poll, Box::new(report))?;
        // The last call to wake up has to find it open: jobs may wait when the owner goes.
        let held = Arc::clone(&waker);
        std::thread::Builder::new().name("address".to_owned()).spawn(move || {
            work.run(&queue);
            drop(held);
        })?;
        Ok(AddressKeeper { jobs, waiting, waker })
    }

    /// Other systems have neither rtnetlink nor packet sockets.
    ///
    /// # Errors
    ///
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn start(
        _: KeeperSettings,
        _: impl FnMut(AddressReport) + Send + 'static,
    ) -> io::Result<AddressKeeper> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "only on Linux this daemon adds addresses itself"))
    }

    /// Hands over a job.
    ///
    /// # Errors
    ///
    /// Too many wait already, for the kernel does not answer: the job comes back.
    pub fn give(&self, job: AddressJob) -> Result<(), AddressJob> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(job);
        }
        self.jobs.send(job).map_err(|refused| refused.0)?;
        // A waker that fails is asked again by the next job.
        let _ = self.waker.wake();
        Ok(())
    }
}

/// The thread's end of the jobs.
#[cfg(target_os = "linux")]
struct JobQueue {
    jobs: Receiver<AddressJob>,
    waiting: Arc<AtomicUsize>,
}

#[cfg(target_os = "linux")]
impl JobQueue {
    /// At most `most` jobs that wait; `None`: the owner is gone, and there are no more.
    fn take(&self, most: usize) -> Option<Vec<AddressJob>> {
        let mut batch = Vec::new();
        while batch.len() < most {
            match self.jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(TryRecvError::Disconnected) if batch.is_empty() => return None,
                Err(TryRecvError::Disconnected | TryRecvError::Empty) => break,
            }
        }
        self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        Some(batch)
    }
}

impl Drop for AddressKeeper {
    fn drop(&mut self) {
        let (closed, _) = channel();
        self.jobs = closed;
        let _ = self.waker.wake();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// A thread that waits for the kernel takes nothing.
    #[test]
    fn more_jobs_than_may_wait_come_back() {
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), WAKE).expect("a waker"));
        let ((jobs, queue), waiting) = (channel(), Arc::new(AtomicUsize::new(0)));
        let keeper = AddressKeeper { jobs, waiting: Arc::clone(&waiting), waker };
        for id in 0..MOST_WAITING {
            assert!(keeper.give(AddressJob::Announce { id }).is_ok());
        }
        assert!(matches!(keeper.give(AddressJob::Announce { id: 7 }), Err(AddressJob::Announce { id: 7 })));
        let queue = JobQueue { jobs: queue, waiting };
        assert_eq!(queue.take(3).map(|batch| batch.len()), Some(3));
        assert!((0..3).all(|id| keeper.give(AddressJob::Announce { id }).is_ok()));
        assert!(keeper.give(AddressJob::Announce { id: 7 }).is_err());
    }
}
