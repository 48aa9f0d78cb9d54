//! A legacy daemon on real sockets, and its application if wanted: `--help` says how.
//!
//! It ends when its standard input ends, when SIGTERM comes (as the legacy daemon: without a word to the
//! peer), and after its lifetime.

mod actions;
mod options;

use std::io::{self, BufRead, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use actions::Actions;
use options::Options;
use schrittmacher_legacy_double::{
    App, Daemon, Door, Era, Event, Generation, Order, Output, Report, State, Xorshift,
};
use schrittmacher_wire::{AppCode, AppMessage};

/// What comes in.
enum Input {
    Datagram { door: Door, from: IpAddr, bytes: Vec<u8> },
    Line(String),
    End,
}

struct Shell {
    options: Options,
    daemon: Daemon,
    app: Option<App>,
    actions: Actions,
    to_peer: UdpSocket,
    draw: Xorshift,
    began: Instant,
    /// What was last said on standard output.
    shown: (State, bool),
}

fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "{problem}\n{}", options::USAGE);
            return ExitCode::from(64);
        }
    };
    match play(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "schrittmacher-legacy-double: {problem}");
            ExitCode::from(71)
        }
    }
}

fn play(options: Options) -> io::Result<()> {
    let (sender, inputs) = mpsc::channel();
    let bind = |port| UdpSocket::bind(SocketAddr::new(options.config.local, port));
    let at_port = bind(options.port)?;
    let to_peer = match options.config.settings.generation {
        // One socket for everything.
        Generation::V182 => at_port.try_clone()?,
        // The second door, and a port of the system's choice to send from.
        Generation::V200 => {
            listen(bind(options.port + 1)?, Door::Local, sender.clone());
            bind(0)?
        }
    };
    listen(at_port, Door::Peer, sender.clone());
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(Input::Line(line)).is_err() {
                return;
            }
        }
        let _ = sender.send(Input::End);
    });

    let mut draw = Xorshift::new(options.seed);
    let (daemon, outputs) = Daemon::start(options.config.clone(), Duration::ZERO, &mut || draw.draw());
    let app = options.app.map(|report| App::start(options.era, report, options.switching, Duration::ZERO));
    let actions = Actions::new(&options);
    let shown = (daemon.state(), false);
    let mut shell = Shell { daemon, app, actions, to_peer, draw, began: Instant::now(), shown, options };
    say(&format!("STATE {:?}", shown.0))?;
    shell.carry_out(outputs)?;

    while let Some(wait) = shell.wait() {
        match inputs.recv_timeout(wait) {
            Ok(Input::Datagram { door, from, bytes }) => shell.receive(door, from, &bytes)?,
            Ok(Input::Line(line)) => shell.obey(&line)?,
            Ok(Input::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        shell.on_time()?;
        shell.show()?;
    }
    Ok(())
}

/// Hands on what arrives, for as long as somebody takes it.
fn listen(socket: UdpSocket, door: Door, sender: Sender<Input>) {
    thread::spawn(move || {
        let mut buffer = vec![0; schrittmacher_wire::MAX_RECEIVED];
        loop {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            let input = Input::Datagram { door, from: from.ip(), bytes: buffer[..length].to_vec() };
            if sender.send(input).is_err() {
                return;
            }
        }
    });
}

/// One line for whoever watches.
fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

impl Shell {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// How long until something is due; `None` when the lifetime is over.
    fn wait(&self) -> Option<Duration> {
        let now = self.now();
        let app = self.app.as_ref().and_then(App::next_deadline).unwrap_or(Duration::MAX);
        let due = self.daemon.next_deadline().min(app).min(self.options.lifetime);
        (now < self.options.lifetime).then(|| due.saturating_sub(now))
    }

    fn receive(&mut self, door: Door, from: IpAddr, bytes: &[u8]) -> io::Result<()> {
        let (now, draw) = (self.now(), &mut self.draw);
        let outputs = self.daemon.receive(now, door, from, bytes, &mut || draw.draw());
        self.carry_out(outputs)
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        let (now, draw) = (self.now(), &mut self.draw);
        let outputs = self.daemon.handle(now, event, &mut || draw.draw());
        self.carry_out(outputs)
    }

    fn on_time(&mut self) -> io::Result<()> {
        let now = self.now();
        while let Some(code) = self.app.as_mut().and_then(|app| app.handle(now)) {
            let datagram = report(self.options.era, code, &self.options.config.resource);
            self.receive(Door::Local, self.options.config.local, &datagram)?;
        }
        if self.daemon.next_deadline() <= now { self.event(Event::Timer) } else { Ok(()) }
    }

    /// A line of standard input.
    fn obey(&mut self, line: &str) -> io::Result<()> {
        let now = self.now();
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), &mut self.app) {
            (["failover"], _) => return self.event(Event::Failover),
            (["takeover"], _) => return self.event(Event::Takeover),
            (["app", "fail"], Some(app)) => app.fail(now),
            (["app", "hang"], Some(app)) => app.hang(),
            (["app", "resume"], Some(app)) => app.resume(now),
            (["app", "kill"], Some(app)) => app.kill(),
            (["app", "start", report], Some(app)) if options::report(report).is_some() => {
                let report = options::report(report).unwrap_or(Report::Unknown);
                *app = App::start(self.options.era, report, self.options.switching, now);
            }
            _ => return say(&format!("UNKNOWN {line}")),
        }
        Ok(())
    }

    fn carry_out(&mut self, outputs: Vec<Output>) -> io::Result<()> {
        for output in outputs {
            let (now, pid) = (self.now(), self.daemon.pid());
            let ordered = match output {
                Output::Datagram(bytes) => {
                    // Like the original: a failure to send is only a line in its log.
                    let peer = SocketAddr::new(self.options.config.remote, self.options.port);
                    let _ = self.to_peer.send_to(&bytes, peer);
                    None
                }
                Output::Activate => self.actions.activate(),
                Output::Deactivate => self.actions.deactivate(),
                Output::Start => {
                    self.app.iter_mut().for_each(|app| app.order(now, Order::Start));
                    self.actions.start(pid)
                }
                Output::Stop => {
                    self.app.iter_mut().for_each(|app| app.order(now, Order::Stop));
                    self.actions.stop(pid)
                }
            };
            if let Some(ordered) = ordered {
                say(&format!("ORDER {ordered}"))?;
            }
        }
        Ok(())
    }

    /// Says what has changed.
    fn show(&mut self) -> io::Result<()> {
        let before = self.shown;
        self.shown = (self.daemon.state(), self.app.as_ref().is_some_and(App::is_serving));
        if self.shown.0 != before.0 {
            say(&format!("STATE {:?}", self.shown.0))?;
        }
        if self.shown.1 != before.1 {
            say(if self.shown.1 { "APP hot" } else { "APP not hot" })?;
        }
        Ok(())
    }
}

/// What the application sends.
fn report(era: Era, code: AppCode, resource: &str) -> Vec<u8> {
    match era {
        Era::V18 => format!(
            "{{\n  \"random\": 0,\n  \"status\": \"{code}\",\n  \"resource\": {},\n  \"priority\": 0\n}}",
            serde_json::Value::from(resource)
        )
        .into_bytes(),
        Era::V115 => AppMessage {
            code,
            resource,
            pid: None,
            reason: None,
            kind: None,
            host: None,
            adminweb_port: None,
        }
        .encode(),
    }
}
