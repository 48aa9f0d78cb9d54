//! Echoes to the hosts of `ping-address`: whether this one is isolated (`docs/adr/0096-evidence-of-isolation.md`).
//!
//! * `echo`: the packets
//! * `socket`: the sockets, for which a right is needed
//!
//! It has a thread of its own, so that neither a kernel nor a flood of answers delays a heartbeat.

mod echo;
mod socket;

use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use mio::Waker;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use schrittmacher_config::{Config, PingTarget};
use schrittmacher_protocol::Evidence;

use self::socket::Family;

/// Rounds without an answer after which a target counts as silent. Later answers count for nothing.
const ROUNDS: u16 = 3;

/// What the thread has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// No target answers, or one answers again.
    Isolated(bool),
    /// Whether each of the targets answers, in the order of the configuration.
    Answers(Vec<bool>),
    /// Why echoes cannot be sent; `None`: they can again.
    Trouble(Option<String>),
}

/// The event loop's end of the thread.
#[derive(Debug)]
pub struct Pings {
    waker: Arc<Waker>,
    targets: Vec<PingTarget>,
    ping_timeout: Duration,
    running: Option<Running>,
}

/// The thread ends with it.
#[derive(Debug)]
struct Running {
    found: Receiver<Found>,
    _wanted: Arc<()>,
}

impl Pings {
    /// Starts the thread, if there are targets.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or the system has no random numbers.
    pub fn start(config: &Config, waker: Arc<Waker>) -> io::Result<Pings> {
        let mut pings =
            Pings { waker, targets: Vec::new(), ping_timeout: config.ping_timeout(), running: None };
        pings.adjust(config)?;
        Ok(pings)
    }

    /// Another configuration: what is known is known no more, if it has other targets or another time. True if so.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or the system has no random numbers.
    pub fn adjust(&mut self, config: &Config) -> io::Result<bool> {
        let (targets, ping_timeout) = (&config.core.ping, config.ping_timeout());
        if (&self.targets, self.ping_timeout) == (targets, ping_timeout) {
            return Ok(false);
        }
        // Until the thread runs this is not in force: the next reload tries again.
        (self.targets, self.running) = (Vec::new(), None);
        if !targets.is_empty() {
            let ((told, found), wanted) = (channel(), Arc::new(()));
            let round = Round::new(targets, Evidence::period(ping_timeout))?;
            let (waker, is_wanted) = (Arc::clone(&self.waker), Arc::downgrade(&wanted));
            thread::Builder::new()
                .name("ping".to_owned())
                .spawn(move || round.run(&told, &waker, &is_wanted))?;
            self.running = Some(Running { found, _wanted: wanted });
        }
        (self.targets, self.ping_timeout) = (targets.clone(), ping_timeout);
        Ok(true)
    }

    /// The next thing that was found out.
    pub fn found(&self) -> Option<Found> {
        self.running.as_ref()?.found.try_recv().ok()
    }

    pub fn targets(&self) -> &[PingTarget] {
        &self.targets
    }

    pub fn ping_timeout(&self) -> Duration {
        self.ping_timeout
    }
}

/// The thread's own.
struct Round {
    targets: Vec<Target>,
    families: Vec<Family>,
    period: Duration,
    /// Only a host that sees our echoes knows it.
    cookie: echo::Cookie,
    number: u16,
    evidence: Evidence,
    told: Vec<bool>,
    trouble: Option<String>,
}

struct Target {
    place: PingTarget,
    /// The number of the newest echo that it has answered.
    answered: Option<u16>,
}

impl Round {
    fn new(targets: &[PingTarget], period: Duration) -> io::Result<Round> {
        let mut cookie = echo::Cookie::default();
        getrandom::fill(&mut cookie).map_err(io::Error::other)?;
        let has = |wanted: fn(&IpAddr) -> bool| targets.iter().any(|target| wanted(&target.address));
        let families = [(false, has(IpAddr::is_ipv4)), (true, has(IpAddr::is_ipv6))];
        Ok(Round {
            targets: targets.iter().map(|place| Target { place: place.clone(), answered: None }).collect(),
            families: families
                .into_iter()
                .filter(|(_, is_used)| *is_used)
                .map(|(v6, _)| Family::new(v6))
                .collect(),
            period,
            cookie,
            number: 0,
            evidence: Evidence::default(),
            told: Vec::new(),
            trouble: None,
        })
    }

    /// Until nobody wants it any more.
    fn run(mut self, told: &Sender<Found>, waker: &Waker, is_wanted: &Weak<()>) {
        let mut next = Instant::now();
        while is_wanted.strong_count() > 0 {
            let mut found = self.hear();
            let now = Instant::now();
            if now >= next {
                // A thread that was late sends no more rounds for that.
                next = (next + self.period).max(now + self.period / 2);
                found.extend(self.send());
            }
            if !found.is_empty() {
                for one in found {
                    if told.send(one).is_err() {
                        return;
                    }
                }
                // A waker that fails is asked again by the next news.
                let _: io::Result<()> = waker.wake();
            }
            self.wait(next.saturating_duration_since(Instant::now()));
        }
    }

    fn wait(&self, limit: Duration) {
        let sockets = self.families.iter().filter_map(Family::socket);
        let mut ready: Vec<PollFd<'_>> =
            sockets.map(|socket| PollFd::new(socket, PollFlags::POLLIN)).collect();
        // A second at most: an end is noticed then.
        let limit = PollTimeout::try_from(limit.min(Duration::from_secs(1)) + Duration::from_millis(1))
            .unwrap_or(PollTimeout::MAX);
        // An interrupted wait is repeated by the loop.
        let _: nix::Result<i32> = poll(&mut ready, limit);
    }

    /// Takes the answers that have come.
    fn hear(&mut self) -> Vec<Found> {
        let mut is_answered = false;
        for family in &mut self.families {
            let targets = &mut self.targets;
            family.hear(&self.cookie, |from, number| {
                let target = targets.iter_mut().find(|target| target.place.address == from);
                if let Some(target) = target.filter(|_| self.number.wrapping_sub(number) <= ROUNDS) {
                    target.answered = Some(number);
                    is_answered = true;
                }
            });
        }
        let news = is_answered.then(|| self.evidence.answer()).flatten();
        let answers = is_answered.then(|| self.answers()).flatten();
        answers.into_iter().chain(news.map(Found::Isolated)).collect()
    }

    /// Which targets answer, if that is news.
    fn answers(&mut self) -> Option<Found> {
        let lately = |number| self.number.wrapping_sub(number) <= ROUNDS;
        let answers: Vec<bool> =
            self.targets.iter().map(|target| target.answered.is_some_and(lately)).collect();
        // Before anything can have come they are not called silent.
        let is_early = self.told.is_empty() && self.number <= ROUNDS && !answers.contains(&true);
        if self.told == answers || is_early {
            return None;
        }
        self.told.clone_from(&answers);
        Some(Found::Answers(answers))
    }

    /// Sends a round.
    fn send(&mut self) -> Vec<Found> {
        let troubles: Vec<String> =
            self.families.iter_mut().filter_map(|family| family.open().err()).collect();
        let trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
        let mut found = Vec::new();
        if trouble != self.trouble {
            self.trouble.clone_from(&trouble);
            found.push(Found::Trouble(trouble));
        }
        // What cannot ask all has no evidence.
        if self.families.iter().any(|family| family.socket().is_none()) {
            return found;
        }
        let news = self.evidence.round();
        for target in &mut self.targets {
            // An answer that is so old that its number comes again.
            target.answered = target.answered.filter(|number| self.number.wrapping_sub(*number) <= ROUNDS);
        }
        self.number = self.number.wrapping_add(1);
        found.extend(self.answers());
        found.extend(news.map(Found::Isolated));
        for target in &self.targets {
            let family = self.families.iter().find(|family| family.is_of(target.place.address));
            if let Some(family) = family {
                family.send(&target.place, &self.cookie, self.number);
            }
        }
        found
    }
}
