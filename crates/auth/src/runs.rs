//! Without a key: each daemon names its run, and the run of the other one.
//!
//! A daemon draws a number at its start. Its messages to a peer of ours say it, beside the number that the peer has said last.
//! As soon as the peer has named our number, only messages that name it count. Somebody who can send with the peer's address,
//! but cannot read what the daemons say, does not know it (`docs/adr/0034-runs.md`).

use std::time::Duration;

/// The pause between two answers to messages that name no run of ours: ten a second.
const PAUSE: Duration = Duration::from_millis(100);

/// One daemon's half of what two runs know of each other.
#[derive(Clone, Debug)]
pub struct Runs {
    own: u64,
    /// The peer's, as far as it was heard.
    peer: Option<u64>,
    /// The peer has named ours.
    demands: bool,
    answered: Option<Duration>,
}

/// What a message of the peer's address is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    Counts,
    /// A peer that has just started does not know our run: one message of ours tells it.
    Answer,
    Nothing,
}

impl Runs {
    /// A run that begins now, with a number that nobody can guess.
    pub fn new(own: u64) -> Runs {
        Runs { own, peer: None, demands: false, answered: None }
    }

    pub fn own(&self) -> u64 {
        self.own
    }

    pub fn peer(&self) -> Option<u64> {
        self.peer
    }

    /// Whether only messages that name our run count.
    pub fn demands(&self) -> bool {
        self.demands
    }

    /// The peer is silent, or ends: a version that names no runs may follow.
    pub fn forget_demand(&mut self) {
        self.demands = false;
    }

    /// Judges a message that has arrived now and names these runs: its sender's, and ours.
    pub fn judge(&mut self, run: Option<(u64, Option<u64>)>, now: Duration) -> Worth {
        let names_ours = run.is_some_and(|(_, ours)| ours == Some(self.own));
        if names_ours || !self.demands {
            self.peer = run.map(|(own, _)| own).or(self.peer);
            self.demands |= names_ours;
            return Worth::Counts;
        }
        let may_answer = self.answered.is_none_or(|last| now.saturating_sub(last) >= PAUSE);
        if run.is_some() && may_answer {
            self.answered = Some(now);
            return Worth::Answer;
        }
        Worth::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    /// What a side says now.
    fn said(side: &Runs) -> Option<(u64, Option<u64>)> {
        Some((side.own(), side.peer()))
    }

    /// Two sides that know each other.
    fn pair() -> (Runs, Runs) {
        let (mut a, mut b) = (Runs::new(1), Runs::new(2));
        assert_eq!(b.judge(said(&a), NOW), Worth::Counts);
        assert_eq!(a.judge(said(&b), NOW), Worth::Counts);
        assert_eq!(b.judge(said(&a), NOW), Worth::Counts);
        assert!(a.demands() && b.demands());
        (a, b)
    }

    #[test]
    fn only_messages_that_name_our_run_count_once_the_peer_has_done_so() {
        let (_, mut b) = pair();
        for forged in [None, Some((1, None)), Some((1, Some(3))), Some((9, Some(1)))] {
            assert_ne!(b.judge(forged, NOW), Worth::Counts, "{forged:?}");
        }
        assert_eq!(b.peer(), Some(1), "it does not even make us name another run");
    }

    #[test]
    fn a_peer_that_was_killed_and_starts_is_heard_after_one_answer() {
        let (_, mut b) = pair();
        let mut a = Runs::new(3);
        assert_eq!(b.judge(said(&a), NOW), Worth::Answer);
        assert_eq!(a.judge(said(&b), NOW), Worth::Counts, "it demands nothing yet");
        assert_eq!(b.judge(said(&a), NOW), Worth::Counts);
        assert_eq!(a.judge(said(&b), NOW), Worth::Counts);
        assert!(a.demands());
    }

    #[test]
    fn a_forger_earns_ten_answers_a_second() {
        let (_, mut b) = pair();
        let second = (0..1000).map(|ms| b.judge(Some((9, None)), Duration::from_millis(ms)));
        assert_eq!(second.filter(|worth| *worth == Worth::Answer).count(), 10);
    }

    /// It names no run and demands none.
    #[test]
    fn a_peer_of_an_older_version_is_believed_as_before() {
        let mut b = Runs::new(2);
        for _ in 0..3 {
            assert_eq!(b.judge(None, NOW), Worth::Counts);
        }
        let (_, mut b) = pair();
        b.forget_demand();
        assert_eq!(b.judge(None, NOW), Worth::Counts, "after the end of the peer");
    }

    /// A message of the peer's earlier run was overtaken by one of its next.
    #[test]
    fn a_late_message_of_an_earlier_run_does_no_harm_for_long() {
        let (a, mut b) = pair();
        let late = said(&a);
        let mut a = Runs::new(3);
        b.judge(said(&a), NOW);
        a.judge(said(&b), NOW);
        b.judge(said(&a), NOW);
        assert_eq!(a.judge(said(&b), NOW), Worth::Counts);
        assert_eq!(b.judge(late, NOW), Worth::Counts);
        assert_eq!(a.judge(said(&b), NOW), Worth::Answer, "b names the earlier run of a");
        assert_eq!(b.judge(said(&a), NOW), Worth::Counts);
        assert_eq!(a.judge(said(&b), NOW), Worth::Counts);
    }
}
