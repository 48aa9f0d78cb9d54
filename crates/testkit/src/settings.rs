//! Settings of the state machine with the defaults.

use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_protocol::{OnIsolation, Policy, Settings};

/// The default settings, with this priority.
pub fn settings(priority: i32) -> Settings {
    Settings {
        heartbeat: Duration::from_secs(2),
        timeout: Duration::from_secs(6),
        app_timeout: Duration::from_secs(10),
        going_hot_timeout: Duration::from_secs(20),
        going_standby_timeout: Duration::from_secs(6),
        startup_delay: Duration::ZERO,
        hold_back: Duration::from_secs(5),
        hold_back_max: Duration::from_secs(300),
        priority,
        preempt: false,
        local: IpAddr::from([10, 0, 0, 1]),
        remote: IpAddr::from([10, 0, 0, 2]),
        held: false,
        extensions: true,
        policy: Policy::Available,
        on_isolation: OnIsolation::Keep,
        fence: None,
    }
}
