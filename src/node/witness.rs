//! The third vote: the promises in messages, the questions of resources to the witness, and its answers.

use std::time::Duration;

use log::{info, warn};
use schrittmacher_config::PolicyWord;
use schrittmacher_protocol::{Answer, Epochs, Event, Promise, Time, WitnessOrder};
use schrittmacher_text::span;
use schrittmacher_wire::{Message, Promised, Run, Trip};

use super::Node;
use super::resource::ManagedResource;
use crate::admin::snapshot::WitnessFacts;
use crate::witness::pace::{self, Pace};
use crate::witness::{Told, Witness};

/// How often it is looked whether the witness answers, if nobody has asked it.
const LOOK: Duration = Duration::from_secs(10);

/// This node's end of the third vote.
#[derive(Debug, Default)]
pub(super) struct Vote {
    witness: Option<Witness>,
    /// Resources whose question could not be handed on.
    unasked: Vec<usize>,
    /// How it answers.
    facts: WitnessFacts,
    next_look: Time,
}

/// `None` if it is `available` and was meant so.
pub(super) fn policy_in_force(resource: &ManagedResource) -> Option<PolicyWord> {
    match resource.config.policy {
        PolicyWord::Available => None,
        PolicyWord::Manual => Some(PolicyWord::Manual),
        PolicyWord::Consistent => {
            let rule = resource.protocol.machine().rule(resource.protocol.settings());
            Some(rule.map_or(PolicyWord::Available, |_| PolicyWord::Consistent))
        }
    }
}

/// What an operator is told of a witness that may answer too late.
fn slow_witness(answer: Duration, promise: Duration) -> String {
    format!(
        "the witness took {} to answer, and a question has {}: give a longer `promise`, or mend the witness",
        span(answer),
        span(pace::limit(promise))
    )
}

impl Node {
    /// From now on this is the third vote.
    pub fn ask_witness(&mut self, witness: Option<Witness>) {
        self.vote.witness = witness;
        for ManagedResource { config, .. } in &self.resources {
            match config.policy {
                PolicyWord::Available => {}
                PolicyWord::Manual => {
                    info!(target: &config.name, "`policy` = manual: no take-over on silence alone");
                }
                PolicyWord::Consistent => info!(
                    target: &config.name,
                    "`policy` = consistent: hot with the word of the peer or the witness, each for {} s",
                    config.promise.as_secs_f64()
                ),
            }
        }
    }

    /// How the witness answers, if there is one.
    pub(super) fn witness_facts(&self) -> Option<WitnessFacts> {
        self.vote.witness.as_ref().map(|_| self.vote.facts)
    }

    pub(super) fn tell_witness(&mut self, index: usize, order: WitnessOrder, now: Time) {
        let resource = &self.resources[index];
        let promise = resource.protocol.settings().policy.promise().unwrap_or_default();
        let (vote, name) = (&mut self.vote, &resource.config.name);
        let is_told =
            vote.witness.as_ref().is_some_and(|witness| witness.tell(index, name, order, now, promise));
        if !is_told && order == WitnessOrder::Ask {
            vote.unasked.push(index);
        }
    }

    /// Takes the answers that have come.
    pub(super) fn hear_witness(&mut self, now: Time) {
        for index in std::mem::take(&mut self.vote.unasked) {
            self.hear_answer(index, Answer::Unreachable, now);
        }
        while let Some(told) = self.vote.witness.as_ref().and_then(Witness::told) {
            self.note_told(&told, now);
            if let Some((index, answer)) = told.answer {
                self.learn_revision(index, answer, told.revision, now);
                self.hear_answer(index, answer, now);
            }
        }
    }

    fn hear_answer(&mut self, index: usize, answer: Answer, now: Time) {
        let facts = &mut self.vote.facts;
        *match answer {
            Answer::Granted(_) => &mut facts.granted,
            Answer::Refused => &mut facts.refused,
            Answer::Unreachable => &mut facts.unreachable,
        } += 1;
        self.give(index, Event::Witness(answer), now);
    }

    /// A side that is about to take the role goes on above the witness's revision: it may have lost its disk, and the other one
    /// its host.
    fn learn_revision(&mut self, index: usize, answer: Answer, revision: u64, now: Time) {
        let machine = self.resources[index].protocol.machine();
        // One that goes on with an application of before, and knows no number, needs it as well.
        let needs_it = !machine.serves() || machine.epochs.own == 0;
        if matches!(answer, Answer::Granted(_)) && needs_it {
            self.give_alone(index, Event::Epochs(Epochs { own: 0, greatest: revision }), now);
        }
    }

    fn note_told(&mut self, told: &Told, now: Time) {
        if told.answers.is_some() {
            self.vote.facts.answers = told.answers;
        }
        self.vote.facts.alarm = told.alarm.unwrap_or(self.vote.facts.alarm);
        let Some(took) = told.took else { return };
        let longest = self.vote.facts.pace.get_or_insert_default().note(took, now);
        if took > longest {
            self.warn_of_slow_witness(took, longest);
        }
    }

    /// Once, and again when the longest answer before it is forgotten.
    fn warn_of_slow_witness(&self, took: Duration, before: Duration) {
        if let Some(promise) = self.promises().min().filter(|promise| pace::is_slow(took, *promise))
            && !pace::is_slow(before, promise)
        {
            warn!("{}", slow_witness(took, promise));
        }
    }

    /// When it is looked whether the witness answers.
    pub(super) fn next_look_at_witness(&self) -> Option<Time> {
        self.vote.witness.as_ref().map(|_| self.vote.next_look)
    }

    /// A witness that is not needed for months has to be known to be there.
    pub(super) fn look_at_witness(&mut self, now: Time) {
        if let Some(witness) = self.vote.witness.as_ref().filter(|_| now >= self.vote.next_look) {
            witness.look(now, self.promises().max().unwrap_or_default());
            self.vote.next_look = now + LOOK;
        }
    }

    /// Of all resources under the rule.
    fn promises(&self) -> impl Iterator<Item = Duration> {
        let there = self.resources.iter().filter(|resource| !resource.life.is_removed());
        there.filter_map(|resource| resource.protocol.settings().policy.promise())
    }

    /// Other files and another user, for a witness that is asked at once.
    pub(super) fn configure_witness(&mut self, now: Time) {
        if self.vote.witness.as_mut().is_some_and(|witness| witness.configure(&self.core)) {
            self.vote.next_look = now;
        }
    }

    /// That the third vote is missing, or the rule is not in force.
    pub(super) fn vote_troubles(&self, resource: &ManagedResource) -> impl Iterator<Item = String> + use<> {
        let is_consistent = resource.config.policy == PolicyWord::Consistent;
        let is_ignored = is_consistent && policy_in_force(resource) == Some(PolicyWord::Available);
        let is_mute = is_consistent && !self.is_promise_kept(resource);
        let mute = is_mute.then(|| {
            "`state-directory` cannot be written: this side promises nothing, and the other one needs the witness".to_owned()
        });
        let is_alone = is_consistent && self.vote.facts.answers == Some(false);
        let ignored = is_ignored.then(|| {
            "`policy` = available is in force: the peer does not follow `consistent`, and both sides may serve".to_owned()
        });
        let alone = is_alone.then(|| {
            "the witness does not answer: this side serves as long as the peer is heard, and no longer"
                .to_owned()
        });
        let has_alarm = is_consistent && self.vote.facts.alarm;
        let alarm = has_alarm.then(|| {
            "the witness tells of an alarm (`etcdctl alarm list`), and may grant nothing".to_owned()
        });
        let promise = resource.protocol.settings().policy.promise();
        let slow = self.vote.facts.pace.zip(promise).and_then(|(Pace { longest, .. }, promise)| {
            pace::is_slow(longest, promise).then(|| slow_witness(longest, promise))
        });
        ignored.into_iter().chain(alone).chain(mute).chain(alarm).chain(slow)
    }

    /// For how long a message that leaves now promises to take no role.
    pub(super) fn told_promise(
        &mut self,
        index: usize,
        until: Time,
        trip: Option<Trip>,
        run: Run,
    ) -> Promised {
        let heard = trip.and_then(|trip| Some((trip, self.trips.newest_of(run.peer?)?)));
        let Some((trip, (time, at))) = heard else { return Promised::default() };
        let lasts = until.since(at);
        if lasts.is_zero() || !self.may_promise(index) {
            return Promised::default();
        }
        self.resources[index].promised_trip = Some(trip.time);
        Promised { lasts, acknowledged: Some(time) }
    }

    /// What a message of the peer promises. Only the newest one counts, and only if it acknowledges one of this run.
    pub(super) fn promise_of(
        &self,
        index: usize,
        message: &Message<'_>,
        is_newest: bool,
        now: Time,
    ) -> Option<Promise> {
        let Promised { lasts, acknowledged } = message.promise?;
        let resource = &self.resources[index];
        let names_us = message.run.is_some_and(|run| run.peer == Some(self.runs.own()));
        let acknowledged = acknowledged.filter(|_| is_newest && names_us).and_then(|time| {
            let sent = self.trips.sent_at(time, now)?;
            // The machine knows the time of the turn, and the message left a little later.
            Some(match resource.protocol.machine().majority.promised_at {
                Some(promised) if resource.promised_trip.is_some_and(|trip| time <= trip) => {
                    sent.min(promised)
                }
                Some(_) | None => sent,
            })
        });
        Some(Promise { acknowledged, lasts })
    }
}
