//! The configuration of one resource as the state machine wants it.

use schrittmacher_protocol::{FenceRule, OnIsolation, Policy, Settings};

use crate::words::{OnIsolationWord, PolicyWord};
use crate::{Core, Resource};

/// The part of the configuration that the protocol needs.
pub fn settings(core: &Core, resource: &Resource) -> Settings {
    Settings {
        heartbeat: resource.heartbeat,
        timeout: resource.timeout,
        app_timeout: resource.app_timeout,
        going_hot_timeout: resource.going_hot_timeout,
        going_standby_timeout: resource.going_standby_timeout,
        startup_delay: resource.startup_delay,
        hold_back: resource.hold_back,
        hold_back_max: resource.hold_back_max,
        priority: resource.priority,
        preempt: resource.preempt,
        local: core.local_address,
        remote: core.remote_address,
        held: false,
        extensions: core.extensions,
        policy: match resource.policy {
            PolicyWord::Available => Policy::Available,
            PolicyWord::Consistent => Policy::Consistent { promise: resource.promise },
            PolicyWord::Manual => Policy::Manual,
        },
        on_isolation: match resource.on_isolation {
            OnIsolationWord::Keep => OnIsolation::Keep,
            OnIsolationWord::StepDown => OnIsolation::StepDown,
        },
        fence: resource
            .fence
            .as_ref()
            .map(|fence| FenceRule { delay: fence.timeout, pause: fence.longest().max(resource.timeout) }),
    }
}
