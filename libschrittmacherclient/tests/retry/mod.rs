//! Shared by the tests that wait on a socket.

use std::io;

/// Repeats a call that a signal has interrupted. The system does not resume a wait with a time limit.
pub fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
