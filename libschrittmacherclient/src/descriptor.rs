//! Descriptors that the application may close.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, fcntl};

/// A descriptor that may be closed already when it is dropped. Programs that go into the background close all their
/// descriptors. The standard library aborts in that case.
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
