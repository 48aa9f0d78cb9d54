//! A command on its way to a process: with a shell or without one, for a thread that may block (X1, X5).

use std::env;
use std::fs::File;
use std::io::{self, PipeWriter, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::unistd::{User, geteuid};
use schrittmacher_config::{ActionLimit, LimitKind};

use super::configured::Commands;
use super::process::ChildProcess;
use super::{CommandKind, Facts};

/// A configured command whose turn has come.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) commands: Arc<Commands>,
    pub(super) order: CommandKind,
    /// The believed process of the application.
    pub(super) pid: Option<u32>,
    pub(super) facts: Facts,
    /// Where its stdout and stderr go.
    pub(super) output: PipeWriter,
}

/// Who executes the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The process itself, if a shell would do no more than that. The thread that begins it waits for the file system of the program.
    Shortest,
    /// A shell. Only its own process waits.
    Shell,
}

impl Prepared {
    /// Begins its process.
    ///
    /// It gets its own process group and no descriptor but 0, 1 and 2: everything that the daemon opens is close-on-exec. Our copy of
    /// the pipe's writing end is closed before anybody looks for the pipe's end.
    ///
    /// # Errors
    ///
    /// The system has no process, memory or descriptor left, or no `/bin/sh`; or there is no such user.
    pub(super) fn begin(self, way: Way) -> io::Result<ChildProcess> {
        let text = self.commands.texts[self.order as usize].as_deref().unwrap_or_default();
        if let Some(words) = plain_words(text).filter(|words| way == Way::Shortest && answers(words[0])) {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]);
            self.equip(&mut command)?;
            // As a shell would set it.
            if let Ok(folder) = env::current_dir() {
                command.env("PWD", folder);
            }
            // A program that cannot be executed: the shell says so, or runs it as a script.
            if let Ok(process) = ChildProcess::spawn(&mut command) {
                return Ok(process);
            }
        }
        let mut command = shell(text);
        self.equip(&mut command)?;
        ChildProcess::spawn(&mut command)
    }

    fn equip(&self, command: &mut Command) -> io::Result<()> {
        let Prepared { commands, order, pid, facts, output } = self;
        alone(command);
        command.stdout(output.try_clone()?).stderr(output.try_clone()?);
        let action = if *order == CommandKind::Announce { commands.announces_as } else { *order };
        commands.environment.apply(command, action.as_str(), *pid, facts);
        limit(command, commands.limits.clone());
        commands.user(*order).map_or(Ok(()), |user| become_user(command, user))
    }
}

/// Whether a program can be read. If its file system does not answer, this thread waits, and no process that has all the descriptors of
/// the daemon does: they are closed only when the program is executed.
fn answers(program: &str) -> bool {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(program);
    file.and_then(|mut file| file.read(&mut [0; 256])).is_ok()
}

/// `text` as a command for `/bin/sh -c`.
pub(super) fn shell(text: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text);
    alone(&mut command);
    command
}

/// Without input, and in a process group of its own.
fn alone(command: &mut Command) {
    command.stdin(Stdio::null()).process_group(0);
}

/// The words of a command for which any shell would execute the program at this path with these arguments, and would be gone then. To
/// start a shell for that takes as long as to start a small program.
///
/// A word without a slash may be a builtin. A character that means something to any shell, anywhere, is not plain.
fn plain_words(text: &str) -> Option<Vec<&str>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " \t/._-+:,@%=".contains(c);
    let words = text.split([' ', '\t']).filter(|word| !word.is_empty());
    let words: Vec<&str> =
        words.enumerate().filter(|word| *word != (0, "exec")).map(|(_, word)| word).collect();
    let is_program = words.first().is_some_and(|first| first.starts_with('/') && !first.contains('='));
    (is_program && text.chars().all(is_plain)).then_some(words)
}

/// Has a user run the command, with its primary group alone and its own home. Looks the user up, which may block.
///
/// # Errors
///
/// There is no such user.
fn become_user(command: &mut Command, name: &str) -> io::Result<()> {
    let user = User::from_name(name)?
        .ok_or_else(|| io::Error::other(format!("there is no user {name} (`action-user`)")))?;
    command.env("HOME", &user.dir).env("SHELL", &user.shell).env("USER", name).env("LOGNAME", name);
    // A daemon that is this user already may not have the right to say so.
    if user.uid != geteuid() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(())
}

/// Limits a command and what it starts. A limit of the daemon that is less stays.
pub(super) fn limit(command: &mut Command, limits: Vec<ActionLimit>) {
    if limits.is_empty() {
        return;
    }
    let set = move || {
        for limit in &limits {
            let resource = match limit.kind {
                LimitKind::AddressSpace => Resource::RLIMIT_AS,
                LimitKind::Core => Resource::RLIMIT_CORE,
                LimitKind::Cpu => Resource::RLIMIT_CPU,
                LimitKind::FileSize => Resource::RLIMIT_FSIZE,
                LimitKind::Descriptors => Resource::RLIMIT_NOFILE,
                LimitKind::Processes => Resource::RLIMIT_NPROC,
            };
            let (_, hard) = getrlimit(resource)?;
            let most = rlim_t::try_from(limit.most).map_or(hard, |most| most.min(hard));
            setrlimit(resource, most, most)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only getrlimit and setrlimit are called, which are async-signal-safe. Nothing is
    // allocated: the list was made before, and an error is a number.
    unsafe { command.pre_exec(set) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_by_its_path_with_plain_words_needs_no_shell() {
        for (text, words) in [
            ("/opt/app/start", Some(vec!["/opt/app/start"])),
            (
                " exec  /opt/app/start --port=80\t-v a,b:c@d+e%f_g ",
                Some(vec!["/opt/app/start", "--port=80", "-v", "a,b:c@d+e%f_g"]),
            ),
            // What may be a builtin, a function, or looked for in PATH.
            ("true", None),
            ("exec", None),
            ("exec start /opt/app", None),
            ("exec exec /opt/app/start", None),
            ("", None),
            // A variable for the program.
            ("A=/b /opt/app/start", None),
            ("/opt/a=b", None),
            ("opt/app/start", None),
        ] {
            assert_eq!(plain_words(text), words, "{text}");
        }
        for c in "\n\r\\\"'`$;|&<>()*?[]{}~#!^ä".chars() {
            assert_eq!(plain_words(&format!("/opt/app/start a{c}b")), None, "{c:?}");
        }
    }
}
