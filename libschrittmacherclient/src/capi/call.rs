//! The frame around the work of every exported function.

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libc::size_t;
use nix::errno::Errno;

use super::handle::{find, schrittmacher_client};
use super::status::{Failure, schrittmacher_status};
use crate::Client;

/// Runs `body`, keeps `errno`, and turns a panic into `on_panic`.
pub(super) fn guarded<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    let errno = Errno::last_raw();
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or(on_panic);
    Errno::set_raw(errno);
    result
}

/// The same for a body that gives a number or fails.
pub(super) fn guarded_number(body: impl FnOnce() -> Result<c_int, Failure>) -> c_int {
    guarded(schrittmacher_status::SCHRITTMACHER_ERR_INTERNAL.number(), || {
        body().unwrap_or_else(|failure| failure.number())
    })
}

/// For functions that do something: 0, or a negative status code.
pub(super) fn act(
    client: *const schrittmacher_client,
    body: impl FnOnce(&Client) -> Result<(), Failure>,
) -> c_int {
    get(client, |client| body(client).map(|()| schrittmacher_status::SCHRITTMACHER_OK.number()))
}

/// For functions that get a number: the number, or a negative status code.
pub(super) fn get(
    client: *const schrittmacher_client,
    body: impl FnOnce(&Client) -> Result<c_int, Failure>,
) -> c_int {
    guarded_number(|| body(&*find(client)?))
}

/// For questions: 1 or 0. An error is 0 too, so that a plain `if` is right.
pub(super) fn ask(
    client: *const schrittmacher_client,
    body: impl FnOnce(&Client) -> Result<bool, Failure>,
) -> c_int {
    guarded(0, || find(client).and_then(|client| body(&client)).is_ok_and(|yes| yes).into())
}

/// A text from C; none for NULL.
///
/// # Safety
///
/// `text` is NULL or points to a NUL-terminated string that nobody changes during `'a`.
pub(super) unsafe fn text<'a>(text: *const c_char) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and the caller vouches for the rest.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Failure::Utf8)
}

/// Copies a text to C by the rule of snprintf: always terminated, and cut at a character if there is not enough
/// room. Returns the length of the whole text.
///
/// # Safety
///
/// `buffer` points to `size` writable bytes, or `size` is 0.
pub(super) unsafe fn copy_out(
    text: Option<&str>,
    buffer: *mut c_char,
    size: size_t,
) -> Result<c_int, Failure> {
    let text = text.unwrap_or_default();
    if let Some(room) = size.checked_sub(1) {
        if buffer.is_null() {
            return Err(Failure::Null);
        }
        let mut end = text.len().min(room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // SAFETY: end + 1 <= size bytes are writable, and our text does not overlap the caller's memory.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), end);
            *buffer.add(end) = 0;
        }
    }
    c_int::try_from(text.len()).map_err(|_| Failure::Invalid)
}
