//! The meaning of each signal to the daemon.

use std::ffi::c_int;
use std::time::Duration;

use log::{error, info, warn};
use schrittmacher_config::OnExit;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

use super::{EventLoop, LoopEnd, clock};
use crate::kept::{BrokenFile, NoCopy};

/// The signals that are taken in.
pub(super) const TAKEN: [c_int; 7] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2];

/// How long the end waits for a look at the configuration file: its disk may hang.
const LOOK_AT_FILE: Duration = Duration::from_secs(1);

impl EventLoop {
    /// Takes in what has come; gives the end of the loop, if it is one.
    pub(super) fn take_signals(&mut self) -> Option<LoopEnd> {
        // To look costs a system call.
        if !std::mem::take(&mut self.has_signals) {
            return None;
        }
        for signal in self.signals.pending().collect::<Vec<_>>() {
            let now = clock::now();
            match signal {
                SIGCHLD => self.node.on_child(now),
                SIGQUIT if self.quit_until.is_some() => return Some(LoopEnd::Left),
                SIGQUIT if !self.node.never_leaves() => {
                    info!("SIGQUIT: ending; applications and addresses stay as they are");
                    self.keeper.look_at_file();
                    self.quit_until = Some(now + LOOK_AT_FILE);
                }
                SIGQUIT | SIGTERM | SIGINT if self.ending || self.node.core().on_exit == OnExit::Leave => {
                    info!("ending; applications and addresses stay as they are");
                    return Some(LoopEnd::Left);
                }
                SIGQUIT | SIGTERM | SIGINT => {
                    info!("asked to end: handing over what is hot (a second signal ends at once)");
                    self.ending = true;
                    self.notifier.stopping();
                    self.node.shut_down(now);
                }
                SIGHUP if self.ending => {}
                SIGHUP => {
                    info!("SIGHUP: asked to reload");
                    self.reloader.request(None);
                }
                SIGUSR1 | SIGUSR2 => {
                    warn!(
                        "an order for an application (SIGUSR1 or SIGUSR2) was sent to this daemon; ignored"
                    );
                }
                _ => {}
            }
        }
        None
    }

    /// The end after SIGQUIT. Most often that is a restart, and the next daemon needs the file: a broken one is told
    /// while somebody can still read it.
    pub(super) fn quit(&mut self) -> Option<LoopEnd> {
        let looked = self.keeper.take();
        let until = self.quit_until?;
        match looked {
            None if clock::now() < until => return None,
            None => warn!("the configuration file could not be read within {} s", LOOK_AT_FILE.as_secs()),
            Some(Ok(())) => {}
            Some(Err(broken)) => tell_broken(&broken),
        }
        Some(LoopEnd::Left)
    }
}

/// Says what is wrong with the file, and what the next start will do.
fn tell_broken(broken: &BrokenFile) {
    for line in schrittmacher_config::failure(&broken.error).lines().filter(|line| !line.is_empty()) {
        error!("{line}");
    }
    let next = match broken.copy {
        Ok(()) => "the next start goes on with the last good configuration, and starts nothing",
        Err(NoCopy::Missing) => {
            "the next start fails, since no copy of the last good configuration is found. Then the application here has \
             no daemon, and the other host starts its own"
        }
        Err(NoCopy::Weaker) => {
            "the next start fails, since the file may ask for more security than the last good configuration has. Then \
             the application here has no daemon, and the other host starts its own"
        }
    };
    error!("the configuration file is broken: {next}. Correct the file");
}
