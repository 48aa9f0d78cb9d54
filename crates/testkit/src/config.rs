//! Configurations with the defaults.

use std::sync::Arc;
use std::time::Duration;

use schrittmacher_config::{
    Alone, Core, HttpControl, LogTime, OnExit, Realtime, Resource, ResourceValues, ScriptAddresses, Security,
};

/// The `core` group of a node at 127.0.0.2 whose peer is at 127.0.0.3.
pub fn core() -> Core {
    Core {
        local_address: [127, 0, 0, 2].into(),
        remote_address: [127, 0, 0, 3].into(),
        more_paths: Vec::new(),
        shared_address: None,
        netmask: None,
        port: 7700,
        http_port: None,
        http_address: Vec::new(),
        http_host: Vec::new(),
        app_address: Vec::new(),
        http_control: HttpControl::All,
        order_tokens: None,
        run_directory: "/run/schrittmacher".into(),
        control_group: None,
        log_file: None,
        log_syslog: None,
        log_syslog_server: None,
        log_level: log::LevelFilter::Info,
        log_time: LogTime::Seconds,
        notify: None,
        script_addresses: ScriptAddresses::Plain,
        on_exit: OnExit::Handover,
        extensions: true,
        state_directory: "/nonexistent".into(),
        alone: Alone::Go,
        realtime: Realtime::Off,
        watchdog: None,
        witness: None,
        ping: Vec::new(),
        ping_timeout: None,
        security: Security::Legacy,
        auth: None,
    }
}

/// A resource without commands.
pub fn resource(name: &str) -> Resource {
    let values = ResourceValues {
        priority: 0,
        start_action: None,
        stop_action: None,
        check: None,
        unit: None,
        interface_activate: None,
        interface_announce: None,
        interface_deactivate: None,
        shared: None,
        pid_file: None,
        app_user: None,
        heartbeat: Duration::from_secs(2),
        timeout: Duration::from_secs(6),
        app_timeout: Duration::from_secs(10),
        going_hot_timeout: Duration::from_secs(20),
        going_standby_timeout: Duration::from_secs(6),
        startup_delay: Duration::ZERO,
        hold_back: Duration::from_secs(5),
        hold_back_max: Duration::from_secs(300),
        action_user: None,
        action_limits: Vec::new(),
        action_timeout: Duration::from_secs(30),
        interface_timeout: Duration::from_secs(5),
        preempt: false,
        policy: schrittmacher_config::PolicyWord::Available,
        on_isolation: schrittmacher_config::OnIsolationWord::Keep,
        fence: None,
        promise: Duration::from_secs(6),
        set: None,
    };
    Resource { name: name.into(), values: Arc::new(values) }
}

/// The same with other values.
pub fn resource_with(name: &str, change: impl FnOnce(&mut ResourceValues)) -> Resource {
    let mut resource = resource(name);
    change(&mut resource);
    resource
}
