//! The four-letter status codes.

use serde::{Deserialize, Serialize};

use crate::Note;

/// Declares a status code enum together with its text on the wire.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every code, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The code for an exact (case-sensitive) text.
            pub fn from_text(text: &str) -> Option<$name> {
                match text { $($text => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

codes! {
    /// The code of a message between daemons.
    PeerCode {
        /// `UNK`: just started, does not know its role.
        Unk = "UNK",
        /// `HOTT`: is hot.
        Hott = "HOTT",
        /// `STBY`: is standby.
        Stby = "STBY",
        /// `TREQ`: wishes to take over.
        Treq = "TREQ",
        /// `TCNF`: confirms the other side's takeover.
        Tcnf = "TCNF",
        /// `TREJ`: rejects the other side's takeover.
        Trej = "TREJ",
        /// `FAIL`: its application has failed; implies that the other side may take over.
        Fail = "FAIL",
        /// `FOVR`: gives up the hot role although healthy; the other side shall take over.
        Fovr = "FOVR",
        /// `2HOT`: on its way to hot.
        ToHot = "2HOT",
        /// `2SBY`: on its way to standby.
        ToStandby = "2SBY",
    }
}

codes! {
    /// The code of an application's message.
    AppCode {
        /// `LHOT`: is hot.
        Lhot = "LHOT",
        /// `LSBY`: is standby.
        Lsby = "LSBY",
        /// `LUNK`: does not know, has just started for example.
        Lunk = "LUNK",
        /// `LFAI`: has failed.
        Lfai = "LFAI",
        /// `L2HT`: on its way to hot.
        L2ht = "L2HT",
        /// `L2SB`: on its way to standby.
        L2sb = "L2SB",
        /// `LRFO`: asks for a failover to the other side.
        Lrfo = "LRFO",
        /// `LRTO`: asks for a takeover from the other side.
        Lrto = "LRTO",
    }
}

impl PeerCode {
    /// The receiver takes the role at this word. Said once more, it would give away what was given back meanwhile. A daemon that
    /// ends says it again and again by itself, in batches too, and has to explain those.
    pub fn is_said_once(self, note: Option<Note>) -> bool {
        self == PeerCode::Tcnf || self == PeerCode::Fovr && note != Some(Note::Leaving)
    }
}

/// A received status: one of the known codes, or one that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// From a daemon.
    Peer(PeerCode),
    /// From an application.
    App(AppCode),
    /// Neither; refreshes liveness when it comes from an accepted source and changes nothing else.
    Unknown,
}

impl Code {
    /// Classifies a status text; the comparison is exact and case-sensitive, as in every legacy version.
    pub fn from_text(text: &str) -> Code {
        if let Some(code) = PeerCode::from_text(text) {
            Code::Peer(code)
        } else if let Some(code) = AppCode::from_text(text) {
            Code::App(code)
        } else {
            Code::Unknown
        }
    }
}
