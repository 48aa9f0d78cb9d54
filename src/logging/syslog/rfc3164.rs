//! How a line looks to the local syslogd: as syslog(3) sends it, which is RFC 3164 without the host.

use std::io::Write;

use jiff::tz::TimeZone;
use syslog::{Facility, LogFormat, Result, Severity};

use super::super::line::{Entry, local_time};
use super::priority;
use schrittmacher_text::Escaped;

/// The format, in local time: syslogd takes the time as it is.
pub(super) struct Rfc3164 {
    pub facility: Facility,
    pub pid: u32,
    pub zone: TimeZone,
}

impl LogFormat<&Entry> for Rfc3164 {
    fn format<W: Write>(&self, to: &mut W, severity: Severity, entry: &Entry) -> Result<()> {
        let priority = priority(self.facility, severity);
        let time = local_time(entry.at, &self.zone, "%b %e %H:%M:%S");
        let (name, pid) = (env!("CARGO_PKG_NAME"), self.pid);
        let (section, message) = (Escaped(&entry.section), Escaped(&entry.message));
        let line = format!("<{priority}>{time} {name}[{pid}]: {section}: {message}");
        // One write is one datagram.
        Ok(to.write_all(line.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::super::line;
    use super::*;

    #[test]
    fn a_line_has_facility_its_own_local_time_and_process() {
        let entry = Entry {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_406_276),
            severity: line::Severity::Info,
            section: "r1".into(),
            message: "now\nHot".into(),
        };
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let format = Rfc3164 { facility: Facility::LOG_LOCAL3, pid: 7, zone };
        let mut line = Vec::new();
        format.format(&mut line, Severity::LOG_INFO, &entry).unwrap();
        assert_eq!(String::from_utf8(line).unwrap(), "<158>Nov 23 05:57:56 schrittmacher[7]: r1: now\\nHot");
    }
}
