//! The operator's command; see [`schrittmacher::ctl`].
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(schrittmacher::ctl::main())
}
