//! The schrittmacher state machine.
//!
//! Two nodes, one service: this crate decides which of them is hot. It contains no networking code, reads
//! no clock, starts no thread and draws no random number. Time, datagrams and the ends of commands come in
//! as [`Event`]s; what has to be done goes out as [`Action`]s, in order. One [`Resource`] is one protected
//! service on one node:
//!
//! ```
//! use std::time::Duration;
//! use schrittmacher_protocol::{Action, Event, OnIsolation, Policy, Resource, Settings, Time};
//! use schrittmacher_wire::{AppCode, PeerCode};
//!
//! let settings = Settings {
//!     heartbeat: Duration::from_secs(2),
//!     timeout: Duration::from_secs(6),
//!     app_timeout: Duration::from_secs(10),
//!     going_hot_timeout: Duration::from_secs(20),
//!     going_standby_timeout: Duration::from_secs(6),
//!     startup_delay: Duration::ZERO,
//!     hold_back: Duration::from_secs(5),
//!     hold_back_max: Duration::from_secs(300),
//!     priority: 0,
//!     preempt: false,
//!     local: [10, 0, 0, 1].into(),
//!     remote: [10, 0, 0, 2].into(),
//!     held: false,
//!     extensions: true,
//!     policy: Policy::Available,
//!     on_isolation: OnIsolation::Keep,
//!     fence: None,
//! };
//! let mut resource = Resource::new(settings, Time::ZERO);
//! // The first tick is due at once: it says UNK, "just started".
//! let reaction = resource.handle(resource.next_deadline(), Event::Tick);
//! assert!(matches!(reaction.actions[..], [Action::Send { code: PeerCode::Unk, .. }]));
//! // The application reports, the caller waits for the next event or for `next_deadline`, and so on.
//! resource.handle(Time::ZERO, Event::App(Some(AppCode::Lsby)));
//! ```
//!
//! `docs/protocol.md` has the state diagram, the messages and the reasons. The transition function in `transition.rs` is the
//! protocol itself. Every value that influences it is in [`Machine`], which is small, comparable and hashable, so that a
//! search can enumerate it.
#![forbid(unsafe_code)]

mod cut_off;
mod epoch;
mod event;
mod fence;
mod hand_over;
mod isolation;
mod lost_host;
mod machine;
mod majority;
mod messages;
mod moves;
mod peer;
mod question;
mod record;
mod request;
mod resource;
mod seek;
mod set;
mod setback;
mod settings;
mod settled;
mod state;
mod step;
mod tiebreak;
mod time;
mod transition;

pub use epoch::{Epochs, LAST_EPOCH};
pub use event::{
    Action, AppFailure, AppReport, Command, Event, FenceNews, Notice, PeerReport, Reaction, Refusal,
    Transition,
};
pub use fence::{Fence, FenceRule, Fenced};
pub use isolation::{Evidence, Isolation, OnIsolation};
pub use lost_host::LostHost;
pub use machine::{App, Bucket, Contest, Ending, Machine, Window};
pub use majority::{Answer, LONGEST_PROMISE, Majority, Promise, WitnessOrder};
pub use peer::{Generation, Peer, Said};
pub use question::Asked;
pub use record::{FlightRecord, INPUTS, Origin, REACTIONS, Replay, Replayed, SEGMENTS, Segment};
pub use resource::Resource;
pub use schrittmacher_wire::Note;
pub use seek::Seeker;
pub use set::{Bond, Guidance, Member, guide};
pub use setback::{HELD_BACK_RANDOM, HoldBack, Setbacks, Unreleased};
pub use settings::{Policy, Settings};
pub use settled::Calm;
pub use state::{Release, ReleaseOrder, State, StateName, Stopping};
pub use step::{Cause, Orderer};
pub use tiebreak::{FORCED_RANDOM, OUR_RANDOM};
pub use time::Time;
