//! The configuration of a pair.

use std::fmt::Write;
use std::net::IpAddr;

use crate::Side;
use crate::host::Files;

/// The resource that the pair protects.
pub const RESOURCE: &str = "service";
/// Every pair has addresses of its own, so the port can be the same everywhere.
pub const PORT: u16 = 7700;
/// The page's port.
pub const HTTP_PORT: u16 = 7780;

/// The parts that differ from one pair to the next. In commands, `{note}` notes them in the journal. `{pid-file}` is
/// the application's pid file (in `resource`, too). `{host}` is `a` or `b`, `{folder}` the folder of the pair.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Seconds.
    pub heartbeat: f64,
    /// Seconds. Long enough that a busy machine is not taken for a dead one, where the test need not wait
    /// for it.
    pub timeout: f64,
    /// Seconds.
    pub app_timeout: f64,
    /// Of `a` and of `b`.
    pub priority: [i32; 2],
    /// `start-action`.
    pub start: Option<&'static str>,
    /// `stop-action`.
    pub stop: Option<&'static str>,
    /// `interface-activate`.
    pub activate: Option<&'static str>,
    /// `interface-deactivate`.
    pub deactivate: Option<&'static str>,
    /// Further lines of the core group. `{own}` is 1 for `a` and 2 for `b`, `{other}` the other way round.
    pub core: &'static str,
    /// Further lines of the resource.
    pub resource: &'static str,
    /// The log file of `a`, if not an ordinary one. `{folder}` is the folder of the pair.
    pub log_file: Option<&'static str>,
}

impl Setup {
    /// See [`Setup::default`].
    pub const DEFAULT: Setup = Setup {
        heartbeat: 0.2,
        timeout: 3.0,
        app_timeout: 10.0,
        priority: [0, 0],
        start: Some("{note}; kill -10 `cat {pid-file}`"),
        stop: Some("{note}; kill -12 `cat {pid-file}`"),
        activate: Some("{note}"),
        deactivate: Some("{note}"),
        core: "",
        resource: "",
        log_file: None,
    };
}

impl Default for Setup {
    fn default() -> Setup {
        Setup::DEFAULT
    }
}

impl Setup {
    /// The file of one host.
    pub fn text(&self, local: IpAddr, remote: IpAddr, files: &Files) -> String {
        let pid_file = files.pid_file().display().to_string();
        let is_a = files.side == Side::A;
        let log = match self.log_file {
            Some(special) if is_a => special.replace("{folder}", &files.folder().display().to_string()),
            Some(_) | None => files.log().display().to_string(),
        };
        let priority = self.priority[usize::from(!is_a)];
        let mut text = format!(
            "group = core\nlocal-address = {local}\nremote-address = {remote}\nport = {PORT}\n\
             http-port = {HTTP_PORT}\nsecurity = legacy\nstate-directory = {}\nlog-file = {log}\nrun-directory = {}\nheartbeat = {}\ntimeout = {}\n{}\n\n\
             group = resource\nname = {RESOURCE}\npriority = {priority}\napp-timeout = {}\n{}\n",
            files.state().display(),
            files.run_directory().display(),
            self.heartbeat,
            self.timeout,
            self.core
                .replace("{folder}", &files.folder().display().to_string())
                .replace("{own}", if is_a { "1" } else { "2" })
                .replace("{other}", if is_a { "2" } else { "1" }),
            self.app_timeout,
            self.resource.replace("{pid-file}", &pid_file)
        );
        let commands = [
            ("start-action", "start", self.start),
            ("stop-action", "stop", self.stop),
            ("interface-activate", "activate", self.activate),
            ("interface-announce", "announce", Some("{note}")),
            ("interface-deactivate", "deactivate", self.deactivate),
        ];
        for (key, action, command) in commands {
            let Some(command) = command else { continue };
            let command = command
                .replace("{note}", &files.note(action))
                .replace("{folder}", &files.folder().display().to_string())
                .replace("{host}", &files.side.name().to_string())
                .replace("{pid-file}", &pid_file);
            let _ = writeln!(text, "{key} = {command}");
        }
        text
    }
}
