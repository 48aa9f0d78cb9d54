//! The paths to the peer: which copy of a message counts, and how well each of them works (`docs/adr/0086-several-paths.md`).
//!
//! With one path nothing of this is in use.

use std::net::IpAddr;
use std::time::Duration;

use log::{info, warn};
use schrittmacher_api::PathHealth;
use schrittmacher_auth::Copies;
use schrittmacher_config::Core;
use schrittmacher_protocol::Time;
use schrittmacher_wire::{Echo, Message, Run, Trip};

use super::trips::Trips;
use super::{Node, WARNING_INTERVAL};
use crate::admin::snapshot::PathFacts;

/// How often it is looked whether the interface of a path was made anew.
const LOOK: Duration = Duration::from_secs(1);
/// How often the health of the paths is judged within the silence that is a loss.
const JUDGEMENTS: u32 = 20;

/// All paths, the first one included.
#[derive(Debug)]
pub(super) struct Paths {
    list: Vec<Path>,
    copies: Copies,
    /// Since when a peer of ours is heard.
    alive_since: Option<Time>,
    next_look: Time,
    next_judgement: Time,
}

#[derive(Debug)]
struct Path {
    number: u8,
    local: String,
    remote: String,
    begun: Time,
    trips: Trips,
    /// When the last message came by it.
    heard: Option<Time>,
    /// When the last message of ours had come by it, as far as the peer's messages tell.
    heard_there: Option<Time>,
    /// It was told that it does not work.
    is_told: bool,
    /// When that was told last.
    told: Option<Time>,
    health: PathHealth,
    losses: u64,
}

impl Path {
    fn new(number: u8, local: String, remote: String, now: Time) -> Path {
        Path {
            number,
            local,
            remote,
            begun: now,
            trips: Trips::new(now),
            heard: None,
            heard_there: None,
            is_told: false,
            told: None,
            health: PathHealth::Waiting,
            losses: 0,
        }
    }

    /// `newest` is when the last message came by any path: if all are silent the peer is dead, and no path is lost.
    fn health(&self, alive_since: Time, newest: Time, patience: Duration, now: Time) -> PathHealth {
        let is_heard = self.heard.is_some_and(|heard| newest.since(heard) <= patience);
        let is_heard_there = match (self.heard, self.heard_there) {
            (Some(heard), Some(there)) => heard.since(there) <= patience,
            (_, _) => false,
        };
        match (is_heard, is_heard_there) {
            (true, true) => PathHealth::Works,
            _ if now.since(alive_since.max(self.begun)) <= patience => PathHealth::Waiting,
            (true, false) => PathHealth::PeerDoesNotHear,
            (false, _) => PathHealth::NotHeard,
        }
    }

    fn name(&self) -> String {
        format!("path {} ({} <-> {})", self.number, self.local, self.remote)
    }
}

impl Paths {
    pub fn new(core: &Core, now: Time) -> Paths {
        let mut paths = Paths {
            list: Vec::new(),
            copies: Copies::default(),
            alive_since: None,
            next_look: now,
            next_judgement: now,
        };
        paths.configure(core, now);
        paths
    }

    /// Takes the paths of a new configuration. What is known of one that stays, stays.
    pub fn configure(&mut self, core: &Core, now: Time) {
        let first = (1, core.local_address.to_string(), core.remote_address.to_string());
        let more =
            core.more_paths.iter().map(|path| (path.number, path.end(path.local), path.end(path.remote)));
        let mut before = std::mem::take(&mut self.list);
        for (number, local, remote) in std::iter::once(first).chain(more) {
            let is_same = |path: &Path| (&path.local, &path.remote) == (&local, &remote);
            let known = before.iter().position(|path| path.number == number && is_same(path));
            self.list.push(match known {
                Some(place) => before.swap_remove(place),
                None => Path::new(number, local, remote, now),
            });
        }
    }

    /// Whether the peer hears us by one that begins at one of these addresses, as far as that is known.
    pub fn work(&self, ends: &[IpAddr]) -> bool {
        let begins_there = |path: &&Path| {
            let end = path.local.split('%').next().unwrap_or_default();
            end.parse().is_ok_and(|end: IpAddr| ends.contains(&end))
        };
        let mut there = self.list.iter().filter(begins_there);
        there.any(|path| !self.are_several() || path.health == PathHealth::Works)
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.list.len() > 1
    }

    /// The numbers of all, and what a message by each tells of the newest one that has come by it.
    pub fn echoes(&self, now: Time) -> Vec<(u8, Option<Echo>)> {
        self.list.iter().map(|path| (path.number, path.trips.echo(now))).collect()
    }

    /// A message has come by a path, and counts, or one of its copies does. Tells whether it is new on this path.
    fn heard(&mut self, number: u8, run: u64, trip: Trip, now: Time) -> bool {
        let Some(path) = self.list.iter_mut().find(|path| path.number == number) else { return false };
        let is_new = path.trips.heard(run, trip, now);
        if is_new {
            path.heard = Some(now);
            let there = trip.echo.map(|echo| now - Duration::from_micros(echo.held));
            path.heard_there = path.heard_there.max(there);
        }
        is_new
    }

    /// Looks at all of them. `patience` is the silence that is a loss; `None` if no peer of ours is heard.
    fn look(&mut self, patience: Option<Duration>, now: Time) {
        let Some(patience) = patience else {
            self.alive_since = None;
            self.list.iter_mut().for_each(|path| path.health = PathHealth::NotHeard);
            return;
        };
        let alive_since = *self.alive_since.get_or_insert(now);
        let newest = self.list.iter().filter_map(|path| path.heard).max().unwrap_or(now);
        for path in &mut self.list {
            let health = path.health(alive_since, newest, patience, now);
            path.losses += u64::from(path.health == PathHealth::Works && health.is_lost());
            path.health = health;
        }
        self.tell(patience, now);
    }

    /// A line for each path that is lost, and for each that is back: at most one of both in a minute.
    fn tell(&mut self, patience: Duration, now: Time) {
        let works = |path: &&Path| path.health == PathHealth::Works;
        let left: Vec<String> = self.list.iter().filter(works).map(Path::name).collect();
        let left = match left.as_slice() {
            [] => "no path works in both directions".to_owned(),
            [one] => format!("ONLY ONE PATH TO THE PEER IS LEFT, {one}"),
            several => format!("{} paths are left", several.len()),
        };
        for path in &mut self.list {
            let why = match path.health {
                PathHealth::Waiting => continue,
                PathHealth::Works => {
                    if std::mem::take(&mut path.is_told) {
                        info!("{} to the peer works again", path.name());
                    }
                    continue;
                }
                PathHealth::NotHeard => "nothing has come by it",
                PathHealth::PeerDoesNotHear => "the peer has heard nothing by it",
            };
            let is_due = path.told.is_none_or(|told| now.since(told) >= WARNING_INTERVAL);
            if !path.is_told && is_due {
                (path.is_told, path.told) = (true, Some(now));
                warn!("{} to the peer is lost: {why} for {} s; {left}", path.name(), patience.as_secs_f64());
            }
        }
    }

    /// Every path, if there are several.
    pub fn facts(&self) -> Vec<PathFacts> {
        let fact = |path: &Path| PathFacts {
            number: path.number,
            local: path.local.clone(),
            remote: path.remote.clone(),
            health: path.health,
            heard: path.heard,
            link: path.trips.facts(),
            losses: path.losses,
        };
        if self.are_several() { self.list.iter().map(fact).collect() } else { Vec::new() }
    }
}

impl Node {
    /// A message of the peer that is for this run has come by a path. Tells whether it may count: a copy does not.
    pub(super) fn is_first_copy(&mut self, index: usize, path: u8, message: &Message<'_>, now: Time) -> Copy {
        if !self.paths.are_several() {
            return Copy::First;
        }
        let (Some(run), Some(trip)) = (message.run, message.trip) else {
            // On the first path alone: a peer that has no other one, or does not know yet that this one is of its kind.
            return if path == 1 { Copy::First } else { Copy::Repeated };
        };
        let is_new = self.paths.heard(path, run.own, trip, now);
        if !self.hears_peer() {
            self.paths.copies.peer_is_silent();
        }
        let names_ours = run.peer == Some(self.runs.own());
        match (self.paths.copies.is_first(index, run.own, names_ours, trip.number), is_new) {
            (true, _) => Copy::First,
            (false, true) => Copy::Later,
            (false, false) => Copy::Repeated,
        }
    }

    /// Whether a message is of a run of the peer that is over, and was overtaken by a faster path.
    pub(super) fn is_late_copy(&self, run: Option<Run>) -> bool {
        self.paths.are_several()
            && run.is_some_and(|run| self.paths.copies.is_over(run.own))
            && self.hears_peer()
    }

    pub(super) fn look_after_paths(&mut self, now: Time) {
        if !self.paths.are_several() {
            return;
        }
        if now >= self.paths.next_look {
            self.paths.next_look = now + LOOK;
            self.link.look_after_paths();
        }
        // It walks all resources, and a turn has the messages of a few.
        if now < self.paths.next_judgement {
            return;
        }
        let machines = self.resources.iter().map(|resource| &resource.protocol);
        let living = machines.filter(|one| one.machine().peer.alive && one.machine().peer.is_ours());
        let patience = living.map(|one| one.machine().peer.timeout(one.settings())).min();
        self.paths.next_judgement = now + patience.unwrap_or(LOOK) / JUDGEMENTS;
        self.paths.look(patience, now);
    }
}

/// A message, among its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// It counts.
    First,
    /// It came by another path before, or a newer one did.
    Later,
    /// It came by the same path before.
    Repeated,
}

#[cfg(test)]
mod tests {
    use schrittmacher_config::PeerPath;
    use schrittmacher_testkit::config::core;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(3);

    fn at(ms: u64) -> Time {
        Time::new(Duration::from_millis(ms))
    }

    fn two() -> Paths {
        Paths::new(&Core { more_paths: further(2), ..core() }, at(0))
    }

    /// A heartbeat each second, by these paths. With each path, the milliseconds for which the peer has heard nothing by it.
    fn beat(paths: &mut Paths, from: u64, to: u64, by: &[(u8, u64)]) {
        for ms in (from..to).step_by(1000) {
            for (path, held) in by {
                let echo = Some(Echo { time: 1, held: held * 1000 });
                paths.heard(*path, 7, Trip { number: 1 + ms / 1000, time: 0, echo }, at(ms));
            }
            paths.look(Some(PATIENCE), at(ms));
        }
    }

    fn health(paths: &Paths) -> [PathHealth; 2] {
        let facts = paths.facts();
        [facts[0].health, facts[1].health]
    }

    #[test]
    fn a_path_is_judged_by_what_comes_and_by_what_arrives() {
        use PathHealth::{NotHeard, PeerDoesNotHear, Waiting, Works};
        let mut paths = two();
        beat(&mut paths, 0, 2000, &[(1, 10)]);
        assert_eq!(health(&paths), [Works, Waiting], "it is too early");
        beat(&mut paths, 2000, 6000, &[(1, 10)]);
        assert_eq!(health(&paths), [Works, NotHeard]);
        beat(&mut paths, 6000, 7000, &[(1, 10), (2, 10)]);
        assert_eq!(health(&paths), [Works, Works]);
        beat(&mut paths, 7000, 10_000, &[(1, 10), (2, 60_000)]);
        assert_eq!(health(&paths), [Works, PeerDoesNotHear]);
        assert_eq!(paths.facts()[1].losses, 1);
    }

    /// That is told elsewhere, once.
    #[test]
    fn a_peer_that_dies_is_no_lost_path() {
        let mut paths = two();
        beat(&mut paths, 0, 6000, &[(1, 10), (2, 10)]);
        for ms in (6000..60_000).step_by(100) {
            paths.look(Some(PATIENCE), at(ms));
        }
        assert_eq!(health(&paths), [PathHealth::Works; 2], "another resource still takes the peer for alive");
        paths.look(None, at(60_000));
        assert_eq!(health(&paths), [PathHealth::NotHeard; 2]);
        assert_eq!(paths.facts()[0].losses + paths.facts()[1].losses, 0);
    }

    /// A recording does not make a path look whole.
    #[test]
    fn a_message_that_came_before_keeps_no_path_alive() {
        let mut paths = two();
        beat(&mut paths, 0, 1000, &[(1, 10), (2, 10)]);
        let old = Trip { number: 1, time: 0, echo: Some(Echo { time: 1, held: 0 }) };
        beat(&mut paths, 1000, 6000, &[(1, 10)]);
        assert!(!paths.heard(2, 7, old, at(6000)));
        paths.look(Some(PATIENCE), at(6000));
        assert_eq!(health(&paths)[1], PathHealth::NotHeard);
    }

    #[test]
    fn a_reload_keeps_what_is_known_of_the_paths_that_stay() {
        let mut paths = two();
        beat(&mut paths, 0, 6000, &[(1, 10), (2, 10)]);
        paths.configure(&core(), at(6000));
        assert!(!paths.are_several());
        paths.configure(&Core { more_paths: further(3), ..core() }, at(6000));
        beat(&mut paths, 6000, 7000, &[(1, 10)]);
        assert_eq!(health(&paths), [PathHealth::Works, PathHealth::Waiting]);
    }

    fn further(number: u8) -> Vec<PeerPath> {
        let address = |host| [10, 9, number, host].into();
        vec![PeerPath { number, local: address(1), remote: address(2), zone: None }]
    }
}
