//! The protocol's reaction to an event: logged and carried out.

use std::sync::Arc;

use log::{Level, debug, info, log};
use schrittmacher_api::HistoryKind;
use schrittmacher_protocol::{Action, Command, Event, Notice, Reaction, Refusal, StateName, Time};

use super::batching::{Occasion, on_grid};
use super::resource::{Envelope, OwnWord};
use super::{Node, Warned, epochs, warn_once};
use crate::event_hook::HookEvent;
use crate::event_loop::clock;
use crate::udp::Strangers;
use schrittmacher_text::wording;
use schrittmacher_wire::Trip;

impl Node {
    /// Hands an event to a resource and carries out the answer. Members of its set may follow. Returns a refusal, if there
    /// was one.
    pub(super) fn give(&mut self, index: usize, event: Event, now: Time) -> Option<Refusal> {
        if self.give_settled(index, &event, now) {
            return None;
        }
        let refusal = self.give_alone(index, event, now);
        self.guide_set(index, now);
        refusal
    }

    /// The short way of what settled resources have all the time: nothing is news, and one word is said at most. False: nothing was
    /// done.
    fn give_settled(&mut self, index: usize, event: &Event, now: Time) -> bool {
        self.catch_up(index);
        let resource = &mut self.resources[index];
        // What the peer or an operator has said beside the event may have to be told.
        if resource.life.has_ended() || resource.config.set.is_some() || !resource.is_told() {
            return false;
        }
        let Some(word) = resource.protocol.handle_settled(now, event) else { return false };
        let is_scheduled = resource.scheduled == Some(resource.protocol.machine().next_tick);
        let is_probed = resource.config.shared.is_some();
        if let Some(word) = word {
            let occasion = if *event == Event::Tick { Occasion::Heartbeat } else { Occasion::Report };
            self.carry_out(index, word, occasion, now);
        }
        self.tell_right(index);
        // Silence is counted anew, which moves its deadlines away.
        if !is_scheduled || is_probed {
            self.reschedule(index);
        }
        self.note_calm(index, event, now);
        true
    }

    /// The same without the rest of its set.
    pub(super) fn give_alone(&mut self, index: usize, event: Event, now: Time) -> Option<Refusal> {
        self.rouse(index);
        let resource = &mut self.resources[index];
        if resource.life.has_ended() {
            return None;
        }
        let (contest, epochs) = (resource.protocol.machine().contest(), resource.protocol.machine().epochs);
        let (since, was) = (resource.protocol.machine().since, resource.protocol.machine().state.name());
        let was_under_way = resource.is_under_way();
        let had_left = resource.protocol.machine().peer.leaving;
        let reaction = resource.protocol.handle(now, event);
        if (was, resource.protocol.machine().state.name()) == (StateName::ToHot, StateName::Hot) {
            resource.took = Some(now.since(since));
        }
        let has_prevailed = resource.protocol.machine().has_prevailed(contest);
        self.note_epochs(index, epochs);
        self.note_lost(index, &reaction, had_left);
        // Notices explain the change of state, so they are logged first.
        for action in &reaction.actions {
            self.take_notice(index, *action, now);
        }
        let why = self.log_transition(index, &reaction, now);
        let resource = &mut self.resources[index];
        let lines = resource.narrate(why.as_deref().unwrap_or_default(), now);
        if let Some(outage) = resource.take_outage()
            && let Some(is_planned) = resource.switches.outage(outage, now)
        {
            self.figures.outages[usize::from(!is_planned)].observe(outage);
        }
        let changes = reaction.change().is_some();
        if changes {
            // Nobody may hear it again: FOVR of a side that is hot by now would be a hand-over.
            resource.last_word = None;
        }
        self.news.note(changes || !lines.is_empty());
        for (level, topic, text) in lines {
            log!(target: &resource.config.name, level, "{text}");
            self.hook.tell(|| HookEvent {
                name: topic.as_str(),
                resource: resource.config.name.to_string(),
                text: text.clone(),
                details: Vec::new(),
            });
            self.history.tell(Arc::clone(&resource.config.name), HistoryKind::Service, text, None);
        }
        let occasion = Occasion::of(&reaction);
        for action in &reaction.actions {
            self.carry_out(index, *action, occasion, now);
        }
        if has_prevailed {
            self.executor.announce(index, contest, now);
        }
        self.patience.note(was_under_way, self.resources[index].is_under_way());
        self.tell_right(index);
        self.note_seeking(index, now);
        self.reschedule(index);
        reaction.refusal()
    }

    fn carry_out(&mut self, index: usize, action: Action, occasion: Occasion, now: Time) {
        let resource = &mut self.resources[index];
        match action {
            Action::Send { code, random, extended, note, promise, epoch } => {
                debug!(target: &resource.config.name, "to peer: {code}");
                let word = OwnWord { code, random, extended, note, promise, epoch };
                resource.last_word = Some(word);
                resource.figures.said(code);
                if !self.spares(index, word, occasion, now) {
                    self.say(index, word, now);
                }
            }
            Action::Command(command) => {
                if let (Some(health), Command::Start | Command::Stop) = (&mut resource.health, command) {
                    health.ordered(command == Command::Start);
                }
                if let (Some(unit), Command::Start | Command::Stop) = (&mut resource.unit, command) {
                    unit.ordered(command == Command::Start);
                }
                if matches!(command, Command::Start | Command::Stop) {
                    resource.figures.ordered(command == Command::Start);
                }
                self.executor.order(index, command, resource.app_is_hot(), now);
                if let Some(facts) = self.executor.facts_mut(index) {
                    facts.epoch = resource.protocol.machine().epochs.own;
                    facts.local_reason.clone_from(&resource.local.reason);
                    facts.remote_reason.clone_from(&resource.remote.reason);
                }
            }
            // Told by the code that gave the order, which knows by whom.
            Action::Refuse(_) | Action::Notice(_) => {}
            Action::Witness(order) => self.tell_witness(index, order, now),
            Action::Fence(asked) => self.ask_for_fence(index, asked),
            Action::Exit => {
                resource.life.set_ended();
                if resource.is_left_hot() {
                    let name = &resource.config.name;
                    info!(target: name, "no peer can take over: application and address stay as they are");
                }
            }
        }
    }

    fn say(&mut self, index: usize, word: OwnWord, now: Time) {
        let number = self.number(index, word);
        let run = self.run();
        let resource = &self.resources[index];
        let room = self.peer_auth.as_ref().map_or(0, |auth| auth.room(word.extended));
        let peer = &resource.protocol.machine().peer;
        // A peer that is not heard may be one of ours, and the first path cut. A legacy one knows the first path alone.
        let everywhere = word.extended && self.paths.are_several() && (peer.is_ours() || !peer.alive);
        // The time of the turn may be some milliseconds old: many resources speak in it.
        let time = clock::now();
        let trip = (everywhere || word.extended && peer.is_ours()).then(|| self.trips.next(time));
        let copies = match trip.filter(|_| everywhere) {
            None => vec![(1, trip)],
            Some(trip) => {
                let copy = |(path, echo)| (path, Some(Trip { echo, ..trip }));
                self.paths.echoes(time).into_iter().map(copy).collect()
            }
        };
        let promise = word.promise.map(|until| self.told_promise(index, until, trip, run));
        for (path, trip) in copies {
            let mut datagram = {
                let envelope = Envelope { host: &self.host, run, trip, number, promise, room };
                self.resources[index].datagram(word, envelope, now)
            };
            if let Some(auth) = &mut self.peer_auth {
                auth.sign(&mut datagram, word.extended, now);
            }
            self.send_by(path, &datagram, now);
        }
    }

    /// The peer has started anew, or knows only now that we have: our last words did not count for it.
    pub(super) fn repeat_last_words(&mut self, now: Time) {
        for index in 0..self.resources.len() {
            self.repeat_last_word(index, now);
        }
    }

    pub(super) fn repeat_last_word(&mut self, index: usize, now: Time) {
        if let Some(word) = self.word_to_repeat(index) {
            // A promise may have been given up since.
            let word = OwnWord { promise: word.promise.map(|_| Time::ZERO), ..word };
            self.resources[index].figures.said(word.code);
            self.say(index, word, now);
        }
    }

    /// Its last word, unless that is said once.
    pub(super) fn word_to_repeat(&self, index: usize) -> Option<OwnWord> {
        let resource = &self.resources[index];
        resource.last_word.filter(|word| !resource.life.has_ended() && !word.code.is_said_once(word.note))
    }

    /// Sends what is no message of a resource: by every path, since nobody knows which one works.
    pub(super) fn send_to_peer(&mut self, datagram: &[u8], now: Time) {
        for (path, _) in self.paths.echoes(now) {
            self.send_by(path, datagram, now);
        }
    }

    fn send_by(&mut self, path: u8, datagram: &[u8], now: Time) {
        if let Err(error) = self.link.send_by(path, datagram) {
            let by = if path == 1 { String::new() } else { format!(" by path {path}") };
            self.peer_door.last_error = Some(format!("TX Error{by}: {error}"));
            warn_once(&mut self.warned, Warned::Send(path), now, || {
                format!("can't send to the peer{by}: {error}")
            });
        }
    }

    fn take_notice(&mut self, index: usize, action: Action, now: Time) {
        let Action::Notice(notice) = action else { return };
        let resource = &mut self.resources[index];
        match notice {
            Notice::AppSilent => resource.app_silent(),
            Notice::PeerLost => {
                self.link.set_strangers(Strangers::Named);
                resource.peer_silent(now);
            }
            Notice::Paused => {
                if let Some(auth) = &mut self.peer_auth {
                    auth.paused(now);
                }
            }
            Notice::PeerSeen
            | Notice::TakeoverUnanswered
            | Notice::GoingHotTimeout
            | Notice::GoingStandbyTimeout
            | Notice::HeldBack
            | Notice::AddressMissing
            | Notice::CutOff
            | Notice::CutOffAlone
            | Notice::Reconnected
            | Notice::Undone
            | Notice::NotReleased
            | Notice::MajorityLost
            | Notice::Isolated
            | Notice::IsolatedStays
            | Notice::Fence(_)
            | Notice::NoMajorityRule => {}
            Notice::AddressFailed => resource.address_failed(),
        }
        let (level, text) = wording::notice(notice);
        log!(target: &resource.config.name, level, "{text}");
    }

    /// Gives the reason for the change, if there was one.
    fn log_transition(&mut self, index: usize, reaction: &Reaction, now: Time) -> Option<String> {
        let resource = &mut self.resources[index];
        let mut last_why = None;
        for change in reaction.transitions.iter().filter(|step| step.is_change()) {
            let why = wording::why(change, resource.protocol.settings());
            resource.changed(change, &why, now);
            resource.figures.changed(change);
            let (from, to) = (wording::state(change.from), wording::state(change.to));
            let epoch = epochs::of_promotion(resource, change);
            let (name, text) =
                (&resource.config.name, format!("{from} -> {to}: {why}{}", epochs::told(epoch)));
            self.hook.tell(|| HookEvent {
                name: "transition",
                resource: name.to_string(),
                text: text.clone(),
                details: vec![
                    ("FROM", from.to_owned()),
                    ("TO", to.to_owned()),
                    ("CAUSE", why.clone()),
                    ("EPOCH", epoch.map(|epoch| epoch.to_string()).unwrap_or_default()),
                    ("REASON", resource.local.reason.clone().unwrap_or_default()),
                    ("PEER_REASON", resource.remote.reason.clone().unwrap_or_default()),
                ],
            });
            self.history.tell_state(Arc::clone(name), to, text);
            last_why = Some(why);
        }
        let (first, last) = (reaction.transitions.first()?, reaction.transitions.last()?);
        let (before, after) = (first.from, last.to);
        // Both parts of a planned hand-over are shown as "transiting_to_standby".
        if before.legacy_str() == after.legacy_str() {
            return None;
        }
        // One event can have several causes: a late heartbeat for example finds the peer silent, too.
        let change = reaction.change()?;
        let cause = resource.cause(change);
        let level = if after == StateName::Failed { Level::Error } else { Level::Info };
        let epoch = epochs::told(epochs::of_promotion(resource, change));
        let (before, after) = (before.legacy_str(), after.legacy_str());
        log!(target: &resource.config.name, level, "{before} -> {after}: {cause}{epoch}");
        last_why
    }

    pub(super) fn reschedule(&mut self, index: usize) {
        let resource = &mut self.resources[index];
        let next = (!resource.life.has_ended()).then(|| resource.protocol.next_deadline());
        // Most events do not move it.
        if resource.scheduled != next {
            resource.scheduled = next;
            let heartbeat = resource.protocol.machine().next_tick;
            let moment = next
                .map(|next| if next == heartbeat { on_grid(next, resource.config.heartbeat) } else { next });
            self.ticks.set(index, moment);
        }
        self.probes.set(index, resource.next_probe().filter(|_| next.is_some()));
        self.forget_if_gone(index);
    }
}
