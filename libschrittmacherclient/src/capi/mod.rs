//! The C interface: one exported function for every method and property of the legacy class.
//!
//! A thin layer. It checks what the C compiler cannot check: handles, pointers, numbers, UTF-8. Then it calls
//! [`Client`](crate::Client), and turns the result into a status code. No panic crosses the border, and `errno` stays
//! as it was.
//!
//! One convention holds for all functions (docs/adr/0016-one-error-convention-in-c.md). A negative result is an error,
//! the client comes first, and a context comes last.
//!
//! The header is generated from these files in the order of `tests/abi_header.rs`. The doc comments here are the
//! comments there. `SECTION:` at the beginning of one makes a headline.

#![expect(non_camel_case_types, reason = "the names are those of the C header")]

mod call;
mod callbacks;
mod classic;
mod handle;
mod lifecycle;
mod logging;
mod orders;
mod reports;
mod settings;
mod status;

pub(crate) use callbacks::Kept;
