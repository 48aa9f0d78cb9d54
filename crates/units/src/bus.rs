//! One connection to the bus: calls, answers and signals as messages.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use zbus::connection::Builder;
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, Value};
use zbus::{Connection, Message, MessageStream};

use crate::watcher::{Answer, Call, Heard, Properties, Refusal, Signal};
use crate::{ANSWER_TIME, UnitFacts};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const SYSTEMD_PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const DBUS: &str = "org.freedesktop.DBus";
const DBUS_PATH: &str = "/org/freedesktop/DBus";

/// What is to be heard. One rule for all units: a bus allows a connection a few hundred of them.
const RULES: [&str; 4] = [
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',\
     member='PropertiesChanged',path_namespace='/org/freedesktop/systemd1/unit'",
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'",
    "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',member='Reloading'",
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.freedesktop.systemd1'",
];

/// Messages that wait for this thread. After `systemctl daemon-reload` systemd sends several for each unit of the host.
const WAITING: usize = 1024;

/// A connection to the bus.
#[derive(Debug)]
pub(crate) struct Bus {
    connection: Connection,
    /// Every message, in the order in which they came.
    pub(crate) messages: MessageStream,
}

impl Bus {
    /// Connects to the bus of the system, or to the one that `DBUS_SYSTEM_BUS_ADDRESS` names, or to this one.
    ///
    /// # Errors
    ///
    /// There is none, or it does not answer.
    pub(crate) async fn connect(address: Option<&str>) -> Result<Bus, String> {
        let connection = within("connecting to", async {
            let builder = address.map_or_else(Builder::system, Builder::address)?;
            builder.max_queued(WAITING).build().await
        });
        let connection = connection.await?;
        let bus = Bus { messages: MessageStream::from(&connection), connection };
        for rule in RULES {
            let message = Message::method_call(DBUS_PATH, "AddMatch")
                .and_then(|message| message.destination(DBUS)?.interface(DBUS)?.build(&(rule,)))
                .map_err(|error| error.to_string())?;
            bus.send(&message).await?;
        }
        Ok(bus)
    }

    /// Makes a call; gives its number, which its answer will name.
    ///
    /// # Errors
    ///
    /// The connection is of no use any more.
    pub(crate) async fn call(&self, call: &Call) -> Result<u32, String> {
        let message = message(call).map_err(|error| error.to_string())?;
        self.send(&message).await?;
        Ok(message.primary_header().serial_num().get())
    }

    async fn send(&self, message: &Message) -> Result<(), String> {
        within("sending to", self.connection.send(message)).await
    }
}

/// Bounds what is waited for.
async fn within<T>(what: &str, work: impl Future<Output = zbus::Result<T>>) -> Result<T, String> {
    limited(ANSWER_TIME, what, work).await
}

pub(crate) async fn limited<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = zbus::Result<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result.map_err(|error| format!("{what} the bus: {error}")),
        Err(_) => Err(format!("{what} the bus: no answer within {} s", limit.as_secs_f64())),
    }
}

fn message(call: &Call) -> zbus::Result<Message> {
    let manager = |member: &'static str| {
        Message::method_call(SYSTEMD_PATH, member)?.destination(SYSTEMD)?.interface(MANAGER)
    };
    match call {
        Call::Owner => Message::method_call(DBUS_PATH, "GetNameOwner")?
            .destination(DBUS)?
            .interface(DBUS)?
            .build(&(SYSTEMD,)),
        Call::Ping => Message::method_call(SYSTEMD_PATH, "Ping")?
            .destination(SYSTEMD)?
            .interface("org.freedesktop.DBus.Peer")?
            .build(&()),
        // Every interface: the `Result` is among the properties of the unit's kind.
        Call::Read(path) => Message::method_call(path.as_str(), "GetAll")?
            .destination(SYSTEMD)?
            .interface(PROPERTIES)?
            .build(&("",)),
        Call::Subscribe => manager("Subscribe")?.build(&()),
        Call::Load(unit) => manager("LoadUnit")?.build(&(unit,)),
        Call::Reset(unit) => manager("ResetFailedUnit")?.build(&(unit,)),
        Call::Start(unit) => manager("StartUnit")?.build(&(unit, "replace")),
        Call::Stop(unit) => manager("StopUnit")?.build(&(unit, "replace")),
    }
}

/// What a message says; `None` if it says nothing to us.
pub(crate) fn heard(message: &Message) -> Option<Heard> {
    let header = message.header();
    match message.message_type() {
        Type::MethodReturn => {
            let serial = header.reply_serial()?.get();
            Some(Heard::Answer { serial, answer: Ok(answer(message)) })
        }
        Type::Error => {
            let serial = header.reply_serial()?.get();
            let name = header.error_name().map(ToString::to_string).unwrap_or_default();
            let message = message.body().deserialize::<String>().unwrap_or_else(|_| name.clone());
            Some(Heard::Answer { serial, answer: Err(Refusal { name, message }) })
        }
        Type::Signal => signal(message),
        Type::MethodCall => None,
    }
}

fn answer(message: &Message) -> Answer {
    let body = message.body();
    match body.signature().to_string().as_str() {
        "s" | "o" => {
            let text = body
                .deserialize::<ObjectPath<'_>>()
                .map(|path| path.to_string())
                .or_else(|_| body.deserialize::<String>());
            text.map_or(Answer::Nothing, Answer::Text)
        }
        "a{sv}" => body
            .deserialize::<HashMap<String, Value<'_>>>()
            .map_or(Answer::Nothing, |all| Answer::Properties(properties(&all))),
        _ => Answer::Nothing,
    }
}

fn signal(message: &Message) -> Option<Heard> {
    let header = message.header();
    let sender = header.sender()?.to_string();
    let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
    let body = message.body();
    let signal = match (interface, member) {
        (DBUS, "NameOwnerChanged") if sender == DBUS => {
            let (name, _, owner) = body.deserialize::<(String, String, String)>().ok()?;
            return (name == SYSTEMD).then(|| Heard::Owner(Some(owner).filter(|owner| !owner.is_empty())));
        }
        (PROPERTIES, "PropertiesChanged") => {
            let (_, changed, _) =
                body.deserialize::<(String, HashMap<String, Value<'_>>, Vec<String>)>().ok()?;
            Signal::Changed { path: header.path()?.to_string(), properties: properties(&changed) }
        }
        (MANAGER, "JobRemoved") => {
            let (_, job, _, result) = body.deserialize::<(u32, ObjectPath<'_>, String, String)>().ok()?;
            Signal::JobRemoved { job: job.to_string(), result }
        }
        (MANAGER, "Reloading") => (!body.deserialize::<bool>().ok()?).then_some(Signal::Reloaded)?,
        (_, _) => return None,
    };
    Some(Heard::Signal { sender, signal })
}

fn properties(all: &HashMap<String, Value<'_>>) -> Properties {
    let text = |name: &str| all.get(name).and_then(|value| String::try_from(value).ok());
    let job = match all.get("Job") {
        Some(Value::Structure(pair)) => match pair.fields() {
            [Value::U32(0), _] => Some(None),
            [_, Value::ObjectPath(path)] => Some(Some(path.to_string())),
            _ => None,
        },
        Some(_) | None => None,
    };
    Properties {
        loading: text("LoadState"),
        activity: text("ActiveState"),
        sub: text("SubState"),
        result: text("Result"),
        file: text("UnitFileState"),
        job,
    }
}

/// Everything about these units that a person may have to know.
pub(crate) async fn ask(units: &[&str]) -> zbus::Result<Vec<UnitFacts>> {
    let connection = Builder::system()?.build().await?;
    let mut all = Vec::new();
    for unit in units {
        let path =
            connection.call_method(Some(SYSTEMD), SYSTEMD_PATH, Some(MANAGER), "LoadUnit", &(unit,)).await?;
        let body = path.body();
        let path: ObjectPath<'_> = body.deserialize()?;
        let answer = connection.call_method(Some(SYSTEMD), &path, Some(PROPERTIES), "GetAll", &("",)).await?;
        all.push(facts(&answer.body().deserialize()?));
    }
    Ok(all)
}

fn facts(all: &HashMap<String, Value<'_>>) -> UnitFacts {
    let mut facts = UnitFacts::default();
    for (name, value) in all {
        if let Ok(text) = String::try_from(value) {
            facts.texts.insert(name.clone(), text);
        } else if let Ok(flag) = bool::try_from(value) {
            facts.flags.insert(name.clone(), flag);
        } else if let Value::Array(array) = value {
            let names = array.iter().filter_map(|item| String::try_from(item).ok()).collect();
            facts.lists.insert(name.clone(), names);
        }
    }
    facts
}
