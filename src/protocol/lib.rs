//! The schrittmacher state machine.
//!
//! Two nodes, one service: this crate decides which of them is hot. It contains no networking code, reads
//! no clock, starts no thread and draws no random number. Time, datagrams and the ends of commands come in
//! as [`Event`]s; what has to be done goes out as [`Action`]s, in order. One [`Resource`] is one protected
//! service on one node:
//!
//! ```
//! use std::time::Duration;
//! use schrittmacher_protocol::{Action, Event, Resource, Settings, Time};
//! use schrittmacher_wire::{AppCode, PeerCode};
//!
//! let settings = Settings {
//!     heartbeat: Duration::from_secs(2),
//!     timeout: Duration::from_secs(6),
//!     app_timeout: Duration::from_secs(10),
//!     going_hot_timeout: Duration::from_secs(20),
//!     going_standby_timeout: Duration::from_secs(6),
//!     startup_delay: Duration::ZERO,
//!     priority: 0,
//!     preempt: false,
//!     local: [10, 0, 0, 1].into(),
//!     remote: [10, 0, 0, 2].into(),
//!     extensions: true,
//! };
//! let mut resource = Resource::new(settings, Time::ZERO);
//! // The first tick is due at once: it says UNK, "just started".
//! let actions = resource.handle(resource.next_deadline(), Event::Tick);
//! assert!(matches!(actions[..], [Action::Send { code: PeerCode::Unk, .. }]));
//! // The application reports, the caller waits for the next event or for `next_deadline`, and so on.
//! resource.handle(Time::ZERO, Event::App(Some(AppCode::Lsby)));
//! ```
//!
//! The state diagram, the messages and the reasons stand in `docs/protocol.md`; the transition function in
//! `transition.rs` is the protocol itself. Every value that influences it is in [`Machine`], which is small,
//! comparable and hashable, so that a search can enumerate it.
#![forbid(unsafe_code)]

mod counters;
mod event;
mod machine;
mod moves;
mod peer;
mod record;
mod resource;
mod settings;
mod state;
mod tiebreak;
mod time;
mod transition;

pub use counters::Counters;
pub use event::{Action, Event, Notice, PeerReport, Refusal};
pub use machine::{App, Asked, Cause, Machine, Observer, Window};
pub use peer::{Generation, Peer, Said};
pub use record::{
    FlightRecord, INPUTS, Origin, REACTIONS, Reaction, Replay, Replayed, SEGMENTS, Segment, Transition,
};
pub use resource::Resource;
pub use settings::Settings;
pub use state::{ReleaseOrder, State, StateName};
pub use tiebreak::{FORCED_RANDOM, OUR_RANDOM};
pub use time::Time;
