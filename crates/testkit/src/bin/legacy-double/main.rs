//! A legacy daemon on real sockets, and its applications if wanted: `--help` says how.
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
use schrittmacher_simulator::{App, Era, Order, Report, Xorshift};
use schrittmacher_testkit::double::{Config, Daemon, Door, Event, Generation, Output, State};
use schrittmacher_wire::{AppCode, AppMessage};

/// An input.
enum Input {
    Datagram { door: Door, from: IpAddr, bytes: Vec<u8> },
    Line(String),
    End,
}

struct Shell {
    options: Options,
    parts: Vec<Part>,
    to_peer: UdpSocket,
    draw: Xorshift,
    began: Instant,
}

/// One resource of the daemon.
struct Part {
    resource: String,
    daemon: Daemon,
    app: Option<App>,
    actions: Actions,
    /// The state last printed on standard output.
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

    let draw = Xorshift::new(options.seed);
    let mut shell = Shell { options, parts: Vec::new(), to_peer, draw, began: Instant::now() };
    for number in 0..shell.options.resources.len() {
        shell.start(number)?;
    }

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

impl Shell {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// The daemon starts with its resource of this number. The applications report at equal distances.
    fn start(&mut self, number: usize) -> io::Result<()> {
        let Options { config, resources, app, era, switching, .. } = &self.options;
        let resource = resources[number].clone();
        let config = Config { resource: resource.clone(), ..config.clone() };
        let draw = &mut self.draw;
        let actions = Actions::new(&self.options, &resource);
        let (daemon, outputs) = Daemon::start(config, Duration::ZERO, &mut || draw.draw());
        let phase = Duration::from_secs(1).mul_f64(number as f64 / resources.len() as f64);
        let app = app.map(|report| App::start(*era, report, *switching, phase));
        let shown = (daemon.state(), false);
        self.parts.push(Part { resource, daemon, app, actions, shown });
        self.say(number, &format!("STATE {:?}", shown.0))?;
        self.carry_out(number, outputs)
    }

    /// How long until something is due; `None` when the lifetime is over.
    fn wait(&self) -> Option<Duration> {
        let now = self.now();
        let due = self.parts.iter().map(|part| {
            let app = part.app.as_ref().and_then(App::next_deadline).unwrap_or(Duration::MAX);
            part.daemon.next_deadline().min(app)
        });
        let due = due.min().unwrap_or(Duration::MAX).min(self.options.lifetime);
        (now < self.options.lifetime).then(|| due.saturating_sub(now))
    }

    /// Each resource sees each datagram, and takes its own.
    fn receive(&mut self, door: Door, from: IpAddr, bytes: &[u8]) -> io::Result<()> {
        for number in 0..self.parts.len() {
            let (now, draw) = (self.now(), &mut self.draw);
            let outputs = self.parts[number].daemon.receive(now, door, from, bytes, &mut || draw.draw());
            self.carry_out(number, outputs)?;
        }
        Ok(())
    }

    fn event(&mut self, number: usize, event: Event) -> io::Result<()> {
        let (now, draw) = (self.now(), &mut self.draw);
        let outputs = self.parts[number].daemon.handle(now, event, &mut || draw.draw());
        self.carry_out(number, outputs)
    }

    fn on_time(&mut self) -> io::Result<()> {
        let now = self.now();
        for number in 0..self.parts.len() {
            while let Some(code) = self.parts[number].app.as_mut().and_then(|app| app.handle(now)) {
                let datagram = report(self.options.era, code, &self.parts[number].resource);
                self.receive(Door::Local, self.options.config.local, &datagram)?;
            }
        }
        for number in 0..self.parts.len() {
            if self.parts[number].daemon.next_deadline() <= now {
                self.event(number, Event::Timer)?;
            }
        }
        Ok(())
    }

    /// A line of standard input is for all resources.
    fn obey(&mut self, line: &str) -> io::Result<()> {
        (0..self.parts.len()).try_for_each(|number| self.obey_one(number, line))
    }

    fn obey_one(&mut self, number: usize, line: &str) -> io::Result<()> {
        let now = self.now();
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), &mut self.parts[number].app) {
            (["failover"], _) => return self.event(number, Event::Failover),
            (["takeover"], _) => return self.event(number, Event::Takeover),
            (["app", "fail"], Some(app)) => app.fail(now),
            (["app", "hang"], Some(app)) => app.hang(),
            (["app", "resume"], Some(app)) => app.resume(now),
            (["app", "kill"], Some(app)) => app.kill(),
            (["app", "start", report], Some(app)) if options::report(report).is_some() => {
                let report = options::report(report).unwrap_or(Report::Unknown);
                *app = App::start(self.options.era, report, self.options.switching, now);
            }
            _ => return self.say(number, &format!("UNKNOWN {line}")),
        }
        Ok(())
    }

    fn carry_out(&mut self, number: usize, outputs: Vec<Output>) -> io::Result<()> {
        for output in outputs {
            let now = self.now();
            let Part { daemon, app, actions, .. } = &mut self.parts[number];
            let ordered = match output {
                Output::Datagram(bytes) => {
                    // Like the original: a failure to send is only a line in its log.
                    let peer = SocketAddr::new(self.options.config.remote, self.options.port);
                    let _ = self.to_peer.send_to(&bytes, peer);
                    None
                }
                Output::Activate => actions.activate(),
                Output::Deactivate => actions.deactivate(),
                Output::Start => {
                    app.iter_mut().for_each(|app| app.order(now, Order::Start));
                    actions.start(daemon.pid())
                }
                Output::Stop => {
                    app.iter_mut().for_each(|app| app.order(now, Order::Stop));
                    actions.stop(daemon.pid())
                }
            };
            if let Some(ordered) = ordered {
                self.say(number, &format!("ORDER {ordered}"))?;
            }
        }
        Ok(())
    }

    /// Says what has changed.
    fn show(&mut self) -> io::Result<()> {
        for number in 0..self.parts.len() {
            let part = &mut self.parts[number];
            let before = part.shown;
            let now = (part.daemon.state(), part.app.as_ref().is_some_and(App::is_serving));
            part.shown = now;
            if now.0 != before.0 {
                self.say(number, &format!("STATE {:?}", now.0))?;
            }
            if now.1 != before.1 {
                self.say(number, if now.1 { "APP hot" } else { "APP not hot" })?;
            }
        }
        Ok(())
    }

    /// Prints one line for an observer: about the first resource as it is, about another one with its name.
    fn say(&self, number: usize, line: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match number {
            0 => writeln!(stdout, "{line}")?,
            _ => writeln!(stdout, "{}: {line}", self.parts[number].resource)?,
        }
        stdout.flush()
    }
}

/// The application's message.
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
            asks_right: false,
        }
        .encode(),
    }
}
