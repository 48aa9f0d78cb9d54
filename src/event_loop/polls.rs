//! The sources in three polls, by how soon what they say has to be looked at.
//!
//! Urgent ones wake the loop at any time. The other polls are sources of the first one, but not while they rest ([`Rest`]): what
//! comes all the time is then found by a look from time to time, so that it does not wake the loop each time.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Waker};

use super::clock;
use super::rest::Rest;
use crate::token::Source;

/// The pause of commands and other threads while they wake the loop all the time: nothing beside what they lead to.
const WORK_APART: Duration = Duration::from_millis(1);

/// Orders to this number of applications in one turn, or more, are followed by a pause for their reports: this time for each, and
/// this one at most.
const MANY: u32 = 16;
const FOR_EACH: Duration = Duration::from_micros(15);
const LONGEST: Duration = Duration::from_millis(15);

/// Which poll a source is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// The peer, time limits and ends of applications wake the loop at any time.
    Urgent,
    /// Commands, signals and what other threads hand over. Ten thousand commands begin and end at once, perhaps.
    Work,
    /// Reports of applications. Thousands come in each second, and nearly all say what is known.
    Report,
}

/// The polls.
pub struct Polls {
    urgent: Poll,
    resting: [RestingPoll; 2],
}

struct RestingPoll {
    poll: Poll,
    source: Source,
    rest: Rest,
    /// It wakes the loop.
    is_watched: bool,
    /// It is to be looked at.
    is_due: bool,
}

impl RestingPoll {
    fn new(source: Source, apart: Duration) -> io::Result<RestingPoll> {
        Ok(RestingPoll {
            poll: Poll::new()?,
            source,
            rest: Rest::new(apart),
            is_watched: false,
            is_due: false,
        })
    }

    /// It wakes the loop from now on, or does not.
    fn set_watched(&mut self, watched: bool, urgent: &Registry) -> io::Result<()> {
        if self.is_watched != watched {
            let descriptor = self.poll.registry().as_fd().as_raw_fd();
            let mut source = SourceFd(&descriptor);
            if watched {
                urgent.register(&mut source, self.source.into(), Interest::READABLE)?;
            } else {
                urgent.deregister(&mut source)?;
            }
            self.is_watched = watched;
        }
        Ok(())
    }
}

impl Polls {
    /// The polls, and the handle by which other threads wake the loop.
    ///
    /// # Errors
    ///
    /// The system has no descriptors left.
    pub fn new() -> io::Result<(Polls, Arc<Waker>)> {
        let resting =
            [RestingPoll::new(Source::Work, WORK_APART)?, RestingPoll::new(Source::Reports, WORK_APART)?];
        let polls = Polls { urgent: Poll::new()?, resting };
        let waker = Arc::new(Waker::new(polls.registry(Urgency::Work), Source::Wake.into())?);
        Ok((polls, waker))
    }

    /// Where sources of this urgency are registered.
    pub fn registry(&self, urgency: Urgency) -> &Registry {
        match urgency {
            Urgency::Urgent => self.urgent.registry(),
            Urgency::Work => self.resting[0].poll.registry(),
            Urgency::Report => self.resting[1].poll.registry(),
        }
    }

    /// Reports wait this long at most, and no less than work does.
    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.resting[1].rest.set_apart(patience.max(WORK_APART));
    }

    /// This number of applications was told something in this turn. Many of them have the processor before they are heard again. Otherwise
    /// the loop, which has real-time priority, would hear the first ones while the others wait for its processor.
    pub(super) fn give_way(&mut self, told: u32) {
        if told >= MANY {
            let pause = (FOR_EACH * told).min(LONGEST);
            self.resting[1].rest.wait(pause, clock::now());
        }
    }

    /// Waits until a source that does not rest is ready, or a rest is over, and for this time at most, if there is one. `events`
    /// are those of the urgent sources.
    pub(super) fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let (now, mut left) = (clock::now(), timeout);
        for one in &mut self.resting {
            let rests = one.rest.left(now);
            one.set_watched(rests.is_none(), self.urgent.registry())?;
            left = [left, rests].into_iter().flatten().min();
        }
        poll(&mut self.urgent, events, left)?;
        let now = clock::now();
        for one in &mut self.resting {
            // Who knows that more waits does not rest. What is awake anyway need not be woken soon.
            let is_over = || timeout == Some(Duration::ZERO) || one.rest.is_half_over(now);
            let is_found = || events.iter().any(|event| event.token() == one.source.into());
            one.is_due = if one.is_watched { is_found() } else { is_over() };
        }
        Ok(())
    }

    /// What a poll that is due has, if one is.
    pub(super) fn next(&mut self, events: &mut Events) -> io::Result<bool> {
        let Some(one) = self.resting.iter_mut().find(|one| one.is_due) else { return Ok(false) };
        one.is_due = false;
        poll(&mut one.poll, events, Some(Duration::ZERO))?;
        if !events.is_empty() {
            one.rest.note_turn(clock::now());
        }
        Ok(true)
    }
}

fn poll(poll: &mut Poll, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
    match poll.poll(events, timeout) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        result => result,
    }
}
