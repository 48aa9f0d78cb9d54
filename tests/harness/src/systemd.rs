//! A stand-in for the bus of the system, with systemd on it: as much of both as a daemon asks, in the order of the real ones.
//! It can hang, close its connections, and have a stranger on the bus.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Builder as RuntimeBuilder;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use zbus::Message;
use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, Value};

use crate::wait_for;

const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const UNIT: &str = "org.freedesktop.systemd1.Unit";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// The connections of systemd and of a stranger.
const SYSTEMD: &str = ":1.1";
const STRANGER: &str = ":1.66";

/// What a unit does when it is ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Obedience {
    /// What it is told.
    #[default]
    Obeys,
    /// It fails.
    Fails,
    /// Its start never ends.
    Hangs,
    /// systemd refuses with this error.
    Refused(&'static str),
}

#[derive(Clone, Debug)]
struct Unit {
    loading: &'static str,
    activity: &'static str,
    sub: &'static str,
    result: &'static str,
    file: &'static str,
    obedience: Obedience,
    job: Option<u32>,
}

#[derive(Debug)]
struct World {
    units: BTreeMap<String, Unit>,
    /// Messages to every connection.
    connections: Vec<UnboundedSender<Message>>,
    calls: Vec<String>,
    jobs: u32,
    hangs: bool,
    /// An old systemd tells the end of a job before its beginning and before the state.
    is_old: bool,
    is_there: bool,
}

/// The stand-in; its bus is gone with it.
#[derive(Debug)]
pub struct Systemd {
    path: PathBuf,
    world: Arc<Mutex<World>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Systemd {
    /// A bus in this folder.
    pub fn start(folder: &Path) -> Systemd {
        let world = World {
            units: BTreeMap::new(),
            connections: Vec::new(),
            calls: Vec::new(),
            jobs: 0,
            hangs: false,
            is_old: false,
            is_there: true,
        };
        let mut systemd =
            Systemd { path: folder.join("bus"), world: Arc::new(Mutex::new(world)), end: None, thread: None };
        systemd.open();
        systemd
    }

    /// `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.path.display())
    }

    fn open(&mut self) {
        let _ = fs::remove_file(&self.path);
        let listener = StdListener::bind(&self.path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (end, ended) = oneshot::channel();
        let world = Arc::clone(&self.world);
        let run = move || {
            let runtime = RuntimeBuilder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = UnixListener::from_std(listener).unwrap();
                let accept = tokio::spawn(accept(listener, world));
                let _ = ended.await;
                accept.abort();
            });
            // Connections end with their tasks.
            runtime.shutdown_timeout(Duration::from_secs(1));
        };
        self.thread = Some(thread::spawn(run));
        self.end = Some(end);
    }

    /// Closes every connection, and takes no new one.
    pub fn close(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        self.world().connections.clear();
        let _ = fs::remove_file(&self.path);
    }

    /// Is there again.
    pub fn reopen(&mut self) {
        self.open();
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// A unit that does nothing.
    pub fn add(&self, unit: &str) {
        let new = Unit {
            loading: "loaded",
            activity: "inactive",
            sub: "dead",
            result: "success",
            file: "disabled",
            obedience: Obedience::Obeys,
            job: None,
        };
        self.world().units.insert(unit.to_owned(), new);
    }

    /// How it takes orders from now on.
    pub fn obey(&self, unit: &str, obedience: Obedience) {
        self.world().unit(unit).obedience = obedience;
    }

    /// An old systemd tells things in another order.
    pub fn is_old(&self) {
        self.world().is_old = true;
    }

    /// Something has happened to a unit: its new state, in systemd's words.
    pub fn happens(&self, unit: &str, activity: &'static str, sub: &'static str, result: &'static str) {
        self.world().change(unit, activity, sub, result);
    }

    /// `systemctl mask`, `enable` and the like: other words for `LoadState` and `UnitFileState`.
    pub fn reload(&self, unit: &str, loading: &'static str, file: &'static str) {
        let mut world = self.world();
        (world.unit(unit).loading, world.unit(unit).file) = (loading, file);
        for begins in [true, false] {
            let message = signal(SYSTEMD, MANAGER_PATH, MANAGER, "Reloading", &begins);
            world.send_all(&message);
        }
    }

    /// A stranger on the bus says that a unit has failed.
    pub fn forge(&self, unit: &str) {
        let message = changed(STRANGER, unit, UNIT, &[("ActiveState", "failed"), ("SubState", "failed")]);
        self.world().send_all(&message);
    }

    /// Answers nothing, and tells of nothing, until this is taken back.
    pub fn hang(&self, hangs: bool) {
        self.world().hangs = hangs;
    }

    /// systemd executes itself anew: its name is free for a moment, and its running jobs have ended unheard.
    pub fn reexecute(&self) {
        let mut world = self.world();
        world.owner(SYSTEMD, "");
        for unit in world.units.values_mut().filter(|unit| unit.job.is_some()) {
            (unit.job, unit.activity, unit.sub) = (None, "active", "running");
        }
        world.owner("", SYSTEMD);
    }

    /// The state of a unit, in systemd's word.
    pub fn activity(&self, unit: &str) -> &'static str {
        self.world().unit(unit).activity
    }

    /// The orders so far: `StartUnit nginx.service` for example.
    pub fn calls(&self) -> Vec<String> {
        self.world().calls.clone()
    }

    /// Waits for a call.
    pub fn wait_call(&self, call: &str) {
        wait_for(call, Duration::from_secs(1), || self.calls().iter().any(|made| made == call).then_some(()));
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl World {
    fn unit(&mut self, unit: &str) -> &mut Unit {
        self.units.get_mut(unit).unwrap_or_else(|| panic!("no unit {unit}"))
    }

    fn send_all(&mut self, message: &Message) {
        if !self.hangs {
            self.connections.retain(|connection| connection.send(message.clone()).is_ok());
        }
    }

    fn owner(&mut self, before: &str, after: &str) {
        self.is_there = !after.is_empty();
        let body = ("org.freedesktop.systemd1", before, after);
        let bus = "org.freedesktop.DBus";
        let message = signal(bus, "/org/freedesktop/DBus", bus, "NameOwnerChanged", &body);
        self.send_all(&message);
    }

    /// As the real one: first the properties of the unit's kind, which say why, then those of the unit.
    fn change(&mut self, name: &str, activity: &'static str, sub: &'static str, result: &'static str) {
        let unit = self.unit(name);
        (unit.activity, unit.sub, unit.result) = (activity, sub, result);
        let kind = changed(SYSTEMD, name, "org.freedesktop.systemd1.Service", &[("Result", result)]);
        self.send_all(&kind);
        let unit = changed(SYSTEMD, name, UNIT, &[("ActiveState", activity), ("SubState", sub)]);
        self.send_all(&unit);
    }

    fn job_removed(&mut self, job: u32, unit: &str, result: &str) {
        let body = (job, job_path(job), unit, result);
        let message = signal(SYSTEMD, MANAGER_PATH, MANAGER, "JobRemoved", &body);
        self.send_all(&message);
    }

    /// Carries out a call; gives the answers and signals in their order, the answer among them.
    fn call(&mut self, call: &Message, to: &UnboundedSender<Message>) {
        let header = call.header();
        let member = header.member().map(ToString::to_string).unwrap_or_default();
        let argument = call.body().deserialize::<(String, String)>().map(|(unit, _)| unit);
        let argument = argument.or_else(|_| call.body().deserialize::<String>()).unwrap_or_default();
        let path = header.path().map(ToString::to_string).unwrap_or_default();
        if self.hangs {
            return;
        }
        let answer = |answer: Message| {
            let _ = to.send(answer);
        };
        match member.as_str() {
            "Hello" => answer(reply(call, &":1.7")),
            "GetNameOwner" if self.is_there => answer(reply(call, &SYSTEMD)),
            "AddMatch" => answer(reply(call, &())),
            _ if !self.is_there => {
                answer(error(call, "org.freedesktop.DBus.Error.NameHasNoOwner", "no owner"));
            }
            "LoadUnit" => answer(reply(call, &unit_path(&argument))),
            "GetAll" => answer(reply(call, &self.properties(&path))),
            "StartUnit" | "StopUnit" => {
                self.calls.push(format!("{member} {argument}"));
                self.order(call, &argument, member == "StartUnit", to);
            }
            "ResetFailedUnit" => {
                self.calls.push(format!("{member} {argument}"));
                answer(reply(call, &()));
            }
            _ => answer(reply(call, &())),
        }
    }

    fn order(&mut self, call: &Message, name: &str, start: bool, to: &UnboundedSender<Message>) {
        let refusal = match self.units.get(name) {
            None => Some("org.freedesktop.systemd1.NoSuchUnit"),
            Some(unit) if start && unit.loading == "masked" => Some("org.freedesktop.systemd1.UnitMasked"),
            Some(Unit { obedience: Obedience::Refused(name), .. }) if start => Some(*name),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            let _ = to.send(error(call, refusal, &format!("Unit {name} is refused.")));
            return;
        }
        self.jobs += 1;
        let job = self.jobs;
        let is_old = self.is_old;
        let answer = reply(call, &job_path(job));
        if let Some(before) = self.unit(name).job.take() {
            self.job_removed(before, name, "canceled");
        }
        if !is_old {
            let _ = to.send(answer.clone());
        }
        let obedience = self.unit(name).obedience.clone();
        let (result, state) = match (start, obedience) {
            (true, Obedience::Hangs) => {
                self.unit(name).job = Some(job);
                self.change(name, "activating", "start", "success");
                if is_old {
                    let _ = to.send(answer);
                }
                return;
            }
            (true, Obedience::Fails) => ("failed", ("failed", "failed", "exit-code")),
            (true, _) => ("done", ("active", "running", "success")),
            (false, _) if self.unit(name).activity == "failed" => {
                ("done", ("failed", "failed", self.unit(name).result))
            }
            (false, _) => ("done", ("inactive", "dead", "success")),
        };
        if is_old {
            self.job_removed(job, name, result);
            let _ = to.send(answer);
            self.change(name, state.0, state.1, state.2);
        } else {
            if !start && self.unit(name).activity == "active" {
                self.change(name, "deactivating", "stop-sigterm", "success");
            }
            self.change(name, state.0, state.1, state.2);
            self.job_removed(job, name, result);
        }
    }

    fn properties(&self, path: &str) -> HashMap<&'static str, Value<'static>> {
        let unit = self.units.iter().find(|(name, _)| unit_path(name).as_str() == path);
        let Some((_, unit)) = unit else {
            let words = [("LoadState", "not-found"), ("ActiveState", "inactive"), ("SubState", "dead")];
            return words.into_iter().map(|(name, word)| (name, Value::from(word))).collect();
        };
        let words = [
            ("LoadState", unit.loading),
            ("ActiveState", unit.activity),
            ("SubState", unit.sub),
            ("Result", unit.result),
            ("UnitFileState", unit.file),
        ];
        let job =
            unit.job.map_or((0, ObjectPath::from_static_str_unchecked("/")), |job| (job, job_path(job)));
        let words = words.into_iter().map(|(name, word)| (name, Value::from(word)));
        words.chain([("Job", Value::from(job))]).collect()
    }
}

async fn accept(listener: UnixListener, world: Arc<Mutex<World>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&world)));
    }
}

async fn serve(stream: UnixStream, world: Arc<Mutex<World>>) {
    let guid = zbus::Guid::generate();
    let Ok(builder) = Builder::unix_stream(stream).server(guid) else { return };
    let Ok(connection) = builder.p2p().build().await else { return };
    let mut messages = zbus::MessageStream::from(&connection);
    let (sender, mut outgoing) = unbounded_channel::<Message>();
    world.lock().unwrap().connections.push(sender.clone());
    tokio::spawn(async move {
        while let Some(message) = outgoing.recv().await {
            if connection.send(&message).await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) =
        std::future::poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await
    {
        if message.message_type() == Type::MethodCall {
            world.lock().unwrap().call(&message, &sender);
        }
    }
}

/// systemd's way to write a unit's name in a path.
fn unit_path(unit: &str) -> ObjectPath<'static> {
    let escaped: String = unit
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("_{other:02x}"),
        })
        .collect();
    ObjectPath::try_from(format!("{MANAGER_PATH}/unit/{escaped}")).unwrap()
}

fn job_path(job: u32) -> ObjectPath<'static> {
    ObjectPath::try_from(format!("{MANAGER_PATH}/job/{job}")).unwrap()
}

fn reply<T: serde::Serialize + zbus::zvariant::DynamicType>(call: &Message, body: &T) -> Message {
    Message::method_return(&call.header()).unwrap().sender(SYSTEMD).unwrap().build(body).unwrap()
}

fn error(call: &Message, name: &str, text: &str) -> Message {
    Message::error(&call.header(), name).unwrap().sender(SYSTEMD).unwrap().build(&(text,)).unwrap()
}

fn signal<T: serde::Serialize + zbus::zvariant::DynamicType>(
    sender: &str,
    path: &str,
    interface: &str,
    member: &str,
    body: &T,
) -> Message {
    Message::signal(path, interface, member).unwrap().sender(sender).unwrap().build(body).unwrap()
}

fn changed(sender: &str, unit: &str, interface: &str, words: &[(&str, &str)]) -> Message {
    let words: HashMap<&str, Value<'_>> =
        words.iter().map(|(name, word)| (*name, Value::from(*word))).collect();
    let body = (interface, words, Vec::<String>::new());
    signal(sender, unit_path(unit).as_str(), PROPERTIES, "PropertiesChanged", &body)
}
