//! Pairs of real daemons for the end-to-end tests and the benchmark: two hosts, each with a daemon, an
//! application, files and a link.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "what a test that failed has to tell")]

mod app;
mod config;
mod cost;
mod ctl;
mod emulator;
mod filter;
mod host;
mod http;
mod journal;
mod lan;
mod log;
mod mixed;
mod namespace;
mod pair;
mod process;
mod reporter;
mod starts;
#[cfg(target_os = "linux")]
mod systemd;
mod tail;
mod watch;

use std::time::{Duration, Instant};

pub use app::App;
pub use config::{HTTP_PORT, PORT, RESOURCE, Setup};
pub use cost::{Lateness, cpu_time, mebibytes, with_children};
pub use ctl::{ctl, ctl_in};
pub use emulator::{Emulator, Weather};
pub use filter::Filter;
pub use host::Host;
pub use http::get;
pub use journal::Journal;
pub use lan::{Lan, PROBE_PERIOD, Probe, Scissors};
pub use mixed::{Generation, LEGACY_HEARTBEAT, LEGACY_TIMEOUT, Mixed, beside_both};
pub use namespace::{Cable, Namespace};
pub use pair::{Pair, Side};
pub use process::{Process, program};
pub use reporter::{EndOnDrop, Reporter, report};
pub use schrittmacher_testkit::{retry, skip};
pub use starts::Starts;
#[cfg(target_os = "linux")]
pub use systemd::{Obedience, Systemd};
pub use tail::Tail;
pub use watch::Watch;

/// How often something is looked at that can't wake us.
pub const LOOK: Duration = Duration::from_millis(5);

/// The guard against hanging, for a wait that takes no time at all.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// The expected time of things that take nearly none.
pub const AT_ONCE: Duration = Duration::from_millis(100);

/// Looks until there is an answer; `expected` is how long that takes on an idle machine.
///
/// # Panics
///
/// After ten times as long.
pub fn wait_for<T>(what: &str, expected: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    let patience = LEAST_PATIENCE.max(expected * 10);
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(began.elapsed() < patience, "waited {patience:?} in vain for: {what}");
        std::thread::sleep(LOOK);
    }
}

/// Holds for `span`: looks all the time, since nothing tells of what does not happen.
///
/// # Panics
///
/// When `look` says what is wrong.
pub fn holds_for(span: Duration, mut look: impl FnMut() -> Result<(), String>) {
    let began = Instant::now();
    loop {
        look().unwrap_or_else(|what| panic!("after {:?}: {what}", began.elapsed()));
        if began.elapsed() >= span {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

/// Whether this process has the rights of root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
