//! The top of the page: the peer, the facts about both daemons, and the problems in words.

use jiff::Zoned;
use schrittmacher_api::{DaemonStatus, PathHealth, PeerProgram, PeerProof, ResourceState, ServiceLevel};

use super::view::{CALM, Mark, anchor, failure_there, lasting, rank};

/// Problems that are told at the top, each in a sentence; the others are counted.
const WARNINGS: usize = 6;

/// A problem in words.
pub(super) struct Warning {
    /// Where the resource is on the page, if it is about one.
    pub link: Option<String>,
    pub subject: String,
    pub text: String,
}

pub(super) fn heard(status: &DaemonStatus) -> Mark {
    match (status.peer.heard, status.peer.heard_seconds_ago) {
        (true, Some(ago)) => Mark { class: "hot", symbol: "✓", word: format!("heard {ago:.1} s ago") },
        (_, Some(ago)) => {
            Mark { class: "failed", symbol: "✕", word: format!("not heard for {}", lasting(ago)) }
        }
        (_, None) => Mark { class: "failed", symbol: "✕", word: "never heard".to_owned() },
    }
}

pub(super) fn facts(status: &DaemonStatus, there: &str, now: &Zoned) -> Vec<String> {
    let peer = match status.peer.program {
        Some(PeerProgram::Ours) => format!(", {there} 3.0 or later"),
        Some(PeerProgram::Modern) => format!(", {there} 1.15 to 2.0.0"),
        Some(PeerProgram::Classic) => format!(", {there} 1.14 or earlier"),
        None => String::new(),
    };
    let mut facts = vec![
        format!("{} ↔ {}, port {}", status.local_address, status.remote_address, status.port),
        format!("version {}{peer}", status.program),
        format!("security {}", status.security),
    ];
    facts.extend(status.peer.link.map(|link| link.to_string()));
    let paths = &status.peer.paths;
    if !paths.is_empty() {
        let works = paths.iter().filter(|path| path.state == PathHealth::Works).count();
        facts.push(format!("{works} of {} paths work", paths.len()));
    }
    if let Some(about) = &status.authentication {
        let signs = if about.peer_key.is_some() { "the peer signs" } else { "the peer does not sign" };
        facts.push(format!("authentication {}, {signs}", about.mode));
    }
    let proof = match status.peer.proof {
        PeerProof::Address => "the peer is believed by its address alone",
        PeerProof::Run => "the peer has to name this run",
        PeerProof::Signature => "the peer has to sign",
    };
    facts.push(proof.to_owned());
    facts.push(format!("up {}", lasting(status.uptime_seconds)));
    facts.push(now.strftime("%Y-%m-%d %H:%M:%S %:z").to_string());
    facts
}

pub(super) fn summary(status: &DaemonStatus) -> (bool, String) {
    let count = status.summary;
    let open = count.resources - count.protected.min(count.resources);
    let text = match (count.resources, open) {
        (0, _) => return (false, "no resource is configured".to_owned()),
        (1, 0) => "the resource is protected".to_owned(),
        (all, 0) => format!("all {all} resources are protected"),
        (all, open) => {
            let mut text = format!("{open} of {all} not protected");
            for (number, what) in
                [(count.nobody_hot, "served by no side"), (count.both_hot, "hot on both sides")]
            {
                if number > 0 {
                    text += &format!(", {number} {what}");
                }
            }
            text
        }
    };
    (open == 0, text)
}

/// The problems in words, and how many more there are.
pub(super) fn warnings(status: &DaemonStatus, here: &str, there: &str) -> (Vec<Warning>, usize) {
    let mut all = Vec::new();
    let general = |subject: &str, text: String| Warning { link: None, subject: subject.to_owned(), text };
    if !status.peer.heard && !status.resources.is_empty() {
        let text = match status.peer.heard_seconds_ago {
            Some(ago) => {
                format!("has not been heard for {}. If {here} fails now, nobody takes over.", lasting(ago))
            }
            None => format!("has never been heard. If {here} fails now, nobody takes over."),
        };
        all.push(general(there, text));
    }
    if let Some(about) = status.authentication.as_ref().filter(|about| about.peer_hears_nothing) {
        let why = about.last_refusal.as_deref().unwrap_or_default();
        all.push(general(there, format!("hears nothing of {here}; look at the keys. {why}")));
    }
    // If none is heard, that has been said.
    for path in status.peer.paths.iter().filter(|path| status.peer.heard && path.state.is_lost()) {
        let why = match path.state {
            PathHealth::PeerDoesNotHear => format!("{there} hears nothing by it"),
            PathHealth::Waiting | PathHealth::Works | PathHealth::NotHeard => {
                "nothing comes by it".to_owned()
            }
        };
        let (local, remote) = (&path.local_address, &path.remote_address);
        all.push(general(&format!("path {}", path.number), format!("({local} ↔ {remote}) is lost: {why}.")));
    }
    let mut problems: Vec<_> = status.resources.iter().filter(|one| rank(one) < CALM).collect();
    problems.sort_by_key(|one| rank(one));
    // That the peer is not heard has been said, once for all.
    let is_news = |one: &&&ResourceState| {
        status.peer.heard || one.service != ServiceLevel::Unprotected || !one.troubles.is_empty()
    };
    all.extend(problems.iter().filter(is_news).map(|one| Warning {
        link: Some(format!("#{}", anchor(&one.name))),
        subject: one.name.clone(),
        text: warning(one, here, there),
    }));
    let more = all.len().saturating_sub(WARNINGS);
    all.truncate(WARNINGS);
    (all, more)
}

fn warning(one: &ResourceState, here: &str, there: &str) -> String {
    let mut why = one.explanation.clone().unwrap_or_default();
    if let Some(reason) = failure_there(one) {
        why += &format!(" ({reason})");
    }
    let trouble = one.troubles.join("; ");
    let text = match one.service {
        ServiceLevel::Unprotected => {
            let hot = if one.state == "hot" {
                Some(here)
            } else {
                one.peer.state.as_ref().filter(|state| *state == "hot").map(|_| there)
            };
            let then =
                hot.map(|host| format!(". If {host} fails now, nobody takes over")).unwrap_or_default();
            format!("is not protected: {why}{then}")
        }
        ServiceLevel::NobodyHot => format!("is served by no side: {why}"),
        ServiceLevel::BothHot => {
            "is hot on both sides. What clients write may be lost on one of them".to_owned()
        }
        ServiceLevel::Protected => match &one.frozen {
            Some(frozen) => format!("is frozen for another {}", lasting(frozen.seconds_left)),
            None => return format!("{trouble}."),
        },
    };
    if trouble.is_empty() { format!("{text}.") } else { format!("{text}. {trouble}.") }
}
