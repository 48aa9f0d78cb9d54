//! How a line looks to a syslog server: RFC 5424.

use std::fmt::{self, Write};

use jiff::Timestamp;

use super::line::{Entry, Escaped};
use crate::wording::beginning;

/// What any IPv6 link carries in one piece, and thus any server takes (RFC 5426, 3.2).
pub(super) const DATAGRAM_BYTES_MAX: usize = 1180;

/// A section is a resource's name, and none that can be configured is longer, unless much of it is escaped.
/// In the structured data it can double, and still leaves room for a message.
const SECTION_BYTES_MAX: usize = 255;

/// What stands for a field without a value.
const NIL: &str = "-";

/// One datagram.
///
/// The section is in the structured data for programs and before the message for people, whose servers
/// mostly show nothing else. 32473 is the number for examples (RFC 5612), as nobody has assigned us one.
pub(super) fn datagram(entry: &Entry, facility: u8, host: Option<&str>, pid: u32) -> String {
    let priority = facility * 8 + entry.severity.syslog_code();
    let time = Timestamp::try_from(entry.at).unwrap_or(Timestamp::UNIX_EPOCH);
    let host = host.filter(|host| is_name(host)).unwrap_or(NIL);
    let name = env!("CARGO_PKG_NAME");
    let section = beginning(Escaped(&entry.section).to_string(), SECTION_BYTES_MAX);
    let data = format!("[{name}@32473 section=\"{}\"]", Parameter(&section));
    // The byte order mark tells that what follows is UTF-8.
    let header = format!("<{priority}>1 {time:.6} {host} {name} {pid} {NIL} {data} \u{feff}");
    let message = format!("{section}: {}", Escaped(&entry.message));
    let room = DATAGRAM_BYTES_MAX.saturating_sub(header.len() + '…'.len_utf8());
    header + &beginning(message, room)
}

/// Whether a server can read it as HOSTNAME.
fn is_name(host: &str) -> bool {
    (1..=255).contains(&host.len()) && host.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The value of a parameter in structured data, which `"` and `]` would end (RFC 5424, 6.3.3).
struct Parameter<'a>(&'a str);

impl fmt::Display for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if matches!(c, '"' | '\\' | ']') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::line::Severity;
    use super::*;

    fn entry(section: &str, message: &str) -> Entry {
        Entry {
            at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_406_276_000_120),
            severity: Severity::Info,
            section: section.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_line_as_the_rfc_has_it() {
        assert_eq!(
            datagram(&entry("r1", "now\nHot, ü"), 19, Some("node-a"), 7),
            "<158>1 2026-11-23T03:57:56.000120Z node-a schrittmacher 7 - [schrittmacher@32473 section=\"r1\"] \
             \u{feff}r1: now\\nHot, ü"
        );
    }

    #[test]
    fn a_name_does_not_end_the_structured_data() {
        let line = datagram(&entry("a\"] b\\ü\u{202e}", "x"), 3, Some("node-a"), 7);
        assert!(
            line.ends_with(
                " [schrittmacher@32473 section=\"a\\\"\\] b\\\\ü\\\\u{202e}\"] \u{feff}a\"] b\\ü\\u{202e}: x"
            ),
            "{line}"
        );
    }

    #[test]
    fn a_host_without_a_proper_name_has_none() {
        for host in [None, Some(""), Some("two words"), Some("büro"), Some("a\n")] {
            let line = datagram(&entry("r1", "x"), 3, host, 7);
            assert!(line.contains("Z - schrittmacher 7 "), "{line}");
        }
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        for padding in 0..3 {
            let message = "x".repeat(padding) + &"€".repeat(1000);
            let line = datagram(&entry("r1", &message), 19, Some("node-a"), 7);
            assert!(line.ends_with("€…"), "{line}");
            assert!((DATAGRAM_BYTES_MAX - 2..=DATAGRAM_BYTES_MAX).contains(&line.len()), "{}", line.len());
        }
    }

    /// The longest of everything that stands before it, and a section that is none of ours.
    #[test]
    fn nothing_leaves_a_message_without_room() {
        for section in ["\u{202e}".repeat(85), "\"".repeat(255), "\u{1}".repeat(10_000)] {
            let line = datagram(&entry(&section, "x"), 23, Some(&"h".repeat(255)), u32::MAX);
            assert!(line.len() <= DATAGRAM_BYTES_MAX, "{}", line.len());
            assert!(line.contains("\"] \u{feff}"), "{line}");
        }
    }
}
