//! What the daemon says about the protocol's causes, refusals and notices, in sentences.

use schrittmacher_protocol::{Cause, Notice, Refusal};

/// Why a state changed, as the end of a log line.
pub fn cause(cause: Cause) -> String {
    match cause {
        Cause::Peer(code) => format!("peer says {code}"),
        Cause::App(code) => format!("application says {code}"),
        Cause::Alive => "a message with an unknown status".into(),
        Cause::Tick => "time is over".into(),
        Cause::LocalTimeout => "application is silent".into(),
        Cause::RemoteTimeout => "peer is silent".into(),
        Cause::AppDied => "application's process ended".into(),
        Cause::Failover { force: false } => "failover ordered".into(),
        Cause::Failover { force: true } => "failover ordered by force".into(),
        Cause::Takeover => "takeover ordered".into(),
        Cause::Shutdown => "daemon is asked to end".into(),
        Cause::Released => "service is released".into(),
        Cause::Resumed => "process had lost time".into(),
        Cause::StartBegan => "start command began".into(),
        Cause::Reloaded => "configuration was read again".into(),
    }
}

/// Why an order is not carried out; for the operator who gave it.
pub const fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoPeer => "the peer is not heard: nobody would take over",
        Refusal::PeerFailed => "the peer's application has failed: nobody would take over",
        Refusal::AppFailed => "the application of this side has failed",
        Refusal::AlreadyHot => "this side is hot already",
        Refusal::NotHot => "this side is not hot",
        Refusal::HandingOver => "this side is handing over to the other one",
    }
}

/// Something the operator should know, and how much it matters.
pub const fn notice(notice: Notice) -> (log::Level, &'static str) {
    match notice {
        Notice::PeerLost => (log::Level::Warn, "peer is silent"),
        Notice::PeerSeen => (log::Level::Info, "peer is heard"),
        Notice::AppSilent => (log::Level::Warn, "application is silent"),
        Notice::TakeoverUnanswered => {
            (log::Level::Warn, "takeover failed: the peer did not give way within three requests")
        }
        Notice::Paused => (
            log::Level::Warn,
            "this process was stopped, asleep or overloaded for longer than the timeout; asking the peer before going on",
        ),
        Notice::GoingHotTimeout => {
            (log::Level::Error, "application did not become hot within going-hot-timeout")
        }
        Notice::GoingStandbyTimeout => {
            (log::Level::Error, "application did not become standby within going-standby-timeout")
        }
    }
}

/// The beginning of a text from outside, at most so many bytes of it; nobody shall fill our memory with one.
pub fn beginning(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("short".into(), 5), "short");
        assert_eq!(beginning("ääää".into(), 5), "ää…");
        assert_eq!(beginning("ä".into(), 1), "…");
    }
}
