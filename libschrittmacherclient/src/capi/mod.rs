//! The C interface: one exported function for every method and property of the legacy class.
//!
//! A thin layer. It checks what C cannot (handles, pointers, numbers, UTF-8), calls [`Client`](crate::Client),
//! and turns the result into a status code. No panic crosses the border, and `errno` stays as it was.
//!
//! The header is generated from these files in the order of `tests/abi_header.rs`; the doc comments here are the
//! comments there. `SECTION:` at the beginning of one makes a headline.

#![expect(non_camel_case_types, reason = "the names are those of the C header")]

mod call;
mod classic;
mod functions;
mod handle;
mod lifecycle;
mod orders;
mod reports;
mod settings;
mod status;

pub(crate) use functions::Functions;
