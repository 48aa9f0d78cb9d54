//! What the tests of the protocol share.
#![allow(dead_code, reason = "every test file uses its own part of this")]
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "an `expect` fails in the test files that use everything"
)]

pub mod lone;
pub mod node;
pub mod pair;

use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_protocol::Settings;

/// The default settings, with this priority.
pub fn settings(priority: i32) -> Settings {
    Settings {
        heartbeat: Duration::from_secs(2),
        timeout: Duration::from_secs(6),
        app_timeout: Duration::from_secs(10),
        going_hot_timeout: Duration::from_secs(20),
        going_standby_timeout: Duration::from_secs(6),
        startup_delay: Duration::ZERO,
        priority,
        preempt: false,
        local: IpAddr::from([10, 0, 0, 1]),
        remote: IpAddr::from([10, 0, 0, 2]),
        extensions: true,
    }
}
