//! A flight record that is read, and how its source is called in complaints.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::CtlError;
use schrittmacher_record::{Header, ReadError, Reader, ResourceRecord};
use schrittmacher_text::exit_code;

/// See the module.
pub(super) struct Source {
    name: String,
    reader: Reader<Box<dyn BufRead>>,
}

impl Source {
    /// A file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Source, CtlError> {
        if path == Path::new("-") {
            return Source::new("standard input".into(), io::stdin());
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| complaint(&name, exit_code::NOINPUT, &error))?;
        Source::new(name, file)
    }

    /// A source of any kind of input.
    pub fn new(name: String, input: impl Read + 'static) -> Result<Source, CtlError> {
        let input: Box<dyn BufRead> = Box::new(BufReader::new(input));
        let reader = Reader::new(input).map_err(|error| wrong(&name, &error))?;
        Ok(Source { name, reader })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The next resource; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<ResourceRecord>, CtlError> {
        self.reader.next().transpose().map_err(|error| wrong(&self.name, &error))
    }

    /// The complaint that a resource is not there.
    pub fn missing(&self, resource: &str) -> CtlError {
        complaint(&self.name, exit_code::NOINPUT, &format_args!("there is no resource {resource}"))
    }
}

fn wrong(name: &str, error: &ReadError) -> CtlError {
    complaint(name, if error.is_io() { exit_code::IOERR } else { exit_code::DATAERR }, error)
}

fn complaint(name: &str, exit_code: u8, why: &dyn Display) -> CtlError {
    CtlError::new(exit_code, &format_args!("{name}: {why}"))
}
