//! The schrittmacher daemon; see [`schrittmacher::daemon`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(schrittmacher::daemon::main())
}
