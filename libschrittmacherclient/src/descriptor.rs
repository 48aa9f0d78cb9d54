//! Descriptors in somebody else's process.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, fcntl};

/// A descriptor that may be gone when it is closed: programs that go into the background like to close all
/// that are open. The standard library takes that for a reason to abort.
#[derive(Debug)]
pub(crate) struct Descriptor<T: AsFd>(ManuallyDrop<T>);

impl<T: AsFd> Descriptor<T> {
    pub fn new(owner: T) -> Descriptor<T> {
        Descriptor(ManuallyDrop::new(owner))
    }
}

impl<T: AsFd> Deref for Descriptor<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: AsFd> Drop for Descriptor<T> {
    fn drop(&mut self) {
        if fcntl(self.0.as_fd(), FcntlArg::F_GETFD).is_ok() {
            // SAFETY: nothing uses the value after this.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}
