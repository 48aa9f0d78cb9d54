//! What the fuzz targets share.

pub mod bytes;

/// The daemon's reader of its configuration. Compiled in here, because the whole daemon, with its page and command line,
/// takes three times as long to build with instrumentation.
#[path = "../src/config/mod.rs"]
pub mod config;

/// Two nodes, their applications and a link in virtual time, as the tests of the protocol have them.
#[path = "../src/protocol/tests/support/mod.rs"]
pub mod support;
