//! A daemon's answer about its status, for the tests of what shows it.

use schrittmacher_api::{
    ApplicationState, DaemonStatus, LastSwitch, PeerNode, PeerProof, PeerState, ResourceState, ServiceLevel,
    Summary, SwitchDirection,
};

/// A resource in these states on both sides; `peer` is `None` if it is not heard.
pub fn resource(name: &str, state: &str, peer: Option<&str>, service: ServiceLevel) -> ResourceState {
    ResourceState {
        name: name.into(),
        service,
        explanation: (service != ServiceLevel::Protected).then(|| "the peer's application has failed".into()),
        state: state.into(),
        state_seconds: 1_051_200.0,
        priority: 5,
        set: None,
        policy: None,
        fence: None,
        epoch: None,
        heartbeat_seconds: 2.0,
        timeout_seconds: 8.0,
        frozen: None,
        last_switch: Some(LastSwitch {
            direction: SwitchDirection::Here,
            cause: "the peer handed over".into(),
            by: None,
            without_service_seconds: None,
            seconds_ago: 60.0,
        }),
        planned: None,
        address: None,
        troubles: Vec::new(),
        peer: PeerState {
            heard: peer.is_some(),
            heard_seconds_ago: Some(0.1),
            state: peer.map(str::to_owned),
            state_seconds: peer.map(|_| 180.0),
            reason: None,
            epoch: None,
        },
        application: ApplicationState { failed: false, heard_seconds_ago: None, state: None, reason: None },
    }
}

/// A daemon on host-a that hears its peer on host-b.
pub fn daemon(resources: Vec<ResourceState>) -> DaemonStatus {
    let count = |level| resources.iter().filter(|one| one.service == level).count();
    DaemonStatus {
        program: "3.0.0".into(),
        host: "host-a.example".into(),
        remote_host: Some("host-b.example".into()),
        local_address: [10, 2, 1, 86].into(),
        remote_address: [10, 2, 1, 87].into(),
        port: 7700,
        security: "legacy".into(),
        config_hash: None,
        authentication: None,
        witness_answers: None,
        witness_answer_seconds: None,
        isolation: None,
        uptime_seconds: 1.0,
        peer: PeerNode {
            heard: true,
            heard_seconds_ago: Some(0.12),
            program: None,
            link: None,
            paths: Vec::new(),
            proof: PeerProof::Run,
        },
        summary: Summary {
            resources: resources.len(),
            protected: count(ServiceLevel::Protected),
            unprotected: count(ServiceLevel::Unprotected),
            nobody_hot: count(ServiceLevel::NobodyHot),
            both_hot: count(ServiceLevel::BothHot),
        },
        resources,
    }
}
