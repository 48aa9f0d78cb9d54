//! The snapshot as `GET /api/v1/status` tells it: what is known, how old it is, and what it means.

use std::time::Duration;

use schrittmacher_api::{
    ApplicationState, Authentication, DaemonStatus, EchoTarget, Fence, Frozen, Isolation, LastSwitch,
    PeerLink, PeerNode, PeerPath, PeerProgram, PeerState, PlannedSwitches, ResourceState, ServiceAddress,
    ServiceLevel, Summary,
};
use schrittmacher_protocol::{Generation, StateName, Time};
use schrittmacher_text::wording;
use schrittmacher_wire::AppCode;

use super::service::PageFacts;
use super::snapshot::{
    AuthFacts, EchoFacts, LinkFacts, PathFacts, PlannedTimes, ResourceStatus, StatusSnapshot, TargetFacts,
};

/// Everything, as one value.
pub(super) fn daemon(
    snapshot: &StatusSnapshot,
    facts: &PageFacts,
    host: &str,
    remote_host: Option<String>,
) -> DaemonStatus {
    let resources: Vec<ResourceState> =
        snapshot.resources.iter().map(|one| resource(one, snapshot.clock)).collect();
    let newest =
        snapshot.resources.iter().filter(|one| one.peer.heard.is_some()).max_by_key(|one| one.peer.heard);
    let is_heard = snapshot.resources.iter().any(|one| one.peer.alive);
    DaemonStatus {
        program: env!("CARGO_PKG_VERSION").to_owned(),
        host: host.to_owned(),
        remote_host,
        local_address: facts.local_address,
        remote_address: facts.remote_address,
        port: facts.port,
        config_hash: Some(snapshot.configuration.clone()),
        security: if snapshot.is_strict { "strict" } else { "legacy" }.to_owned(),
        authentication: snapshot.auth.map(authentication),
        witness_answers: snapshot.witness.and_then(|witness| witness.answers),
        witness_answer_seconds: snapshot
            .witness
            .and_then(|witness| Some(witness.pace?.longest.as_secs_f64())),
        isolation: snapshot.echoes.as_ref().map(isolation),
        uptime_seconds: facts.started.elapsed().as_secs_f64(),
        peer: PeerNode {
            heard: is_heard,
            heard_seconds_ago: newest.and_then(|one| age(one.peer.heard, snapshot.clock)),
            program: newest.map(|one| match one.peer.generation {
                Generation::Ours { .. } => PeerProgram::Ours,
                Generation::Modern => PeerProgram::Modern,
                Generation::Classic => PeerProgram::Classic,
            }),
            link: snapshot.link.filter(|_| is_heard).map(way),
            paths: snapshot.paths.iter().map(|one| path(one, snapshot.clock)).collect(),
            proof: snapshot.proof,
        },
        summary: summary(&resources),
        resources,
    }
}

fn isolation(echoes: &EchoFacts) -> Isolation {
    let target = |one: &TargetFacts| EchoTarget { address: one.address.clone(), answers: one.answers };
    Isolation { isolated: echoes.isolated, targets: echoes.targets.iter().map(target).collect() }
}

fn way(link: LinkFacts) -> PeerLink {
    PeerLink {
        round_trip_seconds: link.round_trip.map(|time| time.as_secs_f64()),
        recently_sent: link.recently_sent,
        recently_lost: link.recently_lost,
    }
}

fn path(one: &PathFacts, clock: Time) -> PeerPath {
    PeerPath {
        number: one.number,
        local_address: one.local.clone(),
        remote_address: one.remote.clone(),
        state: one.health,
        heard_seconds_ago: age(one.heard, clock),
        link: one.link.map(way),
    }
}

/// One resource; `None` if there is none of this name.
pub(super) fn one(snapshot: &StatusSnapshot, name: &str) -> Option<ResourceState> {
    snapshot.resources.iter().find(|one| one.name == name).map(|one| resource(one, snapshot.clock))
}

fn authentication(facts: AuthFacts) -> Authentication {
    Authentication {
        mode: facts.mode.to_string(),
        key: facts.own_key.map(|key| key.to_string()),
        peer_key: facts.peer_key.map(|key| key.to_string()),
        refused: facts.refused,
        last_refusal: facts.last_refusal.map(|why| why.to_string()),
        peer_hears_nothing: facts.is_deaf,
    }
}

fn summary(resources: &[ResourceState]) -> Summary {
    let count = |level| resources.iter().filter(|one| one.service == level).count();
    Summary {
        resources: resources.len(),
        protected: count(ServiceLevel::Protected),
        unprotected: count(ServiceLevel::Unprotected),
        nobody_hot: count(ServiceLevel::NobodyHot),
        both_hot: count(ServiceLevel::BothHot),
    }
}

fn resource(one: &ResourceStatus, clock: Time) -> ResourceState {
    let peer_state = one.peer.said.filter(|_| one.peer.alive);
    let (service, explanation) = service(one, peer_state);
    let text = |state: StateName| wording::state(state).to_owned();
    let reason = |heard: Option<&super::snapshot::Heard>| {
        heard.map(|heard| heard.reason.clone()).filter(|reason| !reason.is_empty())
    };
    ResourceState {
        name: one.name.clone(),
        service,
        explanation,
        state: text(one.state),
        state_seconds: clock.since(one.since).as_secs_f64(),
        priority: one.priority,
        set: one.set.clone(),
        policy: one.policy.map(|policy| policy.to_string()),
        fence: one.fence.map(|fence| Fence { waits: fence.waits, not_confirmed: fence.not_confirmed }),
        epoch: one.epoch,
        heartbeat_seconds: one.heartbeat.as_secs_f64(),
        timeout_seconds: one.timeout.as_secs_f64(),
        frozen: one.frozen.as_ref().map(|(left, reason)| Frozen {
            seconds_left: left.as_secs_f64(),
            reason: Some(reason.clone()).filter(|reason| !reason.is_empty()),
        }),
        last_switch: one.last_switch.as_ref().map(|switch| LastSwitch {
            direction: switch.direction,
            cause: switch.cause.clone(),
            by: switch.by.clone(),
            without_service_seconds: switch.outage.map(|outage| outage.as_secs_f64()),
            seconds_ago: clock.since(switch.at).as_secs_f64(),
        }),
        planned: planned(one.planned),
        address: one.address.as_ref().map(|(shared, up)| ServiceAddress {
            addresses: shared.addresses.iter().map(ToString::to_string).collect(),
            interface: shared.interface.clone(),
            up: *up,
        }),
        troubles: one.troubles.clone(),
        peer: PeerState {
            heard: one.peer.alive,
            heard_seconds_ago: age(one.peer.heard, clock),
            state: peer_state.map(text),
            state_seconds: peer_state.map(|_| clock.since(one.peer.since).as_secs_f64()),
            reason: reason(one.last_remote.as_ref().filter(|_| one.peer.alive)),
            epoch: one.peer.epoch,
        },
        application: ApplicationState {
            failed: one.app.failed,
            heard_seconds_ago: age(one.app.heard, clock),
            state: one.app.said.map(|code| app_state(code).to_owned()),
            reason: reason(one.last_local.as_ref()),
        },
    }
}

fn planned(times: PlannedTimes) -> Option<PlannedSwitches> {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let PlannedTimes { release, here, away } = times;
    (times != PlannedTimes::default()).then(|| PlannedSwitches {
        release_seconds: seconds(release),
        here_seconds: seconds(here),
        away_seconds: seconds(away),
    })
}

fn age(heard: Option<Time>, clock: Time) -> Option<f64> {
    heard.map(|heard| clock.since(heard).as_secs_f64())
}

fn both_hot(one: &ResourceStatus) -> String {
    match (one.epoch, one.peer.epoch) {
        (Some(here), Some(there)) => format!("both sides are hot (epoch {here} here, {there} there)"),
        (_, _) => "both sides are hot".to_owned(),
    }
}

/// How the resource is served, and why that is not as it should be.
pub(super) fn service(one: &ResourceStatus, peer: Option<StateName>) -> (ServiceLevel, Option<String>) {
    use ServiceLevel::{BothHot, NobodyHot, Protected, Unprotected};
    use StateName::{Failed, Hot, Leaving, Releasing, Standby, ToHot, ToStandby, Unknown};
    let serves = |state| matches!(state, Hot | ToHot | Releasing);
    let own_failure = || match one.last_local.as_ref().filter(|heard| !heard.reason.is_empty()) {
        // Its address or its interface: the application may be well.
        Some(heard) if one.app.is_out_of_order => format!("this side cannot serve: {}", heard.reason),
        Some(heard) => format!("the application here has failed: {}", heard.reason),
        None => "the application here has failed".to_owned(),
    };
    let unheard = if one.peer.lacks_resource {
        "the peer's daemon is heard, but not for this resource (does it have one of this name?)"
    } else {
        "the peer is not heard"
    };
    let (level, why) = match (one.state, peer) {
        (Hot, Some(Hot)) => (BothHot, both_hot(one)),
        (Standby, Some(Hot)) if one.foreign.is_some() => {
            let place = one.foreign.as_deref().unwrap_or_default();
            (Unprotected, format!("{place} here, and not from this daemon: this side could not take over"))
        }
        (Hot, Some(Standby)) | (Standby, Some(Hot)) => return (Protected, None),
        (here, None) if serves(here) => (Unprotected, format!("{unheard}: it could not take over")),
        (Hot | ToHot | Releasing, Some(Failed)) => (Unprotected, "the peer's application has failed".into()),
        (Failed, Some(there)) if serves(there) => (Unprotected, own_failure()),
        (here, Some(there)) if serves(here) || serves(there) => (
            Unprotected,
            format!("in transition: {} here, {} there", wording::state(here), wording::state(there)),
        ),
        (Failed, Some(Failed)) => (NobodyHot, "the applications of both sides have failed".into()),
        (Failed, None) => (NobodyHot, format!("{}, and {unheard}", own_failure())),
        (here, None) => (NobodyHot, format!("{} here, and {unheard}", wording::state(here))),
        (
            here @ (Unknown | Standby | ToStandby | Leaving | Failed | Hot | ToHot | Releasing),
            Some(there),
        ) => (NobodyHot, format!("{} here, {} there", wording::state(here), wording::state(there))),
    };
    (level, Some(why))
}

/// A report of the application in the operator's words.
fn app_state(code: AppCode) -> &'static str {
    match code {
        AppCode::Lhot => "hot",
        AppCode::Lsby => "standby",
        AppCode::Lunk | AppCode::Lrfo | AppCode::Lrto => "unknown",
        AppCode::Lfai => "failed",
        AppCode::L2ht => "going-hot",
        AppCode::L2sb => "going-standby",
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::PeerFacts;
    use super::*;

    fn one(state: StateName, peer: Option<StateName>) -> ResourceStatus {
        let peer = PeerFacts {
            alive: peer.is_some(),
            lacks_resource: false,
            heard: None,
            said: peer,
            since: Time::ZERO,
            generation: Generation::Classic,
            epoch: None,
        };
        ResourceStatus { peer, ..ResourceStatus::example("smsc", state) }
    }

    #[test]
    fn protected_means_one_hot_and_one_standby() {
        use ServiceLevel::{BothHot, NobodyHot, Protected, Unprotected};
        use StateName::{Failed, Hot, Standby, ToHot, Unknown};
        for (state, peer, expected) in [
            (Hot, Some(Standby), Protected),
            (Standby, Some(Hot), Protected),
            (Hot, Some(Hot), BothHot),
            (Hot, None, Unprotected),
            (Hot, Some(Failed), Unprotected),
            (Hot, Some(Unknown), Unprotected),
            (Failed, Some(Hot), Unprotected),
            (Standby, Some(ToHot), Unprotected),
            (ToHot, Some(Standby), Unprotected),
            (Standby, Some(Standby), NobodyHot),
            (Standby, None, NobodyHot),
            (Failed, None, NobodyHot),
            (Unknown, Some(Unknown), NobodyHot),
        ] {
            let told = resource(&one(state, peer), Time::ZERO);
            assert_eq!(told.service, expected, "{state} here, {peer:?} there");
            assert_eq!(told.explanation.is_none(), expected == Protected, "{told:?}");
        }
    }

    /// It said "protected" until it had to take over.
    #[test]
    fn a_standby_with_an_address_of_somebody_else_protects_nothing() {
        let foreign = ResourceStatus {
            foreign: Some("10.1.0.100/24 is on eth0".to_owned()),
            ..one(StateName::Standby, Some(StateName::Hot))
        };
        let (level, why) = service(&foreign, Some(StateName::Hot));
        assert_eq!(level, ServiceLevel::Unprotected);
        assert!(why.unwrap().starts_with("10.1.0.100/24 is on eth0 here, and not from this daemon"));
    }

    #[test]
    fn a_resource_that_the_peer_does_not_have_is_told_from_a_silent_peer() {
        for state in [StateName::Hot, StateName::Standby, StateName::Failed] {
            let silent = one(state, None);
            let mut lacking = silent.clone();
            lacking.peer.lacks_resource = true;
            let [silent, lacking] = [silent, lacking].map(|one| service(&one, None).1.unwrap());
            assert!(silent.contains("the peer is not heard"), "{silent}");
            assert!(lacking.contains("not for this resource"), "{lacking}");
        }
    }

    #[test]
    fn a_silent_peer_has_no_state() {
        let silent = ResourceStatus {
            peer: PeerFacts {
                alive: false,
                lacks_resource: false,
                heard: Some(Time::ZERO),
                said: Some(StateName::Standby),
                since: Time::ZERO,
                generation: Generation::Modern,
                epoch: None,
            },
            ..one(StateName::Hot, None)
        };
        let told = resource(&silent, Time::new(Duration::from_secs(7)));
        assert_eq!((told.peer.state, told.peer.heard_seconds_ago), (None, Some(7.0)));
    }
}
