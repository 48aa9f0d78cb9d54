//! The real programs against each other: daemons, applications, sockets, processes and signals.
//!
//! Every test has addresses of its own, so all of them run at once. They wait for events, never for a time;
//! the times written down are what an idle machine needs, and the guard against hanging is ten times that.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

mod harness;

mod any_command;
mod app_process;
mod cold_start;
mod command_line;
mod cuts;
mod defects;
mod descriptors;
mod failures;
mod flight_record;
mod hostile;
mod legacy;
mod legacy_apps;
mod migration;
mod network;
mod operator;
mod options;
mod orders;
mod reload;
mod restart;
mod weather;
