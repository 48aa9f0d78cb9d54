//! The operator's hook: the command of `notify` runs for each event, with its facts in the environment.
//!
//! One thread runs one command at a time. Events wait in a queue of [`WAITING`]; a full queue loses the newest, and the next
//! one that fits says how many. The threads that tell never wait (T5).

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::unistd::Pid;
use schrittmacher_config::Core;

use crate::commands::{inherited_environment, without_controls};

/// Events that wait.
const WAITING: usize = 1024;

/// How long a command may run. Then it and its group are killed.
const LIMIT: Duration = Duration::from_secs(10);

/// Only one failure in this time is told.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// How long the end of the daemon waits for the last events.
const LAST_EVENTS: Duration = Duration::from_secs(2);

/// The pauses between two looks at a command that runs.
const LOOKS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// The end of the hook that is told. A clone tells the same one.
#[derive(Clone, Debug, Default)]
pub struct EventHook {
    /// Without a command there is none.
    jobs: Option<SyncSender<Job>>,
    lost: Arc<AtomicU64>,
}

/// Something that has happened to a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookEvent {
    /// `EVENT`: a word of `docs/configuration.md`.
    pub name: &'static str,
    /// `RESOURCE_NAME`.
    pub resource: String,
    /// `TEXT`: the sentence of log or history.
    pub text: String,
    /// Variables that only some events have.
    pub details: Vec<(&'static str, String)>,
}

#[derive(Debug)]
enum Job {
    Event {
        event: HookEvent,
        at: Timestamp,
        lost: u64,
    },
    /// Answer when everything before this was run.
    Flush(SyncSender<()>),
}

impl EventHook {
    /// A hook with the command of the configuration, if it has one.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(core: &Core) -> io::Result<EventHook> {
        let Some(text) = &core.notify else { return Ok(EventHook::default()) };
        let addresses = [core.local_address, core.remote_address].map(|address| address.to_string());
        EventHook::run(Runner { text: text.clone(), addresses, limit: LIMIT, told: None }, WAITING)
    }

    fn run(mut runner: Runner, waiting: usize) -> io::Result<EventHook> {
        let (jobs, queue) = sync_channel(waiting);
        thread::Builder::new().name("event-hook".to_owned()).spawn(move || runner.serve(&queue))?;
        Ok(EventHook { jobs: Some(jobs), lost: Arc::default() })
    }

    /// Tells what has happened just now, if there is a command. Never waits.
    pub fn tell(&self, event: impl FnOnce() -> HookEvent) {
        let Some(jobs) = &self.jobs else { return };
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if jobs.try_send(Job::Event { event: event(), at: Timestamp::now(), lost }).is_err() {
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    /// Waits until the last events were told, but not for long.
    pub fn finish(&self) {
        let (done, is_done) = sync_channel(1);
        if let Some(jobs) = &self.jobs
            && jobs.try_send(Job::Flush(done)).is_ok()
        {
            let _ = is_done.recv_timeout(LAST_EVENTS);
        }
    }
}

struct Runner {
    text: String,
    /// Ours and the peer's.
    addresses: [String; 2],
    limit: Duration,
    /// When a failure was told.
    told: Option<Instant>,
}

impl Runner {
    fn serve(&mut self, queue: &Receiver<Job>) {
        // Commands inherit the mask of this thread.
        let _: nix::Result<()> = SigSet::empty().thread_set_mask();
        for job in queue {
            match job {
                Job::Event { event, at, lost } => {
                    if let Err(why) = self.tell(&event, at, lost) {
                        self.complain(&why);
                    }
                }
                Job::Flush(done) => drop(done.try_send(())),
            }
        }
    }

    fn tell(&self, event: &HookEvent, at: Timestamp, lost: u64) -> Result<(), String> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.text).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env_clear().envs(inherited_environment());
        let [local, remote] = &self.addresses;
        command.env("EVENT", event.name).env("TIME", at.to_string()).env("LOST", lost.to_string());
        command.env("LOCAL_ADDRESS", local).env("REMOTE_ADDRESS", remote);
        command.env("RESOURCE_NAME", without_controls(&event.resource));
        command.env("TEXT", without_controls(&event.text));
        for (name, value) in &event.details {
            command.env(name, without_controls(value));
        }
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let until = Instant::now() + self.limit;
        let (mut pause, longest) = LOOKS;
        loop {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return judge(status),
                Err(error) => return Err(error.to_string()),
            }
            if Instant::now() >= until {
                // It has not been waited for, so its number is still its own.
                let group = i32::try_from(child.id()).map_err(|error| error.to_string())?;
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
                let _ = child.wait();
                return Err(format!("ended after {} s", self.limit.as_secs_f64()));
            }
            thread::sleep(pause);
            pause = (pause * 2).min(longest);
        }
    }

    fn complain(&mut self, why: &str) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) {
            self.told = Some(Instant::now());
            log::warn!(
                "the command of `notify` has failed: {why}; such a failure is told once a minute at most"
            );
        }
    }
}

fn judge(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const GUARD: Duration = Duration::from_secs(60);

    fn hook(text: &str, limit: Duration) -> EventHook {
        let addresses = ["10.0.0.1".to_owned(), "10.0.0.2".to_owned()];
        EventHook::run(Runner { text: text.to_owned(), addresses, limit, told: None }, 50).unwrap()
    }

    fn event(text: &str) -> HookEvent {
        let details = vec![("FROM", "standby".to_owned())];
        HookEvent { name: "transition", resource: "r 1".into(), text: text.into(), details }
    }

    /// Waits for everything that was told before.
    fn flush(hook: &EventHook) {
        let (done, is_done) = sync_channel(1);
        hook.jobs.as_ref().unwrap().send(Job::Flush(done)).unwrap();
        is_done.recv_timeout(GUARD).unwrap();
    }

    #[test]
    fn the_facts_are_in_the_environment_and_nothing_of_them_is_code() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let hook =
            hook(&format!("echo \"$EVENT|$RESOURCE_NAME|$FROM|$TEXT|$LOST\" >>{}", path.display()), GUARD);
        hook.tell(|| event("$(touch x)\n`id`"));
        hook.tell(|| event("two"));
        flush(&hook);
        let said = std::fs::read_to_string(path).unwrap();
        assert_eq!(said, "transition|r 1|standby|$(touch x) `id`|0\ntransition|r 1|standby|two|0\n");
    }

    /// The main thread tells them between two heartbeats.
    #[test]
    fn a_thousand_events_beside_a_command_that_hangs_hold_up_nobody_and_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let (path, open) = (dir.path().join("lost"), dir.path().join("open"));
        let script = format!(
            "while ! test -e {}; do sleep 0.01; done; echo $LOST >>{}",
            open.display(),
            path.display()
        );
        let hook = hook(&script, GUARD);
        let teller = hook.clone();
        let (done, told) = channel();
        thread::spawn(move || {
            (0..1000).for_each(|number| teller.tell(|| event(&number.to_string())));
            done.send(()).unwrap();
        });
        told.recv_timeout(GUARD).expect("it waits for the command");
        std::fs::write(open, "").unwrap();
        flush(&hook);
        hook.tell(|| event("the next one"));
        flush(&hook);
        // Each was told, or is counted in one that was. One more than wait had begun before the others came, or not.
        let said = std::fs::read_to_string(path).unwrap();
        let lost: Vec<u64> = said.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(lost.len() as u64 + lost.iter().sum::<u64>(), 1001);
        assert!(lost.len() < 60, "{} were told", lost.len());
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let hook =
            hook(&format!("sleep 1000 & echo $! >{}; wait", path.display()), Duration::from_millis(500));
        hook.tell(|| event("x"));
        flush(&hook);
        let pid = std::fs::read_to_string(path).unwrap();
        schrittmacher_harness::wait_for("the end of its child", GUARD, || {
            // A zombie of another parent has ended, too.
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            (state.is_empty() || state.contains(") Z ")).then_some(())
        });
    }

    #[test]
    fn without_a_command_nothing_is_told() {
        let hook = EventHook::start(&schrittmacher_testkit::config::core()).unwrap();
        hook.tell(|| event("x"));
        hook.finish();
    }
}
