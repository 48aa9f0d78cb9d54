//! Fencing the peer's host (`fence-action`): one run for all resources that wait for it.
//!
//! A run counts for a resource if it has begun after the last word of the peer, for whichever resource that was. A peer that is
//! heard for any resource is alive: its host is not fenced for the sake of another one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use log::{error, info, warn};
use schrittmacher_api::HistoryKind;
use schrittmacher_config::FenceAction;
use schrittmacher_protocol::{Event, Fenced, Time};
use schrittmacher_text::span;

use super::Node;
use super::resource::ManagedResource;
use crate::admin::snapshot::FenceFacts;
use crate::commands::{FenceEnd, FenceTicket, Fencer};
use crate::event_hook::HookEvent;

/// For so long after its end a run counts for a resource that asks later. A host that is switched on again serves later than that:
/// it has to hear nothing of its peer for ten seconds first.
const FRESH: Duration = Duration::from_secs(5);

/// This node's fences.
#[derive(Debug, Default)]
pub(super) struct Fencing {
    fencer: Option<Fencer>,
    /// The resources that wait.
    asks: BTreeMap<usize, Ask>,
    runs: Vec<Run>,
    /// The last run of a command that has confirmed.
    confirmed: Vec<Confirmed>,
    /// The last word of the peer, whatever it was about.
    heard: Option<Time>,
    /// When it may be clear that the peer's host is silent.
    look_at: Option<Time>,
}

#[derive(Debug)]
struct Run {
    command: String,
    began: Time,
    ticket: FenceTicket,
    /// Nobody waits for it any more. Until it has ended no other one begins.
    is_in_vain: bool,
}

#[derive(Debug)]
struct Confirmed {
    command: String,
    began: Time,
    ended: Time,
}

#[derive(Clone, Copy, Debug)]
struct Ask {
    at: Time,
    /// When the peer was heard after that for the first time, for whichever resource.
    heard_again: Option<Time>,
}

/// What becomes of a question now.
enum Step {
    /// For the end of a run, or for the silence of the peer for another resource.
    Wait,
    /// At this time it may be clear that the peer's host is silent.
    WaitUntil(Time),
    Answer(Fenced),
    Begin(FenceAction),
}

impl Node {
    /// From now on hosts are fenced with this.
    pub fn fence_with(&mut self, fencer: Fencer) {
        self.fencing.fencer = Some(fencer);
        let mut told = BTreeSet::new();
        for ManagedResource { config, .. } in &self.resources {
            if let Some(fence) = config.fence.as_ref().filter(|fence| told.insert(&fence.command)) {
                info!(
                    target: &config.name,
                    "`fence-action`: the host of a silent peer is fenced before this side takes over, for {} at most",
                    span(fence.longest())
                );
            }
        }
    }

    /// The peer's host is alive.
    pub(super) fn note_peer_host(&mut self, now: Time) {
        self.fencing.heard = Some(now);
    }

    /// The machine of a resource asks.
    pub(super) fn ask_for_fence(&mut self, index: usize, asked: Time) {
        self.fencing.asks.insert(index, Ask { at: asked, heard_again: None });
    }

    /// Does what is to be done, and takes the ends of runs.
    pub(super) fn fence(&mut self, now: Time) {
        let Fencing { asks, heard, .. } = &mut self.fencing;
        for ask in asks.values_mut().filter(|ask| ask.heard_again.is_none()) {
            ask.heard_again = heard.filter(|heard| *heard > ask.at);
        }
        self.forget_asks();
        while let Some(end) = self.fencing.fencer.as_ref().and_then(Fencer::end) {
            self.fence_ended(&end, now);
        }
        self.fencing.look_at = None;
        if self.fencing.asks.is_empty() {
            return;
        }
        // There may be thousands of each.
        let is_heard = self.resources.iter().any(|resource| {
            !resource.life.has_ended()
                && !resource.life.is_removed()
                && resource.protocol.machine().peer.alive
        });
        for (index, ask) in self.fencing.asks.clone() {
            let asked = ask.at;
            match self.next_step(index, ask, is_heard, now) {
                Step::Wait => {}
                Step::WaitUntil(at) => {
                    self.fencing.look_at =
                        self.fencing.look_at.map_or(Some(at), |earlier| Some(at.min(earlier)));
                }
                Step::Answer(outcome) => self.answer_fence(index, asked, outcome, now),
                Step::Begin(fence) => self.begin_fence(index, asked, &fence, now),
            }
        }
    }

    /// When it may be clear that the peer's host is silent.
    pub(super) fn next_fence(&self) -> Option<Time> {
        self.fencing.look_at
    }

    /// Machines that wait no more, because the peer is heard or an operator has decided.
    fn forget_asks(&mut self) {
        let Fencing { asks, runs, .. } = &mut self.fencing;
        if asks.is_empty() && runs.is_empty() {
            return;
        }
        let resources = &self.resources;
        asks.retain(|index, ask| {
            let resource = &resources[*index];
            resource.protocol.machine().fence.asked == Some(ask.at) && !resource.life.has_ended()
        });
        for run in runs.iter_mut().filter(|run| !run.is_in_vain) {
            let waits = |(index, ask): (&usize, &Ask)| {
                ask.heard_again.is_none() && command(&resources[*index]) == Some(&run.command)
            };
            if !asks.iter().any(waits) {
                run.is_in_vain = true;
                run.ticket.give_up();
            }
        }
    }

    /// `is_heard`: the peer is alive for some resource.
    fn next_step(&self, index: usize, ask: Ask, is_heard: bool, now: Time) -> Step {
        let Fencing { runs, confirmed, heard, .. } = &self.fencing;
        let resource = &self.resources[index];
        let Some(fence) = &resource.config.fence else { return Step::Answer(Fenced::NotConfirmed) };
        let protocol = &resource.protocol;
        let patience = protocol.machine().peer.timeout(protocol.settings());
        if let Some(again) = ask.heard_again {
            // Its word for this resource may be on its way.
            if now < again + patience {
                return Step::WaitUntil(again + patience);
            }
            error!(
                target: &resource.config.name,
                "the peer is heard, but not for this resource: its host is not fenced"
            );
            return Step::Answer(Fenced::NotConfirmed);
        }
        let silent_at = heard.map(|heard| heard + patience);
        if is_heard {
            return Step::Wait;
        }
        if let Some(silent_at) = silent_at.filter(|silent_at| now < *silent_at) {
            return Step::WaitUntil(silent_at);
        }
        let counts = |began: Time| heard.is_none_or(|heard| began >= heard);
        let is_fresh = |known: &&Confirmed| known.command == fence.command && now < known.ended + FRESH;
        if confirmed.iter().filter(is_fresh).any(|known| counts(known.began)) {
            return Step::Answer(Fenced::Off);
        }
        if runs.iter().any(|run| run.command == fence.command) {
            return Step::Wait;
        }
        Step::Begin(fence.clone())
    }

    fn begin_fence(&mut self, index: usize, asked: Time, fence: &FenceAction, now: Time) {
        let resource = &self.resources[index];
        if let Some(facts) = self.executor.facts_mut(index) {
            facts.epoch = resource.protocol.machine().epochs.own;
            facts.local_reason.clone_from(&resource.local.reason);
            facts.remote_reason.clone_from(&resource.remote.reason);
        }
        let name = resource.config.name.to_string();
        let reason = if resource.remote.at.is_some() { "silent" } else { "never-heard" };
        let command = self.executor.fence_command(index, &fence.command);
        let begun = match (command, &mut self.fencing.fencer) {
            (Some(mut command), Some(fencer)) => {
                command.env("REASON", reason);
                fencer.begin(&name, fence, command).map_err(|error| error.to_string())
            }
            (None, _) | (_, None) => Err("this daemon cannot run it".to_owned()),
        };
        match begun {
            Ok(ticket) => {
                let command = fence.command.clone();
                self.fencing.runs.push(Run { command, began: now, ticket, is_in_vain: false });
            }
            Err(error) => {
                error!(target: &name, "fence-action can't begin: {error}");
                self.answer_fence(index, asked, Fenced::NotConfirmed, now);
            }
        }
    }

    fn fence_ended(&mut self, end: &FenceEnd, now: Time) {
        let Some(place) = self.fencing.runs.iter().position(|run| run.ticket.is_of(end)) else { return };
        let Run { command: text, began, is_in_vain, .. } = self.fencing.runs.swap_remove(place);
        // The peer may have been heard for a resource that does not wait.
        let is_in_vain = is_in_vain || self.fencing.heard.is_some_and(|heard| began < heard);
        self.figures.fenced(end.is_confirmed, is_in_vain);
        if is_in_vain {
            warn!("{end}; the peer was heard meanwhile, or an operator has decided: it counts for nothing");
            return;
        }
        let asks = std::mem::take(&mut self.fencing.asks);
        let (waiting, others) =
            asks.into_iter().partition(|(index, _)| command(&self.resources[*index]) == Some(&text));
        self.fencing.asks = others;
        let waiting: BTreeMap<usize, Ask> = waiting;
        let for_all = match waiting.len() {
            0 | 1 => String::new(),
            count => format!(" (for {count} resources)"),
        };
        for (number, index) in waiting.keys().enumerate() {
            self.tell_fence(*index, &format!("{end}{for_all}"), end.is_confirmed, number == 0);
        }
        if end.is_confirmed {
            self.fencing.confirmed.retain(|known| known.command != text);
            self.fencing.confirmed.push(Confirmed { command: text, began, ended: now });
        }
        let outcome = if end.is_confirmed { Fenced::Off } else { Fenced::NotConfirmed };
        for (index, ask) in waiting {
            self.resources[index].fence_failed = (!end.is_confirmed).then(|| end.to_string());
            self.answer_fence(index, ask.at, outcome, now);
        }
    }

    /// Once in the log, and for each resource in its history and for the hook.
    fn tell_fence(&self, index: usize, text: &str, is_confirmed: bool, is_first: bool) {
        let name = &self.resources[index].config.name;
        if is_first && is_confirmed {
            warn!(target: name, "{text}");
        } else if is_first {
            error!(target: name, "{text}");
        }
        self.history.tell(Arc::clone(name), HistoryKind::Service, text.to_owned(), None);
        let event = if is_confirmed { "fenced" } else { "not-fenced" };
        self.hook.tell(|| HookEvent {
            name: event,
            resource: name.to_string(),
            text: text.to_owned(),
            details: Vec::new(),
        });
    }

    fn answer_fence(&mut self, index: usize, asked: Time, outcome: Fenced, now: Time) {
        self.fencing.asks.remove(&index);
        self.give(index, Event::Fenced(asked, outcome), now);
    }

    /// That this side waits for the peer's host to be off, or could not find out.
    pub(super) fn fence_troubles(
        &self,
        index: usize,
        resource: &ManagedResource,
        now: Time,
    ) -> impl Iterator<Item = String> + use<> {
        let machine = resource.protocol.machine();
        let fence = &machine.fence;
        let runs = self.fencing.runs.iter().find(|run| Some(&run.command) == command(resource));
        let waits = machine.waits_for_fence(resource.protocol.settings()).then(|| {
            let begins = "waits for the peer's host to be off (`fence-action`)";
            match (runs.filter(|_| self.fencing.asks.contains_key(&index)), fence.failed) {
                (Some(run), 0) => format!("{begins}, which has begun {} ago", span(now.since(run.began))),
                (Some(run), failed) => {
                    format!(
                        "{begins}, which has begun {} ago; not confirmed {failed} time(s) before",
                        span(now.since(run.began))
                    )
                }
                (None, 0) => format!("{begins}, which has not begun yet"),
                (None, failed) => {
                    format!(
                        "{begins}; not confirmed {failed} time(s); takeover by force does not wait for it"
                    )
                }
            }
        });
        let failed = resource.fence_failed.clone().filter(|_| fence.failed > 0);
        waits.into_iter().chain(failed)
    }
}

/// Whether this side waits, and how often it has not found out; `None` without a `fence-action`.
pub(super) fn facts(resource: &ManagedResource) -> Option<FenceFacts> {
    resource.config.fence.as_ref()?;
    let machine = resource.protocol.machine();
    let waits = machine.waits_for_fence(resource.protocol.settings());
    Some(FenceFacts { waits, not_confirmed: machine.fence.failed })
}

fn command(resource: &ManagedResource) -> Option<&String> {
    resource.config.fence.as_ref().map(|fence| &fence.command)
}
