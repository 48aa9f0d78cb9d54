//! `schrittmacherctl record`: the flight record of a daemon, into a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use super::options::DaemonArgs;
use super::{CtlError, Output, ask};
use schrittmacher_text::exit_code;

/// Fetch the flight record of a daemon, to keep it or to send it
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  schrittmacherctl record -o host-a.record")]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    pub daemon: DaemonArgs,

    /// Write it into FILE instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Only these resources
    #[arg(value_name = "RESOURCE")]
    pub resources: Vec<String>,
}

/// Copies what the daemon sends as it is: a later version may read more of it than this one.
pub(super) fn run(args: &RecordArgs, output: &mut Output<'_>) -> Result<u8, CtlError> {
    let answer = ask::record(&args.daemon, &args.resources)?;
    match &args.output {
        None => copy(answer, output)?,
        Some(path) => {
            let cannot = |error: io::Error| {
                CtlError::new(exit_code::CANTCREAT, &format_args!("can't write {}: {error}", path.display()))
            };
            let mut file = Output::new(File::create(path).map_err(cannot)?);
            copy(answer, &mut file)?;
            file.finish()?;
        }
    }
    Ok(exit_code::OK)
}

/// More than a record of ten thousand resources has, in bytes.
const RECORD_MAX: usize = 256 << 20;

fn copy(from: impl Read, to: &mut Output<'_>) -> Result<(), CtlError> {
    copy_up_to(RECORD_MAX, from, to)
}

/// Copies a record of at most `limit` bytes. Something else than a record is an error.
fn copy_up_to(limit: usize, mut from: impl Read, to: &mut Output<'_>) -> Result<(), CtlError> {
    let mut buffer = vec![0; 1 << 16];
    let (mut copied, mut last) = (0, 0);
    // The beginning of the first line, however it arrives.
    let mut beginning = schrittmacher_record::BEGINNING.as_bytes();
    loop {
        let length = from.read(&mut buffer).map_err(|error| {
            let why = format!("the daemon's answer breaks off: {error}");
            CtlError::new(exit_code::UNAVAILABLE, &why)
        })?;
        let bytes = &buffer[..length];
        let (expected, rest) = beginning.split_at(length.min(beginning.len()));
        if !bytes.starts_with(expected) || (length == 0 && (!rest.is_empty() || last != b'\n')) {
            return Err(CtlError::new(exit_code::DATAERR, &"the answer is no flight record"));
        }
        beginning = rest;
        copied += length;
        if copied > limit {
            let why = format!("the answer has more than {} MiB", limit >> 20);
            return Err(CtlError::new(exit_code::DATAERR, &why));
        }
        let Some(end) = bytes.last() else { return Ok(()) };
        last = *end;
        to.bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exit status, and what was written.
    fn copied(text: &str) -> (u8, String) {
        let mut written = Vec::new();
        let mut output = Output::new(&mut written);
        let result = copy_up_to(100, text.as_bytes(), &mut output);
        drop(output);
        (result.map_or_else(|error| error.exit_code, |()| exit_code::OK), String::from_utf8(written).unwrap())
    }

    #[test]
    fn only_a_record_of_a_bounded_size_is_copied() {
        let record = format!("{}5}}\n{{}}\n", schrittmacher_record::BEGINNING);
        assert_eq!(copied(&record), (exit_code::OK, record.clone()));
        for garbage in ["", "<!DOCTYPE html>\n", "{\"schritt", &record[..record.len() - 1]] {
            assert_eq!(copied(garbage).0, exit_code::DATAERR, "{garbage}");
        }
        assert_eq!(copied(&(record + &"x".repeat(100))).0, exit_code::DATAERR);
    }
}
