//! Reads a flight record. It may be cut off, edited or made up.

use std::fmt;
use std::io::{self, BufRead, Read};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use schrittmacher_text::Escaped;

use super::{FORMAT, Header, ResourceRecord};

/// A line that is longer is no record: a resource takes a hundred kilobytes at most.
const LINE_MAX: usize = 1 << 20;

/// Reads one resource after the other.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    /// Lines read so far.
    line: usize,
    failed: bool,
}

/// The mistake in a record, and its place.
#[derive(Debug)]
pub struct ReadError {
    /// From one.
    line: usize,
    /// From one; zero means the whole line.
    column: usize,
    why: String,
    io: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    ///
    /// The input is no flight record, or one of another format.
    pub fn new(mut input: R) -> Result<Reader<R>, ReadError> {
        let text = next_line(&mut input, 1)?.ok_or_else(|| ReadError::at(1, "it is empty"))?;
        let header = read_header(&text)?;
        Ok(Reader { input, header, line: 1, failed: false })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    fn next_resource(&mut self) -> Result<Option<ResourceRecord>, ReadError> {
        let (line, had) = (self.line + 1, self.line - 1);
        let text = next_line(&mut self.input, line)?;
        match text {
            None if had < self.header.resources => Err(ReadError::at(
                line,
                &format_args!(
                    "it ends here, with {had} of {} resources: it was cut off",
                    self.header.resources
                ),
            )),
            None => Ok(None),
            Some(_) if had >= self.header.resources => Err(ReadError::at(
                line,
                &format_args!("there is more than the {} resources of the first line", self.header.resources),
            )),
            Some(text) => {
                self.line = line;
                parse(&text, line).map(Some).map_err(|error| error.of(&self.header))
            }
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<ResourceRecord, ReadError>;

    /// Nothing comes after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_resource().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// The number of the format comes first, so that a later one is told from nonsense.
fn read_header(text: &[u8]) -> Result<Header, ReadError> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "schrittmacher-record")]
        format: u32,
        program: Option<String>,
    }
    let kind: Kind = parse(text, 1)
        .map_err(|error| ReadError { why: format!("this is no flight record: {}", error.why), ..error })?;
    if kind.format != FORMAT {
        let program = kind.program.unwrap_or_else(|| "an unknown version".into());
        return Err(ReadError::at(
            1,
            &format_args!(
                "format {} of schrittmacher {program}; this is schrittmacher {}, which reads format {FORMAT}",
                kind.format,
                env!("CARGO_PKG_VERSION"),
            ),
        ));
    }
    parse(text, 1)
}

fn parse<T: DeserializeOwned>(text: &[u8], line: usize) -> Result<T, ReadError> {
    serde_json::from_slice(text).map_err(|error| {
        let why = error.to_string();
        // It counts lines within ours.
        let why = why.split(" at line 1 column").next().unwrap_or_default().to_owned();
        ReadError { line, column: error.column(), why, io: false }
    })
}

/// The next line; `None` at the end of the input.
fn next_line(input: &mut impl BufRead, line: usize) -> Result<Option<Vec<u8>>, ReadError> {
    let mut text = Vec::new();
    let failed = |error: io::Error| ReadError { io: true, ..ReadError::at(line, &error) };
    input.take(LINE_MAX as u64 + 1).read_until(b'\n', &mut text).map_err(failed)?;
    if text.len() > LINE_MAX {
        return Err(ReadError::at(line, "the line is too long for a flight record"));
    }
    Ok((!text.is_empty()).then_some(text))
}

impl ReadError {
    /// Whether reading itself failed.
    pub fn is_io(&self) -> bool {
        self.io
    }

    fn at(line: usize, why: &(impl fmt::Display + ?Sized)) -> ReadError {
        ReadError { line, column: 0, why: why.to_string(), io: false }
    }

    /// Another version may have written values that this one does not know.
    fn of(self, header: &Header) -> ReadError {
        if header.program == env!("CARGO_PKG_VERSION") {
            return self;
        }
        let ours = env!("CARGO_PKG_VERSION");
        let why = format!("{} (written by schrittmacher {}; this is {ours})", self.why, header.program);
        ReadError { why, ..self }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            0 => write!(f, "line {}: {}", self.line, Escaped(&self.why)),
            column => write!(f, "line {}, column {column}: {}", self.line, Escaped(&self.why)),
        }
    }
}

impl std::error::Error for ReadError {}
