//! One host: its daemon, its application, and what they leave in their files.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::config::HTTP_PORT;
use crate::log::Log;
use crate::namespace::Namespace;
use crate::{App, PORT, Process, RESOURCE, Side, Tail, http, program, wait_for};

/// Where the files of one host are.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// Whose files.
    pub side: Side,
}

impl Files {
    /// In this folder, beside those of the other host.
    pub fn new(folder: &Path, side: Side) -> Files {
        Files { folder: folder.to_owned(), side }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, end: &str) -> PathBuf {
        self.folder.join(format!("{}.{end}", self.side.name()))
    }

    pub fn config(&self) -> PathBuf {
        self.path("conf")
    }

    /// Where the daemon keeps what has to survive a restart.
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    pub fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// Where the daemons of both hosts have their control sockets.
    pub fn run_directory(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// The application's number, kept as a well-behaved start script keeps it.
    pub fn pid_file(&self) -> PathBuf {
        self.path("pid")
    }

    /// The orders that commands leave for a [`super::Reporter`].
    pub fn orders(&self) -> PathBuf {
        self.path("orders")
    }

    /// The application's output.
    pub fn app(&self) -> PathBuf {
        self.path("app")
    }

    /// The shell command that notes an action in the journal of the pair.
    pub fn note(&self, action: &str) -> String {
        let journal = self.folder.join("journal");
        format!("echo {} {action} `date +%s%N` >>{}", self.side.name(), journal.display())
    }
}

/// A host of the pair.
#[derive(Debug)]
pub struct Host {
    /// Its end of the link.
    pub address: IpAddr,
    /// Its files.
    pub files: Files,
    pub log: Log,
    /// The daemon's output.
    pub stderr: Tail,
    /// The program that starts its daemon, if not the test itself, with its options.
    pub starter: Vec<&'static str>,
    /// Options that its daemon is started with.
    pub options: Vec<&'static str>,
    /// Variables in the environment of its daemon.
    pub environment: Vec<(&'static str, PathBuf)>,
    namespace: Option<Namespace>,
    daemon: Option<Process>,
    app: Option<App>,
}

impl Host {
    /// A host on which nothing runs yet.
    pub fn new(files: Files, address: IpAddr, namespace: Option<Namespace>, readable_log: bool) -> Host {
        let stderr = Tail::new(files.path("stderr"));
        let log = if readable_log { files.log() } else { stderr.path().to_owned() };
        let log = Log::new(log, RESOURCE);
        Host {
            address,
            files,
            log,
            stderr,
            starter: Vec::new(),
            options: Vec::new(),
            environment: Vec::new(),
            namespace,
            daemon: None,
            app: None,
        }
    }

    /// Starts the daemon.
    pub fn start_daemon(&mut self) {
        self.daemon = None;
        self.log.begin_run();
        let stderr = File::options().create(true).append(true).open(self.stderr.path()).unwrap();
        let daemon = program("schrittmacher");
        let mut command = match self.starter.split_first() {
            Some((starter, options)) => {
                let mut command = Command::new(starter);
                command.args(options).arg(daemon);
                command
            }
            None => Command::new(daemon),
        };
        // What belongs into the usual state directory stays in the test's folder.
        command.env("STATE_DIRECTORY", self.files.folder().join("usual"));
        command.args(&self.options).arg(self.files.config()).envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        self.daemon = Some(self.spawn(command));
    }

    /// Starts something on this host.
    pub fn spawn(&self, command: Command) -> Process {
        Process::spawn(command, self.namespace.as_ref())
    }

    /// Starts the application: an ordinary one with a quick heartbeat, and these options.
    pub fn start_app(&mut self, options: &str) {
        let mut command = Command::new(program("schrittmacher-testapp"));
        self.app_options(&mut command, options);
        self.start_app_by(command);
        fs::write(self.files.pid_file(), format!("{}\n", self.app().pid())).unwrap();
    }

    /// Adds the options without which an application can't find its daemon.
    pub fn app_options(&self, command: &mut Command, options: &str) {
        let port = (PORT + 1).to_string();
        command.args(["--resource", RESOURCE, "--port", &port, "--heartbeat", "200"]);
        if self.address.is_loopback() {
            command.args(["--daemon", &self.address.to_string()]);
        }
        command.args(options.split_whitespace());
    }

    /// Starts the application by another command; its pid file is not written.
    pub fn start_app_by(&mut self, command: Command) {
        self.app = None;
        let namespace = self.namespace.clone();
        let output = self.files.app();
        self.app = Some(App::start(command, &output, |command| Process::spawn(command, namespace.as_ref())));
    }

    /// The daemon; it was started.
    pub fn daemon(&self) -> &Process {
        self.daemon.as_ref().unwrap()
    }

    /// The application; it was started.
    pub fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    /// Whether an application was started.
    pub fn has_app(&self) -> bool {
        self.app.is_some()
    }

    /// Orders the application by its standard input.
    pub fn tell_app(&mut self, line: &str) {
        self.app.as_mut().unwrap().tell(line);
    }

    /// Power failure.
    pub fn kill(&mut self) {
        self.daemon().kill();
        self.app().process.kill();
    }

    /// Waits until the daemon has seen enough of the application to believe its pid (A3).
    pub fn wait_believed(&self) {
        self.log
            .wait_in_run(&format!("process {} is the application", self.app().pid()), Duration::from_secs(1));
    }

    /// The page; an order, if `query` is one.
    pub fn page(&self, query: &str) -> String {
        self.try_page(query).unwrap()
    }

    /// Waits until the daemon answers: then its start is complete.
    pub fn wait_page(&self) {
        wait_for("the page", Duration::from_millis(500), || self.try_page("").ok().map(drop));
    }

    fn try_page(&self, query: &str) -> std::io::Result<String> {
        let get = || http::get(self.address, HTTP_PORT, &format!("/{query}"));
        match &self.namespace {
            Some(namespace) => namespace.run(get),
            None => get(),
        }
    }

    /// Whether daemon and application say the same of themselves: `Hot` and `hot`, or `Standby` and `standby`.
    pub fn is(&self, state: &str) -> bool {
        let app = self.app.as_ref().and_then(App::state);
        self.log.state() == state && app.is_some_and(|app| app == state.to_lowercase())
    }

    /// Everything that this host left in its files, for people.
    pub fn report(&self) -> String {
        let app = self.app.as_ref().map(|app| app.output.text()).unwrap_or_default();
        let name = self.files.side.name();
        let (log, stderr) = (self.log.text(), self.stderr.text());
        format!("--- {name}: log\n{log}--- {name}: stderr\n{stderr}--- {name}: application\n{app}")
    }
}
