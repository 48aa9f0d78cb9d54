//! A flight record that is read, and how its source is called in complaints.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::Failure;
use crate::exit_code;
use crate::record::{Header, ReadError, Reader, ResourceRecord};

/// See the module.
pub(super) struct Source {
    name: String,
    reader: Reader<Box<dyn BufRead>>,
}

impl Source {
    /// A file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Source, Failure> {
        if path == Path::new("-") {
            return Source::new("standard input".into(), io::stdin());
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| complaint(&name, exit_code::NOINPUT, &error))?;
        Source::new(name, file)
    }

    /// Whatever can be read.
    pub fn new(name: String, input: impl Read + 'static) -> Result<Source, Failure> {
        let input: Box<dyn BufRead> = Box::new(BufReader::new(input));
        let reader = Reader::new(input).map_err(|error| wrong(&name, &error))?;
        Ok(Source { name, reader })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The next resource; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<ResourceRecord>, Failure> {
        self.reader.next().transpose().map_err(|error| wrong(&self.name, &error))
    }

    /// The complaint that a resource is not there.
    pub fn missing(&self, resource: &str) -> Failure {
        complaint(&self.name, exit_code::NOINPUT, &format_args!("there is no resource {resource}"))
    }
}

fn wrong(name: &str, error: &ReadError) -> Failure {
    complaint(name, if error.is_io() { exit_code::IOERR } else { exit_code::DATAERR }, error)
}

fn complaint(name: &str, exit_code: u8, why: &dyn Display) -> Failure {
    Failure::new(exit_code, &format_args!("{name}: {why}"))
}
