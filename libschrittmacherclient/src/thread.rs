//! The heartbeat thread.

use std::io;
use std::os::unix::thread::JoinHandleExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use nix::sys::pthread::pthread_self;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};

use crate::bell::Bell;
use crate::client::Client;
use crate::shared::Shared;

/// Enough for an application's go-hot function; only what is touched costs memory.
const STACK_SIZE: usize = 256 * 1024;

/// How often the thread looks for work when its alarm is gone. An application may close descriptors that are not its
/// own.
const WITHOUT_ALARM: Duration = Duration::from_millis(100);

/// A running heartbeat thread. Dropped, it ends on its own once its run is over.
#[derive(Debug)]
pub(crate) struct HeartbeatThread(JoinHandle<()>);

impl HeartbeatThread {
    /// Starts the thread for start number `run`, with all signals blocked: the application's handlers run on
    /// the application's threads.
    pub fn spawn(client: Weak<Shared>, bell: &Arc<Bell>, run: u64) -> io::Result<HeartbeatThread> {
        let bell = Arc::clone(bell);
        let mut before = SigSet::empty();
        // A new thread inherits the mask of the one that makes it.
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
        let spawned = Builder::new()
            .name("schrittm-hb".to_owned())
            .stack_size(STACK_SIZE)
            .spawn(move || guarded(&client, &bell, run));
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
        spawned.map(HeartbeatThread)
    }

    /// Waits for the thread to end, unless this is the thread itself.
    pub fn end(self) {
        // Not std::thread::current(): on a thread of a C program it allocates, and the main thread never frees. As
        // numbers, since musl's own type for a thread is a pointer, and the standard library's is not.
        #[expect(clippy::cast_possible_truncation, reason = "a pthread_t is as wide as a pointer")]
        let is_other = self.0.as_pthread_t() as usize != pthread_self() as usize;
        if is_other {
            // A panic in it has been dealt with there.
            let _ = self.0.join();
        }
    }

    /// Forgets a thread that does not exist in this process, the child of a fork.
    pub fn forget(self) {
        std::mem::forget(self.0);
    }
}

/// Runs the loop. After a panic the client is silent, so that the daemon fails over. Calls return an error then.
fn guarded(client: &Weak<Shared>, bell: &Bell, run: u64) {
    if catch_unwind(AssertUnwindSafe(|| beat_until_stopped(client, bell, run))).is_err() {
        bell.broken.store(true, Ordering::Relaxed);
    }
}

fn beat_until_stopped(client: &Weak<Shared>, bell: &Bell, run: u64) {
    loop {
        if !bell.alarm.get().is_some_and(|alarm| alarm.wait()) {
            std::thread::sleep(WITHOUT_ALARM);
        }
        match client.upgrade().map(Client::from_shared) {
            Some(client) if client.turn(run) => {}
            _ => return,
        }
    }
}
