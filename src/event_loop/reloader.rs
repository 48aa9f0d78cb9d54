//! A reload: the configuration is read again, on a thread of its own, since a disk may hang (T5, C4).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::{error, info, warn};
use mio::Waker;
use schrittmacher_api::{ReloadAnswer, Remark};
use schrittmacher_config::{Config, Diagnostic, LoadError, Loaded};

use super::clock;
use crate::admin::{OrderRights, ReloadRequest};
use crate::kept::Keeper;
use crate::logging::Logging;
use crate::node::{Changes, Node};
use crate::worker::Worker;

/// Reads the configuration again when it is told to.
pub struct Reloader {
    logging: Logging,
    rights: OrderRights,
    worker: Worker<(), Result<Read, LoadError>>,
    state: Progress,
    path: PathBuf,
    /// Those who want to know what became of it.
    waiting: Vec<ReloadRequest>,
    /// Somebody wants it in force, and does not only want to know what would change.
    is_meant: bool,
}

/// A configuration as the event loop needs it. The thread makes its copy, too: that takes as long as reading it.
struct Read {
    config: Config,
    warnings: Vec<Diagnostic>,
    /// For the keeper.
    kept: String,
    /// Tells it from another one.
    hash: String,
}

impl From<Loaded> for Read {
    fn from(loaded: Loaded) -> Read {
        let kept = loaded.to_kept();
        let Loaded { config, warnings, .. } = loaded;
        let hash = schrittmacher_config::fingerprint(&config);
        Read { config, warnings, kept, hash }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Idle,
    Reading,
    /// Told to while it was reading: the file may have changed behind it.
    ReadingThenAgain,
}

impl Reloader {
    /// Reads `path`; wakes the event loop when it has been read.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(
        path: PathBuf,
        waker: Arc<Waker>,
        logging: Logging,
        rights: OrderRights,
    ) -> io::Result<Reloader> {
        let file = path.clone();
        let worker = Worker::start("reload", 1, waker, move |()| {
            crate::startup::configuration::load(&file).map(Read::from)
        })?;
        Ok(Reloader {
            logging,
            rights,
            worker,
            state: Progress::Idle,
            path,
            waiting: Vec::new(),
            is_meant: false,
        })
    }

    /// Begins to read the configuration. The request gets its answer when the new
    /// configuration is in force or refused; a reload that is under way already is joined.
    pub fn request(&mut self, request: Option<ReloadRequest>) {
        if request.as_ref().is_none_or(|request| !request.dry_run) {
            info!("the configuration is read again");
            self.is_meant = true;
        }
        // A disk may hang for hours, and clients give up and come again.
        self.waiting.retain(|waiting| waiting.reply.is_wanted());
        self.waiting.extend(request);
        self.state = match self.state {
            Progress::Idle => {
                // An idle thread has room for a job.
                let _ = self.worker.give(());
                Progress::Reading
            }
            Progress::Reading | Progress::ReadingThenAgain => Progress::ReadingThenAgain,
        };
    }

    /// Puts into force what has been read, if anything has.
    pub fn apply(&mut self, node: &mut Node, keeper: &mut Keeper) {
        let Some(read) = self.worker.outcome() else { return };
        if self.state == Progress::ReadingThenAgain {
            let _ = self.worker.give(());
            self.state = Progress::Reading;
            return;
        }
        self.state = Progress::Idle;
        let (waiting, is_meant) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.is_meant));
        let (dry, meant): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|request| request.dry_run);
        if !dry.is_empty() {
            // Before anything changes.
            let answer = preview(&self.path, &read, node);
            dry.into_iter().for_each(|request| request.reply.send(answer.clone()));
        }
        if !is_meant {
            return;
        }
        let answer = match read {
            Ok(read) => self.put_in_force(read, node, keeper),
            Err(wrong) => {
                for line in schrittmacher_config::failure(&wrong).lines().filter(|line| !line.is_empty()) {
                    error!("{line}");
                }
                error!("the configuration is wrong; the one in force stays");
                node.note_reload(None);
                wrong_file(&wrong)
            }
        };
        meant.into_iter().for_each(|request| request.reply.send(answer.clone()));
    }

    fn put_in_force(&self, read: Read, node: &mut Node, keeper: &mut Keeper) -> ReloadAnswer {
        let Read { config, warnings, kept, hash } = read;
        for warning in &warnings {
            warn!("{warning}");
        }
        let level = config.core.log_level;
        let answer = match node.reload(config, clock::now()) {
            Ok(changes) => {
                node.note_reload(Some(hash));
                keeper.configuration(kept);
                self.logging.set_level(level);
                self.rights.put(node.core());
                info!("the new configuration is in force; {changes}");
                let Changes { added, removed, changed } = changes;
                ReloadAnswer { in_force: true, added, removed, changed, ..ReloadAnswer::default() }
            }
            Err(error) => {
                node.note_reload(None);
                error!("{error}; the configuration in force stays as it is");
                one_error(self.path.display().to_string(), error.to_string())
            }
        };
        ReloadAnswer { warnings: remarks(&warnings), ..answer }
    }
}

/// What a reload would do.
fn preview(path: &Path, read: &Result<Read, LoadError>, node: &Node) -> ReloadAnswer {
    let answer = match read {
        Ok(read) => {
            let answer = match node.preview(&read.config) {
                Ok((Changes { added, removed, changed }, details)) => {
                    ReloadAnswer { added, removed, changed, details, ..ReloadAnswer::default() }
                }
                Err(error) => one_error(path.display().to_string(), error.to_string()),
            };
            ReloadAnswer { warnings: remarks(&read.warnings), ..answer }
        }
        Err(wrong) => wrong_file(wrong),
    };
    ReloadAnswer { dry_run: true, ..answer }
}

/// The answer to a reload that does not even begin.
pub fn refused(why: &str) -> ReloadAnswer {
    one_error("schrittmacher".to_owned(), why.to_owned())
}

fn one_error(file: String, message: String) -> ReloadAnswer {
    let remark = Remark { file, line: None, message, hint: None };
    ReloadAnswer { errors: vec![remark], ..ReloadAnswer::default() }
}

fn wrong_file(error: &LoadError) -> ReloadAnswer {
    match error {
        LoadError::Wrong { errors, warnings } => {
            ReloadAnswer { errors: remarks(errors), warnings: remarks(warnings), ..ReloadAnswer::default() }
        }
        LoadError::Unreadable { path, reason } => {
            one_error(path.display().to_string(), format!("cannot be read: {reason}"))
        }
    }
}

fn remarks(diagnostics: &[Diagnostic]) -> Vec<Remark> {
    let remark = |one: &Diagnostic| {
        let Diagnostic { file, line, message, hint } = one.clone();
        Remark { file, line, message, hint }
    };
    diagnostics.iter().map(remark).collect()
}
