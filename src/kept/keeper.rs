//! The thread that writes the files: a disk may hang (T5).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use log::warn;
use mio::Waker;
use schrittmacher_config::{Core, LoadError};
use schrittmacher_protocol::Time;

use super::epochs::{self, KeptEpochs};
use super::last_good::{self, NoCopy};
use super::promises::{self, KeptPromises};
use super::{StateFolder, freezes, known_peer, left_hot};
use crate::node::freeze::KeptFreezes;
use crate::worker::Worker;

/// Jobs that may wait. There is one at the start, one for each reload, and one when the peer is heard first.
const WAITING: usize = 8;

/// How long the end of the daemon waits for the last file.
const LAST_WRITE: Duration = Duration::from_secs(1);

enum FileJob {
    Configuration(String),
    KnownPeer(Box<Core>),
    Freezes(KeptFreezes),
    Epochs(KeptEpochs),
    Promises(KeptPromises),
    LookAtFile,
    LeftAlone { text: String, hot: Vec<String>, now: Time },
}

enum FileOutcome {
    Written(io::Result<()>),
    Epochs(io::Result<()>),
    Promised(io::Result<KeptPromises>),
    Looked(Result<(), BrokenFile>),
}

/// A configuration file that cannot be used.
#[derive(Debug)]
pub struct BrokenFile {
    pub error: LoadError,
    /// Whether the next start has something to go on with.
    pub copy: Result<(), NoCopy>,
}

/// Keeps what has to survive a restart, if there is a place for it.
pub struct Keeper {
    worker: Worker<FileJob, FileOutcome>,
    has_place: bool,
    has_complained: bool,
    /// Numbers of promotions are being written.
    writes_epochs: bool,
    /// What came of the last ones that were handed over; `None`: they are not kept.
    promises: Option<Option<KeptPromises>>,
}

impl Keeper {
    /// A keeper of the configuration at `path`. Without a folder it keeps nothing.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(folder: Option<StateFolder>, path: PathBuf, waker: Arc<Waker>) -> io::Result<Keeper> {
        let has_place = folder.is_some();
        let of_write = folder.clone();
        let result =
            move |write: &dyn Fn(&StateFolder) -> io::Result<()>| of_write.as_ref().map_or(Ok(()), write);
        let work = move |job| match job {
            FileJob::Configuration(text) => {
                FileOutcome::Written(result(&|folder| last_good::keep(folder, &path, text.clone())))
            }
            FileJob::KnownPeer(core) => {
                FileOutcome::Written(result(&|folder| known_peer::remember(folder, &core)))
            }
            FileJob::LeftAlone { text, hot, now } => FileOutcome::Written(result(&|folder| {
                left_hot::keep(folder, hot.clone(), now)?;
                folder.say_left_alone(&text)
            })),
            FileJob::Freezes(freezes) => {
                FileOutcome::Written(result(&|folder| freezes::keep(folder, &freezes)))
            }
            FileJob::Epochs(epochs) => FileOutcome::Epochs(result(&|folder| epochs::keep(folder, &epochs))),
            FileJob::Promises(wanted) => FileOutcome::Promised(match &folder {
                Some(folder) => promises::keep(folder, &wanted).map(|()| wanted),
                None => Err(io::ErrorKind::NotFound.into()),
            }),
            FileJob::LookAtFile => FileOutcome::Looked(look_at(&path)),
        };
        let worker = Worker::start("files", WAITING, waker, work)?;
        Ok(Keeper { worker, has_place, has_complained: false, writes_epochs: false, promises: None })
    }

    /// The configuration that is in force now, as text.
    pub fn configuration(&mut self, text: String) {
        self.give(FileJob::Configuration(text));
    }

    /// The peer of this configuration was heard.
    pub fn known_peer(&mut self, core: &Core) {
        self.give(FileJob::KnownPeer(Box::new(core.clone())));
    }

    /// The resources that are frozen. `false`: too much waits already.
    pub fn freezes(&mut self, freezes: KeptFreezes) -> bool {
        !self.has_place || self.worker.give(FileJob::Freezes(freezes)).is_ok()
    }

    /// Whether numbers of promotions are to be handed over: one file at a time is written. When all resources switch, their numbers
    /// change in many turns, and all are in each file.
    pub fn takes_epochs(&self) -> bool {
        self.has_place && !self.writes_epochs
    }

    /// The numbers of promotions. `false`: too much waits already.
    pub fn epochs(&mut self, epochs: KeptEpochs) -> bool {
        self.writes_epochs = !self.has_place || self.worker.give(FileJob::Epochs(epochs)).is_ok();
        self.writes_epochs
    }

    /// The longest promises that may not be over. `false`: too much waits already.
    pub fn promises(&mut self, promises: KeptPromises) -> bool {
        self.worker.give(FileJob::Promises(promises)).is_ok()
    }

    /// What came of [`Keeper::promises`], after [`Keeper::take`].
    pub fn kept_promises(&mut self) -> Option<Option<KeptPromises>> {
        self.promises.take()
    }

    /// Looks whether the configuration file could be used now; [`Keeper::take`] tells.
    pub fn look_at_file(&mut self) {
        self.give(FileJob::LookAtFile);
    }

    /// Says by files that this daemon ends now and leaves its applications alone, and which of them are hot. Waits for that,
    /// but not for a disk that hangs.
    pub fn left_alone(mut self, text: String, hot: Vec<String>, now: Time) {
        self.give(FileJob::LeftAlone { text, hot, now });
        self.worker.finish(LAST_WRITE);
    }

    fn give(&mut self, job: FileJob) {
        if (self.has_place || matches!(job, FileJob::LookAtFile)) && self.worker.give(job).is_err() {
            self.complain("the disk does not answer");
        }
    }

    /// The state of the configuration file, once it has been looked at. Complains once about a file that cannot be written.
    pub fn take(&mut self) -> Option<Result<(), BrokenFile>> {
        while let Some(done) = self.worker.outcome() {
            match done {
                FileOutcome::Looked(result) => return Some(result),
                FileOutcome::Written(result) => self.note(result),
                FileOutcome::Epochs(result) => {
                    self.writes_epochs = false;
                    self.note(result);
                }
                FileOutcome::Promised(Ok(promises)) => self.promises = Some(Some(promises)),
                FileOutcome::Promised(Err(error)) => {
                    self.promises = Some(None);
                    self.complain(&error.to_string());
                }
            }
        }
        None
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.complain(&error.to_string());
        }
    }

    fn complain(&mut self, why: &str) {
        if !std::mem::replace(&mut self.has_complained, true) {
            warn!(
                "`state-directory` cannot be written ({why}): a restart will not know what this daemon knows"
            );
        }
    }
}

fn look_at(path: &Path) -> Result<(), BrokenFile> {
    schrittmacher_config::load(path)
        .map(drop)
        .map_err(|error| BrokenFile { error, copy: last_good::last_good(path).map(drop) })
}
