//! `schrittmacherctl convert`: a configuration file in the other of both formats.

use std::path::PathBuf;

use super::{CtlError, Output};
use schrittmacher_text::exit_code;

/// Print a configuration file in the other format: the older one as TOML, TOML as the older one
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl convert /etc/schrittmacher/schrittmacher.conf > schrittmacher.toml
  schrittmacher --check schrittmacher.toml

The result means the same, which is looked at before it is printed. Files that are included become part
of it. Comments are lost. A file named schrittmacher.conf beside it is read first, so move that away.

Exit status:
  0  printed
  66 there is no such file
  78 something is wrong with the file, or the other format cannot say it")]
pub(crate) struct ConvertArgs {
    /// The configuration file: TOML if its name ends in .toml; looked for in the daemon's own places if it is not named
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

pub(super) fn run(args: &ConvertArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let path = match &args.file {
        Some(path) => path.clone(),
        None => schrittmacher_config::find()
            .map_err(|error| CtlError::new(exit_code::NOINPUT, &format_args!("{error}; name it")))?,
    };
    let loaded = schrittmacher_config::load(&path).map_err(|error| {
        CtlError::new(error.exit_code(), &schrittmacher_config::failure(&error).trim_end())
    })?;
    let text = loaded.in_other_format().map_err(|why| CtlError::new(exit_code::CONFIG, &why))?;
    output.text(&text);
    Ok(exit_code::OK)
}
