//! The output of a command: a pipe whose reader has gone is no error, a full disk is.

use std::fmt::Display;
use std::io::{self, Write};

use schrittmacher_text::exit_code;

use super::CtlError;

/// Text for people, or for a file.
pub(crate) struct Output<'a> {
    to: Box<dyn Write + 'a>,
    /// The first error; nothing is written after it.
    broken: Option<io::Error>,
}

impl<'a> Output<'a> {
    pub fn new(to: impl Write + 'a) -> Output<'a> {
        Output { to: Box::new(to), broken: None }
    }

    /// Writes text as it is.
    pub fn text(&mut self, text: &dyn Display) {
        if self.broken.is_none() {
            self.broken = write!(self.to, "{text}").err();
        }
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.broken = self.to.write_all(bytes).err();
        }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &dyn Display) {
        self.text(&format_args!("{text}\n"));
    }

    /// Shows what has been written so far: the next line may be some time off.
    pub fn flush(&mut self) {
        if self.broken.is_none() {
            self.broken = self.to.flush().err();
        }
    }

    /// Nothing can be written any more.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Writes what is still in the buffer.
    ///
    /// # Errors
    ///
    /// Something could not be written, and its reader has not just gone away (`… | head`).
    pub fn finish(&mut self) -> Result<(), CtlError> {
        self.flush();
        match self.broken.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(CtlError::new(exit_code::IOERR, &format_args!("can't write: {error}")))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes this number of bytes, and no more.
    struct Full(usize, io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.0.min(bytes.len());
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written_to(kind: io::ErrorKind) -> Result<(), CtlError> {
        let mut output = Output::new(Full(10, kind));
        for _ in 0..10 {
            output.line(&"hello");
            output.bytes(b"hello");
        }
        output.finish()
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error_and_a_full_disk_is() {
        assert_eq!(written_to(io::ErrorKind::BrokenPipe), Ok(()));
        assert_eq!(written_to(io::ErrorKind::StorageFull).unwrap_err().exit_code, exit_code::IOERR);
    }

    #[test]
    fn what_could_not_be_flushed_is_noticed() {
        let mut output = Output::new(io::BufWriter::new(Full(0, io::ErrorKind::StorageFull)));
        output.line(&"hello");
        assert_eq!(output.finish().unwrap_err().exit_code, exit_code::IOERR);
    }
}
