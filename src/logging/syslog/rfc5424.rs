//! How a line looks to a syslog server: RFC 5424.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use syslog::{Facility, Formatter5424, LogFormat, Result, Severity};

use super::super::line::Entry;
use super::priority;
use schrittmacher_text::Escaped;
use schrittmacher_text::beginning;

/// The size that any IPv6 link carries in one piece, and thus any server takes (RFC 5426, 3.2).
pub(super) const DATAGRAM_BYTES_MAX: usize = 1180;

/// A section is a resource's name, and none that can be configured is longer, unless much of it is escaped.
/// In the structured data it can double, and still leaves room for a message.
const SECTION_BYTES_MAX: usize = 255;

/// The mark of a field without a value.
const NIL: &str = "-";

/// The format. The section is in the structured data for programs and before the message for people, whose servers
/// mostly show nothing else. 32473 is the number for examples (RFC 5612): we have none of our own.
pub(super) struct Rfc5424 {
    pub facility: Facility,
    pub host: Option<String>,
    pub pid: u32,
}

impl LogFormat<&Entry> for Rfc5424 {
    fn format<W: Write>(&self, to: &mut W, severity: Severity, entry: &Entry) -> Result<()> {
        let priority = priority(self.facility, severity);
        let time = Timestamp::try_from(entry.at).unwrap_or(Timestamp::UNIX_EPOCH);
        let host = self.host.as_deref().filter(|host| is_name(host)).unwrap_or(NIL);
        let (name, pid) = (env!("CARGO_PKG_NAME"), self.pid);
        let section = beginning(Escaped(&entry.section).to_string(), SECTION_BYTES_MAX);
        let data = structured(&section);
        // The byte order mark tells that what follows is UTF-8.
        let header = format!("<{priority}>1 {time:.6} {host} {name} {pid} {NIL} {data} \u{feff}");
        let message = format!("{section}: {}", Escaped(&entry.message));
        let room = DATAGRAM_BYTES_MAX.saturating_sub(header.len() + '…'.len_utf8());
        // One write is one datagram.
        Ok(to.write_all((header + &beginning(message, room)).as_bytes())?)
    }
}

/// The crate escapes what would end a value (RFC 5424, 6.3.3).
fn structured(section: &str) -> String {
    let id = concat!(env!("CARGO_PKG_NAME"), "@32473").to_owned();
    let parameters = BTreeMap::from([("section".to_owned(), section.to_owned())]);
    Formatter5424 { facility: Facility::default(), hostname: None, process: String::new(), pid: 0 }
        .format_5424_structured_data(BTreeMap::from([(id, parameters)]))
}

/// Whether a server can read it as HOSTNAME.
fn is_name(host: &str) -> bool {
    (1..=255).contains(&host.len()) && host.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::super::line;
    use super::*;

    fn datagram(entry: &Entry, facility: Facility, host: Option<&str>, pid: u32) -> String {
        let mut datagram = Vec::new();
        let format = Rfc5424 { facility, host: host.map(str::to_owned), pid };
        format.format(&mut datagram, Severity::LOG_INFO, entry).unwrap();
        String::from_utf8(datagram).unwrap()
    }

    fn entry(section: &str, message: &str) -> Entry {
        Entry {
            at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_406_276_000_120),
            severity: line::Severity::Info,
            section: section.into(),
            message: message.into(),
        }
    }

    #[test]
    fn a_line_as_the_rfc_has_it() {
        assert_eq!(
            datagram(&entry("r1", "now\nHot, ü"), Facility::LOG_LOCAL3, Some("node-a"), 7),
            "<158>1 2026-11-23T03:57:56.000120Z node-a schrittmacher 7 - [schrittmacher@32473 section=\"r1\"] \
             \u{feff}r1: now\\nHot, ü"
        );
    }

    #[test]
    fn a_name_does_not_end_the_structured_data() {
        let line = datagram(&entry("a\"] b\\ü\u{202e}", "x"), Facility::LOG_DAEMON, Some("node-a"), 7);
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
            let line = datagram(&entry("r1", "x"), Facility::LOG_DAEMON, host, 7);
            assert!(line.contains("Z - schrittmacher 7 "), "{line}");
        }
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        for padding in 0..3 {
            let message = "x".repeat(padding) + &"€".repeat(1000);
            let line = datagram(&entry("r1", &message), Facility::LOG_LOCAL3, Some("node-a"), 7);
            assert!(line.ends_with("€…"), "{line}");
            assert!((DATAGRAM_BYTES_MAX - 2..=DATAGRAM_BYTES_MAX).contains(&line.len()), "{}", line.len());
        }
    }

    /// The longest of everything that stands before it, and a section that is none of ours.
    #[test]
    fn nothing_leaves_a_message_without_room() {
        for section in ["\u{202e}".repeat(85), "\"".repeat(255), "\u{1}".repeat(10_000)] {
            let line =
                datagram(&entry(&section, "x"), Facility::LOG_LOCAL7, Some(&"h".repeat(255)), u32::MAX);
            assert!(line.len() <= DATAGRAM_BYTES_MAX, "{}", line.len());
            assert!(line.contains("\"] \u{feff}"), "{line}");
        }
    }
}
