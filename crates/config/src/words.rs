//! Values that are one of a few words. The words of a key are an enum, so that a word without a meaning does not compile.

use std::fmt;

/// A type whose values are words of the configuration file.
pub(super) trait Word: Sized + Copy + 'static {
    /// Every word, in lower case, in the order of the documents.
    const NAMES: &'static [&'static str];

    /// The value with this word, in any case.
    fn from_name(name: &str) -> Option<Self>;
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// As it is written in the configuration file.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl Word for $name {
            const NAMES: &'static [&'static str] = &[$($word,)+];

            fn from_name(name: &str) -> Option<$name> {
                [$($name::$variant,)+].into_iter().find(|word| word.name().eq_ignore_ascii_case(name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

words! {
    /// How addresses look in the environment of commands.
    ScriptAddresses {
        /// `10.2.1.88`, as the manual shows. Default.
        Plain = "plain",
        /// `ipv4:10.2.1.88`, as versions 1.7 … 2.0.0 really passed.
        Legacy = "legacy",
    }
}

words! {
    /// How fine the times in the log file are.
    LogTime {
        /// As the legacy program wrote them. Default.
        Seconds = "s",
        /// With three digits more.
        Milliseconds = "ms",
    }
}

words! {
    /// When a side takes over.
    PolicyWord {
        /// When the peer is silent. Default.
        Available = "available",
        /// With the word of the peer or of the witness.
        Consistent = "consistent",
        /// By an order.
        Manual = "manual",
    }
}

words! {
    /// What a side does whose host is isolated.
    OnIsolationWord {
        /// It goes on. Default.
        Keep = "keep",
        /// It does without the service.
        StepDown = "step-down",
    }
}

words! {
    /// Clients whose orders the status page takes. Reading it needs no right.
    HttpControl {
        /// Everyone who reaches the port, as in the legacy program. Default.
        All = "all",
        /// Programs on this host.
        Loopback = "loopback",
        /// None: orders need the control socket.
        None = "none",
    }
}

words! {
    /// What a side does about a shared address that answers elsewhere while it hears no peer.
    AddressProbe {
        /// Takes it, and tells. Default.
        Tell = "tell",
        /// Waits for as long as it answers.
        Wait = "wait",
    }
}

words! {
    /// The meaning of SIGTERM and SIGINT on a hot node.
    OnExit {
        /// Hand over to a healthy peer first. Default.
        Handover = "handover",
        /// Leave the application and its address alone.
        Leave = "leave",
    }
}

words! {
    /// Whether we tell a peer that it is one of ours, and believe it when it does.
    Extensions {
        /// With a peer that knows them. Default.
        Auto = "auto",
        /// Never.
        Off = "off",
    }
}

words! {
    /// How much is demanded of peers, operators and commands.
    Security {
        /// As open as the legacy program; one warning a start names what is open. Default.
        Legacy = "legacy",
        /// The peer has to sign, and orders come by the control socket.
        Strict = "strict",
    }
}

words! {
    /// How the peer's datagrams are judged once there is a key.
    AuthMode {
        /// As without a key.
        Off = "off",
        /// Ours are signed, and the peer's are believed in any case.
        ReceiveOnly = "receive-only",
        /// Unsigned ones are believed until the peer has signed.
        Permissive = "permissive",
        /// Only signed ones are believed. Default with a key file.
        Enforce = "enforce",
    }
}

words! {
    /// The choice of a node that has never heard its peer.
    Alone {
        /// It goes hot by itself, as the legacy program did. Default.
        Go = "go",
        /// It waits for the peer's first word, or for an operator's takeover by force.
        Wait = "wait",
    }
}

words! {
    /// Whether the thread of the heartbeats goes before everything else on the host.
    Realtime {
        /// Where the system allows it. Default.
        Auto = "auto",
        /// No.
        Off = "off",
    }
}

words! {
    /// The facilities of syslog that a daemon of an operator can have; the kernel's, mail and the like belong to others.
    Facility {
        /// Daemons without a facility of their own.
        Daemon = "daemon",
        /// Programs of users.
        User = "user",
        /// Security.
        Auth = "auth",
        /// Security, not for everyone.
        AuthPriv = "authpriv",
        /// Local use.
        Local0 = "local0",
        /// Local use.
        Local1 = "local1",
        /// Local use.
        Local2 = "local2",
        /// Local use.
        Local3 = "local3",
        /// Local use.
        Local4 = "local4",
        /// Local use.
        Local5 = "local5",
        /// Local use.
        Local6 = "local6",
        /// Local use.
        Local7 = "local7",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_in_any_case_and_shown_as_documented() {
        assert_eq!(OnExit::from_name("LEAVE"), Some(OnExit::Leave));
        assert_eq!(OnExit::Leave.to_string(), "leave");
        assert_eq!(OnExit::from_name("leav"), None);
        for name in Facility::NAMES {
            assert_eq!(Facility::from_name(name).map(Facility::name), Some(*name));
        }
    }
}
