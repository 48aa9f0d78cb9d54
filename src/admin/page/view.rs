//! The page: what the API tells, in words, problems first.

use std::collections::HashMap;
use std::time::Duration;

use askama::Template;
use form_urlencoded::byte_serialize;
use jiff::{SignedDuration, Zoned};
use schrittmacher_api::{
    DaemonStatus, Frozen, HistoryEntry, HistoryKind, LastSwitch, ResourceState, ServiceAddress, ServiceLevel,
    SwitchDirection,
};
use schrittmacher_text::span;

use super::log::{self, LogLine};
use super::timeline::{self, Timeline};
use super::top::{Warning, facts, heard, summary, warnings};
use super::wish::{AT_ONCE, Wish, is_found};
use super::{OrderDoor, PageNotice};
use crate::admin::order::OperatorOrder;

/// Up to this number of resources each one is shown with its timeline.
const ROOMY: usize = 12;
/// Entries of the history with each resource.
const LINES: usize = 8;

/// Everything the page is made of.
pub(in crate::admin) struct Scene<'a> {
    pub status: &'a DaemonStatus,
    /// Oldest first; `None` if it cannot be read.
    pub history: Option<&'a [HistoryEntry]>,
    /// What this client needs for an order.
    pub door: OrderDoor,
    pub notices: &'a [PageNotice],
    pub wish: &'a Wish,
    pub now: &'a Zoned,
}

/// The page.
#[derive(Template)]
#[template(path = "page.html")]
pub(in crate::admin) struct Page<'a> {
    title: String,
    host: &'a str,
    full_host: &'a str,
    peer: String,
    heard: Mark,
    facts: Vec<String>,
    is_good: bool,
    summary: String,
    warnings: Vec<Warning>,
    more_warnings: usize,
    notices: Vec<Notice<'a>>,
    wish: &'a Wish,
    has_filter: bool,
    range: String,
    previous: Option<String>,
    next: Option<String>,
    is_roomy: bool,
    cards: Vec<Card>,
    closed: Option<String>,
    needs_token: bool,
    has_history: bool,
    turn: String,
}

/// A word with its colour and its symbol.
pub(super) struct Mark {
    pub class: &'static str,
    pub symbol: &'static str,
    pub word: String,
}

struct Notice<'a> {
    text: &'a str,
    offer: Option<&'a OperatorOrder>,
}

struct Side {
    mark: Mark,
    place: String,
    note: String,
}

struct Card {
    anchor: String,
    name: String,
    verdict: Mark,
    here: Side,
    there: Side,
    /// Why it is not protected.
    why: Option<String>,
    frozen: Option<String>,
    troubles: Vec<String>,
    last: String,
    /// The service's address, and whether it is here.
    address: Option<String>,
    /// The order that one would give.
    offer: Option<Offer>,
    /// Said instead of an offer.
    no_offer: Option<&'static str>,
    /// The others.
    more: Vec<Offer>,
    timeline: Option<Timeline>,
    lines: Vec<LogLine>,
    history: String,
    settings: String,
    application: String,
}

struct Offer {
    href: String,
    label: String,
}

impl<'a> Page<'a> {
    pub fn new(scene: &Scene<'a>) -> Page<'a> {
        let Scene { status, history, wish, now, .. } = *scene;
        let (here, there) = (short(&status.host), peer_name(status));
        let find = wish.find.to_lowercase();
        let mut wanted: Vec<&ResourceState> = status
            .resources
            .iter()
            .filter(|one| is_found(&find, &one.name) && (!wish.problems || rank(one) < CALM))
            .collect();
        // Stable: equals stay in the order of the configuration.
        wanted.sort_by_key(|one| rank(one));
        let skip = if wish.skip < wanted.len() { wish.skip } else { 0 };
        let shown: Vec<_> = wanted.iter().skip(skip).take(AT_ONCE).copied().collect();
        let of_each = by_resource(history.unwrap_or_default());
        let card = |one: &&ResourceState| {
            let entries = of_each.get(one.name.as_str()).map(Vec::as_slice).unwrap_or_default();
            card(one, entries, here, &there, scene)
        };
        let (is_good, summary) = summary(status);
        let (warnings, more_warnings) = warnings(status, here, &there);
        let end = skip + shown.len();
        Page {
            title: format!("{} {here}: {summary}", if is_good { "●" } else { "✕" }),
            host: here,
            full_host: &status.host,
            heard: heard(status),
            facts: facts(status, &there, now),
            is_good,
            summary,
            warnings,
            more_warnings,
            notices: scene
                .notices
                .iter()
                .map(|notice| Notice { text: &notice.text, offer: notice.offer.as_ref() })
                .collect(),
            wish,
            has_filter: status.resources.len() > ROOMY || *wish != Wish::default(),
            range: match (wanted.len(), shown.len()) {
                (0, _) => "No resource is like that.".to_owned(),
                (all, some) if all == some && all == status.resources.len() => String::new(),
                (all, some) if all == some => format!("{all} of {} resources", status.resources.len()),
                (all, _) => format!("{} to {end} of {all} resources", skip + 1),
            },
            previous: (skip > 0).then(|| wish.at(skip.saturating_sub(AT_ONCE))),
            next: (end < wanted.len()).then(|| wish.at(end)),
            is_roomy: shown.len() <= ROOMY,
            cards: shown.iter().map(card).collect(),
            closed: match &scene.door {
                OrderDoor::Closed(why) => Some(why.clone()),
                OrderDoor::Open | OrderDoor::Token => None,
            },
            needs_token: matches!(scene.door, OrderDoor::Token),
            has_history: history.is_some(),
            turn: wish.moving(wish.still),
            peer: there,
        }
    }
}

/// The rank of what needs no look.
pub(super) const CALM: u8 = 3;

/// The order of the page: the worst first.
pub(super) fn rank(one: &ResourceState) -> u8 {
    match one.service {
        ServiceLevel::NobodyHot | ServiceLevel::BothHot => 0,
        ServiceLevel::Unprotected => 1,
        ServiceLevel::Protected if !one.troubles.is_empty() || one.frozen.is_some() => 2,
        ServiceLevel::Protected => CALM,
    }
}

/// A host's name without its domain.
pub(super) fn short(host: &str) -> &str {
    host.split('.').next().filter(|name| !name.is_empty()).unwrap_or(host)
}

/// The peer's name, or its address if it has none.
pub(super) fn peer_name(status: &DaemonStatus) -> String {
    status
        .remote_host
        .as_deref()
        .map_or_else(|| status.remote_address.to_string(), |name| short(name).to_owned())
}

/// Both sides of a resource in a sentence.
pub(super) fn both_sides(one: &ResourceState, here: &str, there: &str) -> String {
    let peer = match (&one.peer.state, one.peer.heard_seconds_ago) {
        (Some(state), Some(ago)) => format!("{state} on {there}, heard {} ago", lasting(ago)),
        (_, Some(ago)) => format!("{there} is not heard, for {}", lasting(ago)),
        (_, None) => format!("{there} has never been heard"),
    };
    format!("{} is {} on {here}; {peer}.", one.name, one.state)
}

/// With a capital and a full stop.
pub(in crate::admin) fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| format!("{}{}.", first.to_uppercase(), rest.as_str())).unwrap_or_default()
}

/// The entries of each resource, oldest first.
fn by_resource(entries: &[HistoryEntry]) -> HashMap<&str, Vec<&HistoryEntry>> {
    let mut of_each: HashMap<&str, Vec<&HistoryEntry>> = HashMap::new();
    for entry in entries {
        of_each.entry(&entry.resource).or_default().push(entry);
    }
    of_each
}

/// A name as the end of a link: only letters, digits and a few signs.
fn encoded(name: &str) -> String {
    byte_serialize(name.as_bytes()).collect()
}

pub(super) fn anchor(name: &str) -> String {
    format!("r-{}", encoded(name))
}

fn mark(state: &str) -> Mark {
    let symbol = match state {
        "hot" => "●",
        "standby" => "○",
        "failed" => "✕",
        "unknown" => "?",
        _ => "◐",
    };
    Mark { class: timeline::class(state), symbol, word: state.to_owned() }
}

fn verdict(service: ServiceLevel) -> Mark {
    let (class, symbol, word) = match service {
        ServiceLevel::Protected => ("hot", "✓", "protected"),
        ServiceLevel::Unprotected => ("unprotected", "!", "not protected"),
        ServiceLevel::NobodyHot => ("failed", "✕", "no side is hot"),
        ServiceLevel::BothHot => ("failed", "✕", "both sides are hot"),
    };
    Mark { class, symbol, word: word.to_owned() }
}

fn card(one: &ResourceState, entries: &[&HistoryEntry], here: &str, there: &str, scene: &Scene<'_>) -> Card {
    let (offer, no_offer, more) = offers(one, there, matches!(scene.door, OrderDoor::Closed(_)));
    let lines = entries.iter().rev().take(LINES).map(|entry| log::line(entry, scene.now)).collect();
    Card {
        anchor: anchor(&one.name),
        name: one.name.clone(),
        verdict: verdict(one.service),
        here: Side {
            mark: mark(&one.state),
            place: here.to_owned(),
            note: format!("for {}", lasting(one.state_seconds)),
        },
        there: other_side(one, there),
        why: one.explanation.clone(),
        frozen: one.frozen.as_ref().map(frozen),
        troubles: one.troubles.clone(),
        last: last(one.last_switch.as_ref(), entries, scene.now),
        address: one.address.as_ref().map(|address| place_of(address, here)),
        offer,
        no_offer,
        more,
        timeline: timeline::draw(entries, scene.now),
        lines,
        history: format!("/history?find={}", encoded(&one.name)),
        settings: format!(
            "{}{}{}priority {}, heartbeat {} s, timeout {} s",
            one.set.as_ref().map(|set| format!("set {set}, ")).unwrap_or_default(),
            one.policy.as_ref().map(|policy| format!("policy {policy}, ")).unwrap_or_default(),
            one.epoch.map(|epoch| format!("epoch {epoch}, ")).unwrap_or_default(),
            one.priority,
            one.heartbeat_seconds,
            one.timeout_seconds
        ),
        application: application(one),
    }
}

fn place_of(address: &ServiceAddress, here: &str) -> String {
    let addresses = address.addresses.join(", ");
    let is_here = match address.up {
        Some(true) => "is up on",
        Some(false) => "is not on",
        None => "has not been up yet on",
    };
    format!("{addresses} {is_here} {here}, {}", address.interface)
}

/// The reason that a failed peer gives.
pub(super) fn failure_there(one: &ResourceState) -> Option<&str> {
    one.peer.reason.as_deref().filter(|_| one.peer.state.as_deref() == Some("failed"))
}

fn other_side(one: &ResourceState, there: &str) -> Side {
    let (mark, mut note) = match (&one.peer.state, one.peer.heard_seconds_ago) {
        (Some(state), _) => {
            let note = one.peer.state_seconds.map(|seconds| format!("for {}", lasting(seconds)));
            (mark(state), note.unwrap_or_default())
        }
        (None, Some(ago)) if one.peer.heard => (mark("unknown"), format!("heard {} ago", lasting(ago))),
        (None, ago) => {
            let word = if ago.is_some() { "not heard" } else { "never heard" };
            let note = ago.map(|ago| format!("for {}", lasting(ago))).unwrap_or_default();
            (Mark { class: "unknown", symbol: "–", word: word.to_owned() }, note)
        }
    };
    if let Some(reason) = failure_there(one) {
        note += &format!(": {reason}");
    }
    Side { mark, place: there.to_owned(), note }
}

fn frozen(about: &Frozen) -> String {
    let reason = about.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("frozen for another {}{reason}", lasting(about.seconds_left))
}

/// The last switch: what this daemon has seen, or else the history.
fn last(switch: Option<&LastSwitch>, entries: &[&HistoryEntry], now: &Zoned) -> String {
    if let Some(switch) = switch {
        let ago = SignedDuration::try_from_secs_f64(switch.seconds_ago).unwrap_or_default();
        let at = now.timestamp().checked_sub(ago).unwrap_or(jiff::Timestamp::MIN);
        let what = match switch.direction {
            SwitchDirection::Here => "hot here",
            SwitchDirection::Away => "away from here",
        };
        let by = switch.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
        let outage = switch.without_service_seconds;
        let outage =
            outage.map(|seconds| format!(", {} without service", lasting(seconds))).unwrap_or_default();
        return format!("{} {what}: {}{by}{outage}", timeline::moment(at, now), switch.cause);
    }
    let old = entries.iter().rev().find(|entry| entry.kind == HistoryKind::Service);
    let at = old.and_then(|entry| Some((entry, entry.time.parse().ok()?)));
    at.map_or_else(
        || "no switch yet".to_owned(),
        |(entry, at)| format!("{} {}", timeline::moment(at, now), entry.text),
    )
}

fn application(one: &ResourceState) -> String {
    let about = &one.application;
    let reason = about.reason.as_deref().map(|reason| format!(", {reason}")).unwrap_or_default();
    match (&about.state, about.heard_seconds_ago) {
        (Some(state), Some(ago)) => format!("it said \"{state}\" {} ago{reason}", lasting(ago)),
        _ => "it has not reported yet".to_owned(),
    }
}

/// The order that one would give, what is said if there is none, and the other ones.
fn offers(
    one: &ResourceState,
    there: &str,
    is_closed: bool,
) -> (Option<Offer>, Option<&'static str>, Vec<Offer>) {
    if is_closed {
        return (None, None, Vec::new());
    }
    let offer =
        |key: &str, label: String| Offer { href: format!("/confirm?{key}={}", encoded(&one.name)), label };
    let mut more = vec![match one.frozen {
        Some(_) => offer("thaw", "Thaw…".to_owned()),
        None => offer("freeze", "Freeze…".to_owned()),
    }];
    let peer_is_ready = one.peer.state.as_deref() == Some("standby");
    match one.state.as_str() {
        "hot" if peer_is_ready => (Some(offer("failover", format!("Switch to {there}…"))), None, more),
        "hot" => {
            more.push(offer("failover", format!("Switch to {there} all the same…")));
            (None, Some("no healthy peer"), more)
        }
        "standby" => (Some(offer("takeover", "Take over…".to_owned())), None, more),
        "failed" => {
            more.push(offer("takeover", "Take over all the same…".to_owned()));
            (None, Some("cannot serve here"), more)
        }
        _ => (None, None, more),
    }
}

/// How long something has lasted. An answer that is nonsense is no panic.
pub(super) fn lasting(seconds: f64) -> String {
    span(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}
