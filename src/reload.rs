//! SIGHUP: reads the configuration again, on a thread of its own, since a disk may hang (T5, C4).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use log::{error, info, warn};
use mio::Waker;

use crate::clock;
use crate::config::{self, LoadError, Loaded};
use crate::logging::Logging;
use crate::node::Node;

/// Reads the configuration again when it is told to.
pub struct Reloader {
    path: PathBuf,
    waker: Arc<Waker>,
    logging: Logging,
    reading: Option<Receiver<Result<Loaded, LoadError>>>,
    /// It was told to while it was reading: the file may have changed behind it.
    again: bool,
}

impl Reloader {
    /// Reads `path`; wakes the event loop when it has been read.
    pub fn new(path: PathBuf, waker: Arc<Waker>, logging: Logging) -> Reloader {
        Reloader { path, waker, logging, reading: None, again: false }
    }

    /// Opens the log file anew and begins to read the configuration.
    pub fn request(&mut self) {
        info!("SIGHUP: the log is opened anew, and the configuration read again");
        self.logging.reopen();
        if self.reading.is_some() {
            self.again = true;
        } else {
            self.begin();
        }
    }

    fn begin(&mut self) {
        let (path, waker) = (self.path.clone(), Arc::clone(&self.waker));
        let (sender, receiver) = channel();
        let read = move || {
            // Nobody listens once the daemon ends.
            let _ = sender.send(config::load(&path));
            let _: io::Result<()> = waker.wake();
        };
        match thread::Builder::new().name("reload".to_owned()).spawn(read) {
            Ok(_) => self.reading = Some(receiver),
            Err(error) => error!("can't read the configuration again: {error}"),
        }
    }

    /// Puts into force what has been read, if anything has.
    pub fn apply(&mut self, node: &mut Node) {
        let loaded = match self.reading.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => return,
            // A panic would have ended the daemon.
            Some(Err(TryRecvError::Disconnected)) => None,
            Some(Ok(loaded)) => Some(loaded),
        };
        self.reading = None;
        if std::mem::take(&mut self.again) {
            return self.begin();
        }
        match loaded {
            Some(Ok(loaded)) => self.put_in_force(loaded, node),
            Some(Err(wrong)) => {
                for line in config::failure(&wrong).lines().filter(|line| !line.is_empty()) {
                    error!("{line}");
                }
                error!("the configuration is wrong; the one in force stays");
            }
            None => {}
        }
    }

    fn put_in_force(&self, loaded: Loaded, node: &mut Node) {
        let Loaded { config, warnings, .. } = loaded;
        for warning in warnings {
            warn!("{warning}");
        }
        let level = config.core.log_level;
        match node.reload(config, clock::now()) {
            Ok(changes) => {
                self.logging.set_level(level);
                info!("the new configuration is in force; {changes}");
            }
            Err(error) => error!("{error}; the configuration in force stays as it is"),
        }
    }
}
