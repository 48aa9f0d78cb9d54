//! The work of the thread, turn by turn.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll};

use super::kept::KeptService;
use super::known::KnownAddresses;
use super::links::Links;
use super::probes::{About, Answer, Probes};
use super::watched::Watched;
use super::{AddressJob, AddressReport, CHANGES, JobQueue, KeeperSettings};
use crate::frame;
use crate::kernel::{KernelChange, Link, Placement, RouteSocket, Sender};
use crate::schedule::AnnounceSchedule;
use crate::{Address, LinkState, SharedPlace, Trouble};

/// Services whose addresses are added before the first of them is announced: the more, the quicker all; the fewer, the
/// sooner the first.
const BATCH: usize = 32;
/// Between two attempts to put an address back.
const PAUSE: Duration = Duration::from_secs(1);

/// [`AddressJob::Track`].
struct TrackedLink {
    /// Those of the peer link.
    ends: Vec<IpAddr>,
    /// The ends on another cable, as they were reported last.
    ways: Vec<IpAddr>,
}

/// [`AddressJob::Up`].
struct Up {
    id: usize,
    ticket: u64,
    shared: SharedPlace,
    refresh: Duration,
    probe: bool,
}

/// [`AddressJob::Down`].
struct Down {
    id: usize,
    ticket: u64,
    shared: SharedPlace,
}

pub(super) struct Work {
    poll: Poll,
    route: RouteSocket,
    sender: Sender,
    links: Links,
    known: KnownAddresses,
    probes: Probes,
    kept: BTreeMap<usize, KeptService>,
    watched: Watched,
    /// By name.
    tracked: HashMap<String, TrackedLink>,
    report: Box<dyn FnMut(AddressReport) + Send>,
    origin: Instant,
}

impl Work {
    pub fn open(
        settings: KeeperSettings,
        poll: Poll,
        report: Box<dyn FnMut(AddressReport) + Send>,
    ) -> io::Result<Work> {
        let mut route = RouteSocket::open(settings.owner)?;
        let sender = Sender::open()?;
        let fd = route.changes_fd();
        poll.registry().register(&mut SourceFd(&fd), CHANGES, Interest::READABLE)?;
        let mut links = Links::default();
        links.replace(route.links()?);
        let mut known = KnownAddresses::default();
        known.replace(route.known()?);
        Ok(Work {
            poll,
            route,
            sender,
            links,
            known,
            probes: Probes::default(),
            kept: BTreeMap::new(),
            watched: Watched::default(),
            tracked: HashMap::new(),
            report,
            origin: Instant::now(),
        })
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub fn run(mut self, jobs: &JobQueue) {
        let mut events = Events::with_capacity(16);
        loop {
            let timeout = self.due().map(|due| due.saturating_sub(self.now()));
            // Interrupted or not, everything is looked at.
            let _ = self.poll.poll(&mut events, timeout);
            self.take_changes();
            loop {
                let Some(batch) = jobs.take(BATCH) else { return };
                let is_last = batch.len() < BATCH;
                self.carry_out(batch);
                if is_last {
                    break;
                }
            }
            for Answer { question, address, mac } in self.probes.answers() {
                (self.report)(match question {
                    About::Taken { id } => AddressReport::Elsewhere { id, address, mac },
                    About::Wanted { id, ticket } => {
                        AddressReport::Holder { id, ticket, holder: Some((address, mac)) }
                    }
                });
            }
            self.on_time();
        }
    }

    fn due(&self) -> Option<Duration> {
        let kept = self.kept.values().flat_map(|kept| [kept.schedule.due(), kept.look]).flatten();
        kept.chain(self.probes.due()).min()
    }

    /// Carries out jobs in their order; neighbouring ones of a kind share the way to the kernel.
    fn carry_out(&mut self, jobs: Vec<AddressJob>) {
        let mut ups = Vec::new();
        let mut downs = Vec::new();
        for job in jobs {
            if !matches!(job, AddressJob::Up { .. }) {
                self.up(std::mem::take(&mut ups));
            }
            if !matches!(job, AddressJob::Down { .. }) {
                self.down(std::mem::take(&mut downs));
            }
            match job {
                AddressJob::Up { id, ticket, shared, refresh, probe } => {
                    ups.push(Up { id, ticket, shared, refresh, probe });
                }
                AddressJob::Down { id, ticket, shared } => downs.push(Down { id, ticket, shared }),
                AddressJob::Ask { id, ticket, shared } => self.ask(id, ticket, &shared),
                AddressJob::Announce { id } => {
                    let now = self.now();
                    if let Some(kept) = self.kept.get_mut(&id) {
                        kept.schedule.restart(now);
                    }
                }
                AddressJob::Refresh { id, refresh } => {
                    if let Some(kept) = self.kept.get_mut(&id) {
                        kept.schedule.set_refresh(refresh);
                    }
                }
                AddressJob::Forget { id } => {
                    self.kept.remove(&id);
                    self.watched.forget(id);
                }
                AddressJob::Unwatch { id } => {
                    if self.watched.forget(id).is_some() {
                        (self.report)(AddressReport::Foreign { id, holder: None });
                    }
                }
                AddressJob::Watch { id, shared } => {
                    self.watched.add(id, shared);
                    self.look_for_foreign(id);
                }
                AddressJob::Sweep { keep } => self.sweep(&keep),
                AddressJob::Track { interface, ends } => {
                    let state = self.links.state(&interface);
                    self.tracked.insert(interface.clone(), TrackedLink { ends, ways: Vec::new() });
                    self.report_link(&interface, state);
                }
            }
        }
        self.up(ups);
        self.down(downs);
    }

    fn up(&mut self, ups: Vec<Up>) {
        if ups.is_empty() {
            return;
        }
        let places: Vec<_> = ups.iter().map(|up| self.allowed_places(&up.shared)).collect();
        let all: Vec<Placement> = places.iter().flatten().flatten().copied().collect();
        let mut results = self.route.add(&all).into_iter();
        for (up, places) in ups.into_iter().zip(places) {
            let (id, ticket) = (up.id, up.ticket);
            let result = match places {
                Err(refused) => Err(refused),
                Ok(places) => {
                    let results: Vec<_> = places.iter().zip(results.by_ref()).collect();
                    all_or_none(results).map_err(|(added, address, trouble)| {
                        self.route.remove(&added);
                        (address, trouble)
                    })
                }
            };
            if result.is_ok() {
                self.keep(up);
            }
            (self.report)(AddressReport::Up { id, ticket, result });
        }
    }

    /// Where the addresses belong, if they are nobody else's.
    fn allowed_places(&self, shared: &SharedPlace) -> Result<Vec<Placement>, (Address, Trouble)> {
        for address in &shared.addresses {
            if let Some(index) = self.known.foreign(address.ip) {
                let interface = self.links.name(index).unwrap_or("an unknown interface").to_owned();
                return Err((*address, Trouble::Foreign { interface }));
            }
        }
        self.links.places(shared).map_err(|trouble| (shared.addresses[0], trouble))
    }

    fn keep(&mut self, up: Up) {
        let Up { id, shared, refresh, probe, .. } = up;
        let now = self.now();
        let mut schedule = AnnounceSchedule::new(refresh);
        schedule.restart(now);
        let mut kept = KeptService::new(shared, schedule);
        kept.schedule.take(now);
        self.announce(&kept.shared);
        if probe && let Some(link) = self.links.named(&kept.shared.interface) {
            for address in &kept.shared.addresses {
                self.probes.ask(About::Taken { id }, *address, link, self.poll.registry(), now);
            }
        }
        self.kept.insert(id, kept);
    }

    /// Without an interface nobody can be asked.
    fn ask(&mut self, id: usize, ticket: u64, shared: &SharedPlace) {
        let now = self.now();
        let about = About::Wanted { id, ticket };
        let link = self.links.named(&shared.interface);
        let asked = shared.addresses.iter().filter(|address| {
            link.is_some_and(|link| self.probes.ask(about, **address, link, self.poll.registry(), now))
        });
        if asked.count() == 0 {
            (self.report)(AddressReport::Holder { id, ticket, holder: None });
        }
    }

    fn down(&mut self, downs: Vec<Down>) {
        if downs.is_empty() {
            return;
        }
        let were_kept: Vec<bool> = downs.iter().map(|down| self.kept.remove(&down.id).is_some()).collect();
        let places = downs.iter().zip(were_kept).map(|(down, was_kept)| {
            let places = self.places_to_clear(&down.shared, was_kept);
            self.unneeded(places)
        });
        let places: Vec<_> = places.collect();
        let all: Vec<Placement> = places.iter().flatten().copied().collect();
        let mut results = self.route.remove(&all).into_iter();
        for (Down { id, ticket, shared }, places) in downs.into_iter().zip(places) {
            let failed = places.iter().zip(results.by_ref()).fold(None, |failed, (place, result)| {
                failed.or(result.err().map(|trouble| (place.address, trouble)))
            });
            (self.report)(AddressReport::Down { id, ticket, result: failed.map_or(Ok(()), Err) });
            for place in self.unneeded(self.known.intruders(&shared.addresses)) {
                let interface = self.links.name(place.index).unwrap_or("an unknown interface").to_owned();
                let is_removed = places.contains(&place);
                (self.report)(AddressReport::Intruder { id, address: place.address, interface, is_removed });
            }
        }
    }

    /// Where the addresses of a service may be. An interface that is gone has taken its addresses along. The interface of one
    /// that was up here has none of them afterwards, also if somebody else has added it: clients would go on reaching this host.
    fn places_to_clear(&self, shared: &SharedPlace, was_kept: bool) -> Vec<Placement> {
        let mut places = self.links.places(shared).unwrap_or_default();
        if self.route.keeps_owner() {
            places.extend(self.known.left_beside(&shared.addresses, &places));
        }
        if was_kept {
            let index = self.links.named(&shared.interface).map(|link| link.index);
            let mut intruders = self.known.intruders(&shared.addresses);
            intruders.retain(|place| Some(place.index) == index && !places.contains(place));
            places.extend(intruders);
        }
        places
    }

    /// Without those that another service of its set has still.
    fn unneeded(&self, mut places: Vec<Placement>) -> Vec<Placement> {
        places.retain(|place| {
            let name = self.links.name(place.index);
            !self.kept.values().any(|kept| {
                Some(kept.shared.interface.as_str()) == name
                    && kept.shared.addresses.iter().any(|address| address.ip == place.address.ip)
            })
        });
        places
    }

    fn sweep(&mut self, keep: &[SharedPlace]) {
        let Ok(known) = self.route.known() else { return };
        let is_kept = |place: &Placement| {
            let name = self.links.name(place.index);
            keep.iter().any(|shared| {
                Some(shared.interface.as_str()) == name
                    && shared.addresses.iter().any(|address| address.ip == place.address.ip)
            })
        };
        // Where the kernel does not keep the owner, none is removed.
        let ours = known.into_iter().filter(|(_, is_ours)| *is_ours && self.route.keeps_owner());
        let left: Vec<Placement> = ours.map(|(place, _)| place).filter(|place| !is_kept(place)).collect();
        for (place, result) in left.iter().zip(self.route.remove(&left)) {
            if result.is_ok() {
                (self.report)(AddressReport::Swept { address: place.address });
            }
        }
    }

    /// Frames that cannot leave are lost, as on any wire; the schedule has more of them.
    fn announce(&self, shared: &SharedPlace) {
        let Some(link) = self.links.named(&shared.interface) else { return };
        let Some(mac) = link.mac else { return };
        for address in &shared.addresses {
            let is_router = address.ip.is_ipv6() && forwards(&shared.interface);
            for frame in frame::announcements(mac, address.ip, is_router) {
                let _ = self.sender.send(link.index, &frame);
            }
        }
    }

    fn on_time(&mut self) {
        let now = self.now();
        let due: Vec<usize> =
            self.kept.iter_mut().filter_map(|(id, kept)| kept.schedule.take(now).then_some(*id)).collect();
        for id in due {
            self.announce(&self.kept[&id].shared);
        }
        let look: Vec<usize> = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.look.is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in look {
            self.put_back(id);
        }
        let kept = &self.kept;
        for (id, ticket) in self.probes.on_time(now, &self.sender, |id| !kept.contains_key(&id)) {
            (self.report)(AddressReport::Holder { id, ticket, holder: None });
        }
    }

    /// Puts back what is missing of a service.
    fn put_back(&mut self, id: usize) {
        let now = self.now();
        let Some(kept) = self.kept.get_mut(&id) else { return };
        kept.look = None;
        let state = self.links.state(&kept.shared.interface);
        let missing: Vec<Placement> = match self.links.places(&kept.shared) {
            Ok(places) => places.into_iter().filter(|place| !self.known.has(*place)).collect(),
            Err(trouble) => return self.still_missing(id, None, trouble, now),
        };
        if missing.is_empty() {
            return kept.is_whole(state);
        }
        kept.note_missing(now);
        let results = self.route.add(&missing);
        let is_whole = results.iter().all(Result::is_ok);
        for (place, result) in missing.into_iter().zip(results) {
            match result {
                Ok(false) => {}
                Ok(true) => {
                    let Some(kept) = self.kept.get_mut(&id) else { return };
                    kept.told = false;
                    kept.schedule.restart(now);
                    let (address, loss) = (place.address, kept.loss(place.address));
                    (self.report)(AddressReport::PutBack { id, address, loss });
                }
                Err(trouble) => self.still_missing(id, Some(place.address), trouble, now),
            }
        }
        if let Some(kept) = self.kept.get_mut(&id).filter(|_| is_whole) {
            kept.is_whole(state);
        }
    }

    fn still_missing(&mut self, id: usize, address: Option<Address>, trouble: Trouble, now: Duration) {
        let Some(kept) = self.kept.get_mut(&id) else { return };
        kept.look = Some(now + PAUSE);
        // It comes back with the link, or else that is the trouble.
        let has_link = self.links.state(&kept.shared.interface) == LinkState::Up;
        if !has_link && !matches!(trouble, Trouble::NoInterface) {
            return;
        }
        if !std::mem::replace(&mut kept.told, true) {
            let address = address.unwrap_or(kept.shared.addresses[0]);
            let loss = kept.loss(address);
            (self.report)(AddressReport::Missing { id, address, loss, trouble });
        }
    }

    fn take_changes(&mut self) {
        let (mut is_complete, mut has_changed) = (true, false);
        while let Ok(Some(change)) = self.route.next_change() {
            has_changed = true;
            match change {
                KernelChange::Link(link) => {
                    let (name, state, mac) = (link.name.clone(), link.state, link.mac);
                    let before = self.links.insert(link);
                    let old_name =
                        before.as_ref().map(|before| before.name.clone()).filter(|old| *old != name);
                    if let Some(old) = old_name {
                        self.link_changed(&old, LinkState::Missing);
                    }
                    let is_new =
                        |before: Link| before.state != state || before.name != name || before.mac != mac;
                    if before.is_none_or(is_new) {
                        self.link_changed(&name, state);
                    }
                }
                KernelChange::LinkGone(index) => {
                    if let Some(link) = self.links.remove(index) {
                        self.link_changed(&link.name, LinkState::Missing);
                    }
                }
                KernelChange::Address { place, is_ours } => {
                    self.known.insert(place, is_ours);
                    self.look_for_foreign_of(place.address.ip);
                }
                KernelChange::AddressGone(place) => {
                    self.known.remove(place);
                    self.address_gone(place);
                    self.look_for_foreign_of(place.address.ip);
                }
                KernelChange::Lost => is_complete = false,
            }
        }
        // Not before: what waited is older than what is found now.
        if !is_complete {
            self.look_at_everything();
        }
        if has_changed {
            self.report_ways();
        }
    }

    /// The ends of the peer link that are on another cable than this interface, with a connection.
    fn ways(&self, interface: &str, ends: &[IpAddr]) -> Vec<IpAddr> {
        let is_way = |end: &&IpAddr| {
            let mut holders = self.known.holders(**end).filter_map(|index| self.links.name(index));
            holders.any(|name| self.links.is_other_way(name, interface))
        };
        ends.iter().filter(is_way).copied().collect()
    }

    /// Tells the state of an interface, if somebody wants to know it.
    fn report_link(&mut self, interface: &str, state: LinkState) {
        let Some(tracked) = self.tracked.get(interface) else { return };
        let ways = self.ways(interface, &tracked.ends);
        if let Some(tracked) = self.tracked.get_mut(interface) {
            tracked.ways.clone_from(&ways);
        }
        (self.report)(AddressReport::Link { interface: interface.to_owned(), state, ways });
    }

    /// Tells the state of each interface again whose other ways have come or gone.
    fn report_ways(&mut self) {
        let has_changed = |(interface, tracked): &(&String, &TrackedLink)| {
            self.ways(interface, &tracked.ends) != tracked.ways
        };
        let changed: Vec<String> =
            self.tracked.iter().filter(has_changed).map(|(interface, _)| interface.clone()).collect();
        for interface in changed {
            let state = self.links.state(&interface);
            self.report_link(&interface, state);
        }
    }

    /// The neighbours may have forgotten, or learnt something else, while the link was away.
    fn link_changed(&mut self, interface: &str, state: LinkState) {
        let now = self.now();
        self.report_link(interface, state);
        for kept in self.kept.values_mut().filter(|kept| kept.shared.interface == interface) {
            kept.look = Some(now);
            kept.note_link(state);
            if state == LinkState::Up {
                kept.schedule.restart(now);
            }
        }
    }

    /// At once the first time. If it is removed again and again, once a second.
    fn address_gone(&mut self, place: Placement) {
        let now = self.now();
        let Some(name) = self.links.name(place.index) else { return };
        for kept in self.kept.values_mut() {
            if kept.shared.interface == name && kept.shared.addresses.contains(&place.address) {
                kept.look = Some(kept.missed.map_or(now, |missed| now.max(missed + PAUSE)));
            }
        }
    }

    fn look_at_everything(&mut self) {
        let now = self.now();
        if let Ok(links) = self.route.links() {
            self.links.replace(links);
        }
        if let Ok(known) = self.route.known() {
            self.known.replace(known);
        }
        let tracked: Vec<String> = self.tracked.keys().cloned().collect();
        for interface in tracked {
            let state = self.links.state(&interface);
            self.report_link(&interface, state);
        }
        self.kept.values_mut().for_each(|kept| kept.look = Some(now));
        self.watched.ids().into_iter().for_each(|id| self.look_for_foreign(id));
    }

    fn look_for_foreign_of(&mut self, ip: IpAddr) {
        self.watched.with(ip).into_iter().for_each(|id| self.look_for_foreign(id));
    }

    /// Tells whether somebody else has an address of this service, if that has changed.
    fn look_for_foreign(&mut self, id: usize) {
        let Some(shared) = self.watched.shared(id) else { return };
        let foreign = |address: &Address| Some((*address, self.known.foreign(address.ip)?));
        let found = shared.addresses.iter().find_map(foreign);
        if self.watched.has_changed(id, found) {
            let name = |index| self.links.name(index).unwrap_or("an unknown interface").to_owned();
            let holder = found.map(|(address, index)| (address, name(index)));
            (self.report)(AddressReport::Foreign { id, holder });
        }
    }
}

/// Places that were added before one failed, that one's address, and why.
type Half = (Vec<Placement>, Address, Trouble);

fn all_or_none(results: Vec<(&Placement, Result<bool, Trouble>)>) -> Result<(), Half> {
    let (mut added, mut failed) = (Vec::new(), None);
    for (place, result) in results {
        match result {
            Ok(is_new) => added.extend(is_new.then_some(*place)),
            Err(trouble) => failed = failed.or(Some((place.address, trouble))),
        }
    }
    failed.map_or(Ok(()), |(address, trouble)| Err((added, address, trouble)))
}

/// Whether the interface is a router's: an advertisement that denies it would take it from the neighbours' list.
fn forwards(interface: &str) -> bool {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/forwarding");
    std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "1")
}
