//! The last events of one resource, for people; `schrittmacherctl explain` tells them.

use std::collections::VecDeque;
use std::time::Duration;

use schrittmacher_protocol::{StateName, Time, Transition};
use schrittmacher_record::{Fact, FactKind};
use schrittmacher_text::beginning;

/// Facts that are kept of each resource: the last four failovers or more.
const FACTS: usize = 48;
/// The part of a text that is kept, in bytes. A thousand resources then hold 16 MB at most.
const TEXT: usize = 240;

/// The last facts, oldest first.
#[derive(Debug)]
pub struct Story {
    facts: VecDeque<Fact>,
    /// When the present state was entered.
    since: Time,
    /// The state that the peer last named; `None`: it is silent, or was never heard.
    peer: Option<StateName>,
    /// When it named that, or fell silent.
    peer_since: Time,
}

impl Story {
    /// Of a resource that begins now.
    pub fn new(now: Time) -> Story {
        Story { facts: VecDeque::new(), since: now, peer: None, peer_since: now }
    }

    /// The state that the peer last named; `None`: it is silent, or was never heard.
    pub fn peer_state(&self) -> Option<StateName> {
        self.peer
    }

    /// When it named that, or fell silent.
    pub fn peer_since(&self) -> Time {
        self.peer_since
    }

    /// All of it.
    pub fn facts(&self) -> Vec<Fact> {
        self.facts.iter().cloned().collect()
    }

    /// This node has changed its state.
    pub fn changed(&mut self, change: &Transition, why: String, reason: Option<String>, now: Time) {
        let Transition { from, to, .. } = *change;
        let lasted: Duration = now.since(std::mem::replace(&mut self.since, now));
        let reason = reason.filter(|reason| !reason.is_empty()).map(shortened);
        self.add(FactKind::State { from, to, lasted, why: shortened(why), reason }, now);
    }

    /// The peer has named its state; `None`: it has fallen silent. A state named before is no news.
    pub fn peer(&mut self, state: Option<StateName>, reason: Option<&str>, now: Time) {
        if std::mem::replace(&mut self.peer, state) != state {
            self.peer_since = now;
            let reason =
                reason.filter(|reason| !reason.is_empty()).map(|reason| shortened(reason.to_owned()));
            self.add(FactKind::Peer { state, reason }, now);
        }
    }

    /// A command has ended.
    pub fn command(&mut self, text: String, failed: bool, now: Time) {
        self.add(FactKind::Command { text: shortened(text), failed }, now);
    }

    /// An operator has given an order.
    pub fn order(&mut self, text: String, now: Time) {
        self.add(FactKind::Order { text: shortened(text) }, now);
    }

    fn add(&mut self, what: FactKind, now: Time) {
        if self.facts.len() == FACTS {
            self.facts.pop_front();
        }
        // A settled resource has few, and there are thousands of it.
        self.facts.reserve_exact(1);
        self.facts.push_back(Fact { at: now, what });
    }
}

fn shortened(text: String) -> String {
    beginning(text, TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_of_the_peer_are_facts() {
        let mut story = Story::new(Time::ZERO);
        for state in [Some(StateName::Hot), Some(StateName::Hot), None, None, Some(StateName::Hot)] {
            story.peer(state, None, Time::ZERO);
        }
        assert_eq!(story.facts().len(), 3);
    }

    /// A peer that changes its mind all day, and a reason as long as a datagram.
    #[test]
    fn a_story_does_not_grow_without_bound() {
        let mut story = Story::new(Time::ZERO);
        for round in 0..1000 {
            let state = if round % 2 == 0 { StateName::Hot } else { StateName::Failed };
            story.peer(Some(state), Some(&"x".repeat(60_000)), Time::ZERO);
        }
        let facts = story.facts();
        assert_eq!(facts.len(), FACTS);
        let FactKind::Peer { reason: Some(reason), .. } = &facts[0].what else { panic!("{:?}", facts[0]) };
        assert!(reason.len() <= TEXT + '…'.len_utf8());
    }
}
