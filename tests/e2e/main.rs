//! The real programs against each other: daemons, applications, sockets, processes and signals.
//!
//! Every test has addresses of its own, so all of them run at once. They wait for events, never for a time. The
//! times in them are those of an idle machine; the guard against hanging is ten times as long.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod any_command;
mod app_process;
mod app_socket;
mod authentication;
mod batches;
mod cold_start;
mod command_line;
mod commands;
mod containers;
mod control;
mod cuts;
mod defects;
mod descriptors;
mod doors;
mod drills;
mod epochs;
mod failures;
mod fence;
mod flight_record;
mod forged;
mod hostile;
mod isolation;
mod kept_sockets;
mod legacy;
mod legacy_apps;
mod metrics;
mod migration;
mod network;
mod notify;
mod older;
mod openapi;
mod operator;
mod operator_views;
mod options;
mod ordered_switch;
mod orders;
mod paths;
mod promises;
mod reload;
mod restart;
mod right;
mod rights;
mod service_manager;
mod setbacks;
mod sets;
mod shared_address;
mod starts;
mod starved;
mod tokens;
#[cfg(target_os = "linux")]
mod units;
mod watchdog;
mod weather;
mod witness;
mod witness_faults;
mod witness_secure;
