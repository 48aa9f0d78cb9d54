//! The values of one group, converted one by one; what is wrong with them goes to the findings.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::address::{self, Spelling};
use super::diagnostic::{Findings, excerpt};
use super::document::{Entry, Group, Syntax};
use super::keys::{self, Key, Kind, Origin};
use super::legacy::is_space;
use super::number::{leading_decimal, leading_integer};

/// One group and where to complain. An absent key, an empty value and a useless one all are `None`.
pub(super) struct Fields<'a> {
    pub group: &'a Group,
    pub findings: &'a mut Findings,
}

impl<'a> Fields<'a> {
    /// The entry of a key, unless it is absent or empty.
    pub fn entry(&self, name: &str) -> Option<&'a Entry> {
        debug_assert!(keys::find(name).is_some_and(|key| key.place.allows(self.group.kind)), "{name}");
        self.group.entries.get(name).filter(|entry| !entry.value.trim_matches(is_space).is_empty())
    }

    /// Any text.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let entry = self.entry(name)?;
        if entry.value.contains('\0') {
            self.error(name, entry, "contains a NUL character", "remove it");
            return None;
        }
        Some(entry.value.clone())
    }

    /// A path, as written.
    pub fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// One address.
    pub fn address(&mut self, name: &'static str) -> Option<IpAddr> {
        let entry = self.entry(name)?;
        match address::parse(&entry.value) {
            Ok(Spelling::Proper(address)) => Some(address),
            Ok(Spelling::Sloppy(address)) => {
                self.warn(
                    name,
                    entry,
                    &format!("is read as {address}"),
                    self.comment_or(entry, "write it so"),
                );
                Some(address)
            }
            Err(hint) => {
                self.error(name, entry, "is no address", hint);
                None
            }
        }
    }

    /// An address that one end of the peer link can have.
    pub fn end_address(&mut self, name: &'static str) -> Option<IpAddr> {
        let entry = self.entry(name)?;
        let address = self.address(name)?;
        match address::check_end(address) {
            Ok(()) => Some(address),
            Err(hint) => {
                self.error(name, entry, "cannot be one end of the peer link", hint);
                None
            }
        }
    }

    /// Addresses, separated by commas or white space.
    pub fn addresses(&mut self, name: &'static str) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for (entry, item) in self.items(name) {
            match address::parse(item) {
                Ok(Spelling::Proper(address)) => addresses.push(address),
                Ok(Spelling::Sloppy(_)) => self.error_in(name, entry, item, "is no address", NO_NETWORKS),
                Err(hint) => self.error_in(name, entry, item, "is no address", hint),
            }
        }
        addresses
    }

    /// The address of a server, with the default port of the table.
    pub fn server(&mut self, name: &'static str) -> Option<SocketAddr> {
        let entry = self.entry(name)?;
        let Kind::Server { default_port } = keys::find(name)?.kind else { return None };
        match address::parse_server(&entry.value, default_port) {
            Ok(server) => Some(server),
            Err(hint) => {
                self.error(name, entry, "is no address of a server", hint);
                None
            }
        }
    }

    /// Host names, separated by commas or white space.
    pub fn names(&mut self, name: &'static str) -> Vec<String> {
        let mut names = Vec::new();
        for (entry, item) in self.items(name) {
            if item.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)) {
                names.push(item.to_owned());
            } else {
                self.error_in(
                    name,
                    entry,
                    item,
                    "is no host name",
                    "a name like ha.example.com, without a port",
                );
            }
        }
        names
    }

    /// A port, with the range of the table. 2.0.0's modulo 65536 is not copied: a door that nobody meant
    /// to open is worse than no start.
    pub fn port(&mut self, name: &'static str) -> Option<u16> {
        let entry = self.entry(name)?;
        let Kind::Port { max } = keys::find(name)?.kind else { return None };
        let number = self.integer_prefix(name, entry);
        let port = number.and_then(|number| u16::try_from(number).ok());
        let port = port.filter(|port| (1..=max).contains(port));
        if port.is_none() {
            self.error(name, entry, "is no port", &format!("a number from 1 to {max}"));
        }
        port
    }

    /// The number a value begins with; a warning if something follows it, `None` without a word if there is
    /// none.
    pub fn integer_prefix(&mut self, name: &'static str, entry: &Entry) -> Option<i64> {
        let (number, rest) = leading_integer(&entry.value)?;
        if !rest.is_empty() {
            self.warn(
                name,
                entry,
                &format!("is read as {number}"),
                self.comment_or(entry, "write the number alone"),
            );
        }
        Some(number)
    }

    /// Seconds, clamped to the range of the table with a warning.
    pub fn seconds(&mut self, name: &'static str) -> Option<Duration> {
        let entry = self.entry(name)?;
        let key = keys::find(name)?;
        let Kind::Seconds { min, max } = key.kind else { return None };
        let number = self.decimal(key, entry)?;
        if number <= 0.0 && min > 0.0 {
            self.nonsense(key, entry, "is no time");
            return None;
        }
        let clamped = number.clamp(min, max);
        if clamped != number {
            let message = format!("is outside {min} … {max} seconds, {clamped} is used");
            self.warn(name, entry, &message, "the unit is seconds");
        }
        Duration::try_from_secs_f64(clamped).ok()
    }

    fn decimal(&mut self, key: &'static Key, entry: &Entry) -> Option<f64> {
        let number = leading_decimal(&entry.value);
        match (number, key.origin) {
            (Some((number, "")), _) => Some(number),
            (Some((number, _)), Origin::Legacy) => {
                let hint = self.comment_or(entry, SECONDS);
                self.warn(key.name, entry, &format!("is read as {number} seconds"), hint);
                Some(number)
            }
            (Some(_), Origin::New) | (None, _) => {
                self.nonsense(key, entry, "is not a number");
                None
            }
        }
    }

    fn nonsense(&mut self, key: &'static Key, entry: &Entry, what: &str) {
        match key.origin {
            Origin::New => self.error(key.name, entry, what, SECONDS),
            Origin::Legacy => self.warn(key.name, entry, &format!("{what}, the default is used"), SECONDS),
        }
    }

    /// One of the words of the table, in any case.
    pub fn word(&mut self, name: &'static str) -> Option<&'static str> {
        let entry = self.entry(name)?;
        let Kind::Word(words) = keys::find(name)?.kind else { return None };
        let word = words.iter().find(|word| word.eq_ignore_ascii_case(&entry.value));
        if word.is_none() {
            self.error(name, entry, "is not known", &format!("one of: {}", words.join(", ")));
        }
        word.copied()
    }

    /// `yes` or `no`, or what people write for it.
    pub fn yes_no(&mut self, name: &'static str) -> Option<bool> {
        let entry = self.entry(name)?;
        match entry.value.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Some(true),
            "no" | "false" | "off" | "0" => Some(false),
            _ => {
                self.error(name, entry, "is neither yes nor no", "yes or no");
                None
            }
        }
    }

    /// Complains about the value of a key.
    pub fn error(&mut self, name: &str, entry: &Entry, what: &str, hint: &str) {
        self.error_in(name, entry, &entry.value, what, hint);
    }

    /// Warns about the value of a key.
    pub fn warn(&mut self, name: &str, entry: &Entry, what: &str, hint: &str) {
        let message = format!("`{name}` = {} {what}", excerpt(&entry.value));
        self.findings.warn(&entry.at, message, hint);
    }

    /// Complains if a mandatory key is absent or empty.
    pub fn require(&mut self, name: &'static str, hint: &str) {
        if self.entry(name).is_none() {
            let at = self.group.entries.get(name).map_or(&self.group.at, |entry| &entry.at);
            let group = self.group.kind.name();
            self.findings.error(at, format!("`{name}` is missing in this `{group}` group"), hint);
        }
    }

    fn error_in(&mut self, name: &str, entry: &Entry, item: &str, what: &str, hint: &str) {
        self.findings.error(&entry.at, format!("`{name}` = {} {what}", excerpt(item)), hint);
    }

    /// The hint for a value with something behind it, which mostly was meant as a comment.
    fn comment_or(&self, entry: &Entry, hint: &'static str) -> &'static str {
        match self.group.syntax {
            Syntax::Legacy if entry.value.contains('#') => "a comment needs a line of its own",
            Syntax::Legacy | Syntax::Toml => hint,
        }
    }

    fn items(&self, name: &'static str) -> Vec<(&'a Entry, &'a str)> {
        let Some(entry) = self.entry(name) else { return Vec::new() };
        let items = entry.value.split(|c: char| c == ',' || is_space(c)).filter(|item| !item.is_empty());
        items.map(|item| (entry, item)).collect()
    }
}

const NO_NETWORKS: &str = "single addresses, without a prefix length";
const SECONDS: &str = "seconds without a unit, like 2 or 0.5";
