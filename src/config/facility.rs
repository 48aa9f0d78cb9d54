//! The facilities of syslog.

/// Whom a line is from, as syslogd sorts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility {
    /// As in syslog.conf(5).
    pub name: &'static str,
    /// As in syslog(3), not yet shifted.
    pub code: u8,
}

/// Those that a daemon of an operator can be; the kernel's, mail and the like belong to others.
pub(super) const NAMES: &[&str] = &[
    "daemon", "user", "auth", "authpriv", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7",
];
const CODES: [u8; NAMES.len()] = [3, 1, 4, 10, 16, 17, 18, 19, 20, 21, 22, 23];

impl Facility {
    /// The facility of a name in the table.
    pub(super) fn from_name(name: &'static str) -> Option<Facility> {
        let code = CODES.into_iter().zip(NAMES).find(|(_, known)| **known == name)?.0;
        Some(Facility { name, code })
    }
}
