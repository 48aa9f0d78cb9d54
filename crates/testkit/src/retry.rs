//! System calls that a signal interrupts.

use std::io;

/// Repeats a call that a signal has interrupted: a wait with a time limit is not taken up again by the system.
pub fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
