//! Datagrams: which door they come to, what they say, and which resource they are for.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use log::warn;
use schrittmacher_auth::Why;
use schrittmacher_protocol::{AppFailure, Event, PeerReport, StateName, Time};
use schrittmacher_wire::{AppCode, Code, Message, PeerCode, PeerDatagram, Rejected, host};

use super::batching::PeerWord;
use super::paths::Copy;
use super::peer_auth::Verdict;
use super::{Node, WARNING_INTERVAL, Warned, warn_once};
use crate::admin::Target;
use crate::app_socket::{Credentials, Impostor};
use crate::figures::Unwelcome;
use crate::logging::RateLimited;
use crate::sender::{Sender, SenderOrigin};
use crate::udp::{Arrival, Origin, Refusal, Strangers};
use schrittmacher_config::Security;
use schrittmacher_text::{beginning, wording};

/// The beginning of a message from outside that is shown, in bytes.
const SHOWN: usize = 300;

/// The reason to refuse a datagram; one warning each per [`super::WARNING_INTERVAL`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unwanted {
    Source(IpAddr, u16),
    Garbage(SenderOrigin),
    UnknownResource(String),
    NotAuthentic(Why),
    AnotherRun,
    WrongDirection(SenderOrigin),
    /// Not the `app-user` of the resource.
    Unentitled(usize, SenderOrigin),
    Impostor(u32),
    /// A report for a resource that has a `check-command` or a `unit`.
    Checked(usize),
}

impl Unwanted {
    fn kind(&self) -> Unwelcome {
        match self {
            Unwanted::Source(..) => Unwelcome::Source,
            Unwanted::Garbage(_) => Unwelcome::Garbage,
            Unwanted::UnknownResource(_) => Unwelcome::UnknownResource,
            Unwanted::NotAuthentic(_) => Unwelcome::NotAuthentic,
            Unwanted::AnotherRun => Unwelcome::AnotherRun,
            Unwanted::WrongDirection(_) => Unwelcome::WrongDirection,
            Unwanted::Unentitled(..) => Unwelcome::Unentitled,
            Unwanted::Impostor(_) => Unwelcome::Impostor,
            Unwanted::Checked(_) => Unwelcome::Checked,
        }
    }
}

/// Everything that was refused: all of it counts, and little of it is told.
#[derive(Debug)]
pub(super) struct Refused {
    told: RateLimited<Unwanted>,
    counts: [u64; Unwelcome::ALL.len()],
}

impl Refused {
    /// Nothing yet.
    pub fn new() -> Refused {
        Refused { told: RateLimited::new(WARNING_INTERVAL), counts: [0; Unwelcome::ALL.len()] }
    }

    /// How much was refused for each reason.
    pub fn counts(&self) -> [u64; Unwelcome::ALL.len()] {
        self.counts
    }

    /// Counts one more that was told already, or is no news.
    pub fn count(&mut self, kind: Unwelcome) {
        self.counts[kind as usize] += 1;
    }

    /// Counts one more, and warns of it if that is due.
    pub fn warn(&mut self, about: Unwanted, now: Time, text: impl FnOnce() -> String) {
        self.count(about.kind());
        warn_once(&mut self.told, about, now, text);
    }
}

/// The facts about one of the two doors for the status page.
#[derive(Clone, Debug, Default)]
pub(super) struct Door {
    /// The last thing that went wrong.
    pub last_error: Option<String>,
    /// The last message, as `resource: STATUS`.
    pub last_message: Option<String>,
}

impl Door {
    /// The last message. Its place is used again: there are thousands each second.
    fn note(&mut self, resource: &str, status: &str) {
        let text = self.last_message.get_or_insert_default();
        text.clear();
        for part in [resource, ": ", status] {
            text.push_str(part);
        }
        if text.len() > SHOWN {
            *text = beginning(std::mem::take(text), SHOWN);
        }
    }
}

impl Node {
    /// Takes in one datagram that arrived at this socket of ours.
    pub fn receive(&mut self, datagram: &[u8], source: SocketAddr, socket: usize, now: Time) {
        let port = self.link.port(socket);
        let path = self.link.path(socket);
        let arrival = Arrival {
            source: source.ip(),
            port,
            further_path: path.filter(|(number, _)| *number > 1),
            is_filtered: self.link.is_filtered(socket),
            is_empty: datagram.is_empty(),
        };
        let origin = match self.guard.origin(arrival, now) {
            Ok(origin) => origin,
            Err(refusal) => return self.refuse(&refusal, source.ip(), port, now),
        };
        let path = path.map_or(1, |(number, _)| number);
        self.take_in(datagram, origin, path, &Sender::Udp(source), now);
    }

    /// Takes in one message that came by the application socket.
    pub fn receive_locally(&mut self, message: &[u8], credentials: Credentials, now: Time) {
        self.take_in(message, Origin::App, 1, &Sender::Local(credentials), now);
    }

    /// A message came by the application socket, and not from the process that has made the connection.
    pub fn refuse_impostor(&mut self, impostor: Impostor, now: Time) {
        self.unwanted.warn(Unwanted::Impostor(impostor.user), now, || format!("{impostor}; ignored"));
    }

    fn take_in(&mut self, datagram: &[u8], origin: Origin, path: u8, sender: &Sender, now: Time) {
        let verdict = match origin {
            Origin::Peer => self.judge(datagram, now),
            Origin::App => Verdict::Unsigned,
        };
        let is_signed = match verdict {
            Verdict::Nothing => return,
            Verdict::Unsigned => false,
            Verdict::Signed(_) => true,
        };
        let parsed = match origin {
            Origin::App => Message::parse(datagram),
            Origin::Peer => match PeerDatagram::parse(datagram, is_signed) {
                Ok(PeerDatagram::Message(message)) => Ok(*message),
                Ok(PeerDatagram::Batch(batch)) => return self.take_batch(&batch, &verdict, now),
                Err(rejected) => Err(rejected),
            },
        };
        let message = match parsed {
            Ok(message) => message,
            Err(rejected) => return self.reject(&rejected, sender.origin(), now),
        };
        if origin == Origin::Peer {
            // A slow copy of an earlier run tells nothing about the run of now.
            if self.is_late_copy(message.run) {
                return;
            }
            self.note_reader(message.number.is_some(), now);
            if !self.is_for_this_run(&verdict, message.run, message.note, Some(&message.resource), now) {
                return;
            }
        }
        let is_newest = match (origin, message.run, message.trip) {
            (Origin::Peer, Some(run), Some(trip)) => {
                let is_newest = self.trips.is_newest(run.own, trip);
                self.trips.heard(run.own, trip, now);
                is_newest
            }
            (_, _, _) => false,
        };
        let door = match origin {
            Origin::Peer => &mut self.peer_door,
            Origin::App => &mut self.app_door,
        };
        door.note(&message.resource, &message.status);
        if origin == Origin::Peer {
            self.note_peer_host(now);
        }
        let Some(&index) = self.by_name.get(&*message.resource) else {
            let name = beginning(message.resource.into_owned(), SHOWN);
            return self.unwanted.warn(Unwanted::UnknownResource(name.clone()), now, || {
                format!(
                    "message for unknown resource '{name}' from {}; is it configured on both nodes?",
                    sender.origin()
                )
            });
        };
        let copy = match origin {
            Origin::Peer => self.is_first_copy(index, path, &message, now),
            Origin::App => Copy::First,
        };
        if copy == Copy::Later {
            return;
        }
        if let Verdict::Signed(opened) = verdict
            && !self.is_newest(index, opened, now)
        {
            return;
        }
        if copy == Copy::Repeated {
            return;
        }
        match (origin, message.code) {
            (Origin::Peer, Code::Peer(code)) => self.heard_peer(index, Some(code), &message, is_newest, now),
            (Origin::Peer, Code::Unknown) => self.heard_peer(index, None, &message, is_newest, now),
            (Origin::App, Code::App(code)) => self.heard_app(index, Some(code), &message, sender, now),
            (Origin::App, Code::Unknown) => self.heard_app(index, None, &message, sender, now),
            (Origin::Peer, Code::App(_)) | (Origin::App, Code::Peer(_)) => {
                self.wrong_direction(origin, &message, sender.origin(), now);
            }
        }
    }

    fn heard_peer(
        &mut self,
        index: usize,
        code: Option<PeerCode>,
        message: &Message<'_>,
        is_newest: bool,
        now: Time,
    ) {
        // What comes by a number from now on may mean something else.
        self.rouse(index);
        let report = PeerReport {
            code,
            priority: message.priority,
            random: message.random,
            host: message.host.as_deref().and_then(host::parse).map(|host| host.to_canonical()),
            has_type: message.kind.is_some(),
            period: message.heartbeat.or_else(|| self.period_of_signing_peer(index)),
            note: message.note,
            promise: self.promise_of(index, message, is_newest, now),
            epoch: message.epoch,
        };
        let word = PeerWord { report, reason: message.reason.as_deref().map(Arc::from) };
        self.note_word(index, message.run, message.number, &word);
        self.hear_word(index, word, now);
        self.hear_freeze(index, message.freeze, now);
    }

    /// The peer has said something of any resource.
    pub(super) fn hear_peer_at_all(&mut self, now: Time) {
        self.link.set_strangers(Strangers::Sampled);
        self.meet_peer(now);
        self.hear_host(now);
    }

    /// The peer says this, or says it again.
    pub(super) fn hear_word(&mut self, index: usize, word: PeerWord, now: Time) {
        self.hear_peer_at_all(now);
        let PeerWord { report, reason } = word;
        let resource = &mut self.resources[index];
        resource.peer_priority = report.priority;
        if matches!(report.code, Some(PeerCode::Hott | PeerCode::ToHot)) {
            resource.peer_epoch = report.epoch;
        }
        if let Some(code) = report.code {
            resource.figures.heard_peer(code);
        }
        resource.heard_peer(report.code, reason.as_deref(), now);
        self.stop_asking(index, now);
        let sought = self.resources[index].protocol.machine().seeks();
        self.give(index, Event::Peer(report), now);
        if sought {
            self.end_seeking(index, now);
        }
    }

    fn heard_app(
        &mut self,
        index: usize,
        code: Option<AppCode>,
        message: &Message<'_>,
        sender: &Sender,
        now: Time,
    ) {
        if !self.is_entitled(index, sender) {
            return self.refuse_unentitled(index, message, sender, now);
        }
        self.tell_of_udp(index, sender);
        if let Some(code) = code {
            self.resources[index].figures.heard_app(code);
        }
        let is_order = matches!(code, Some(AppCode::Lrfo | AppCode::Lrto));
        if let Some(key) = self.resources[index].reported_by().filter(|_| !is_order) {
            let name = self.resources[index].config.name.to_string();
            return self.unwanted.warn(Unwanted::Checked(index), now, || {
                format!(
                    "an application at {} says {} for '{name}', which has a `{key}`: ignored; take the key away \
                     if the application reports by itself",
                    sender.origin(),
                    message.status
                )
            });
        }
        if !self.processes.heard(index, code, message.pid, sender, now) {
            return;
        }
        self.note_asker(index, message.asks_right, sender);
        let has_given_up = code == Some(AppCode::Lfai) && self.has_given_up(index, sender);
        self.resources[index].heard_app(code, message.reason.as_deref(), now);
        if code.is_some() && !is_order {
            self.executor.heard_app(index, code == Some(AppCode::Lhot));
        }
        let refusal = match code {
            Some(AppCode::Lrfo) => self.order_by_app(index, AppCode::Lrfo, Target::OtherSide, now),
            Some(AppCode::Lrto) => self.order_by_app(index, AppCode::Lrto, Target::ThisSide, now),
            Some(_) if has_given_up => self.give(index, Event::AppFailed(AppFailure::GaveUp), now),
            Some(_) | None => self.give(index, Event::App(code), now),
        };
        if let Some(refusal) = refusal
            && let Some(suppressed) = self.warned.pass(Warned::OrderRefused(index), now)
        {
            let (name, why) = (&self.resources[index].config.name, wording::refusal(refusal));
            warn!(target: name, "the application's order is refused: {why}{suppressed}");
        }
        self.release_if_stopped(index, now);
    }

    /// Whether an application that says now that it has failed was fit when it was ordered to go hot: it will not become hot, and
    /// the other side may be ready. One that had failed before may still become hot, and one with an older library counts as
    /// it always has (`docs/adr/0057-applications-that-give-up.md`).
    fn has_given_up(&self, index: usize, sender: &Sender) -> bool {
        let resource = &self.resources[index];
        matches!(sender, Sender::Local(_))
            && resource.protocol.state().name() == StateName::ToHot
            && resource.app_said.is_some_and(|before| before != AppCode::Lfai)
    }

    /// Whether a sender may speak for the application of a resource (door-4, door-5).
    fn is_entitled(&self, index: usize, sender: &Sender) -> bool {
        let app_user = self.resources[index].config.app_user.as_ref();
        if app_user.is_none() && self.core.security == Security::Legacy {
            return true;
        }
        sender.user().is_some_and(|user| {
            user == 0
                || user == nix::unistd::geteuid().as_raw()
                || app_user.is_some_and(|allowed| allowed.id == user)
        })
    }

    fn refuse_unentitled(&mut self, index: usize, message: &Message<'_>, sender: &Sender, now: Time) {
        let resource = &self.resources[index].config;
        let origin = sender.origin();
        self.unwanted.warn(Unwanted::Unentitled(index, origin), now, || {
            let allowed = match &resource.app_user {
                Some(user) => format!("`app-user` is {user}"),
                None => "`security` is strict and there is no `app-user`".to_owned(),
            };
            let remedy = match sender {
                Sender::Udp(_) => {
                    "by UDP nobody knows the user: use this version's client library, which reports by the Unix socket in \
                     `run-directory`"
                }
                Sender::Local(_) => "if that is the application, set `app-user` to its user",
            };
            let (name, status) = (&resource.name, &message.status);
            format!("{status} for '{name}' from {origin} is ignored: {allowed}; {remedy}")
        });
    }

    /// Once in a daemon's life: what such a report proves, and the way out.
    fn tell_of_udp(&mut self, index: usize, sender: &Sender) {
        let Sender::Udp(source) = sender else { return };
        if !std::mem::replace(&mut self.told_udp, true) {
            warn!(
                target: &self.resources[index].config.name,
                "the application reports by UDP from {}: any user of this host can report for it, or order a switch; \
                 `app-user` ends that, with a client library that uses the Unix socket in `run-directory`",
                source.ip()
            );
        }
    }

    fn wrong_direction(&mut self, origin: Origin, message: &Message<'_>, source: SenderOrigin, now: Time) {
        let (sender, allowed) = match origin {
            Origin::Peer => ("peer", "an application"),
            Origin::App => ("application", "the peer"),
        };
        self.unwanted.warn(Unwanted::WrongDirection(source), now, || {
            format!("{sender} {source} says {}, which only {allowed} may say; ignored (D41)", message.status)
        });
    }

    fn refuse(&mut self, refusal: &Refusal, source: IpAddr, port: u16, now: Time) {
        let door = if port == self.core.port { &mut self.peer_door } else { &mut self.app_door };
        door.last_error = Some(format!("Unexpected packet from {}", host::unified(source)));
        self.unwanted.warn(Unwanted::Source(source, port), now, || format!("{refusal}; ignored"));
    }

    fn reject(&mut self, rejected: &Rejected, source: SenderOrigin, now: Time) {
        self.unwanted
            .warn(Unwanted::Garbage(source), now, || format!("datagram from {source} ignored: {rejected}"));
    }

    /// The network answers that what we send to the peer does not arrive. A peer that restarts is no news; one that was
    /// never heard may have another address or port.
    pub fn peer_does_not_listen(&mut self, error: &io::Error, now: Time) {
        if self.has_heard_peer {
            return;
        }
        let (peer, port) = (self.core.remote_address, self.core.port);
        warn_once(&mut self.warned, Warned::PeerDoesNotListen, now, || {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                format!(
                    "nothing listens at the peer's {peer} UDP port {port}: is the daemon there started, and are its \
                     `local-address` and `port` the same as `remote-address` and `port` here?"
                )
            } else {
                format!("the peer {peer} cannot be reached: {error}")
            }
        });
    }

    /// The socket at our `port` reported an error instead of a datagram.
    pub fn receive_failed(&mut self, port: u16, error: &io::Error, now: Time) {
        warn_once(&mut self.warned, Warned::Receive(port), now, || {
            format!("can't receive at UDP port {port}: {error}")
        });
    }
}
