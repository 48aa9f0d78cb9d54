//! The values of one group, converted one by one. Mistakes go to the findings.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::address::{self, Spelling};
use super::diagnostic::{Findings, excerpt};
use super::document::{Entry, Group, Syntax};
use super::keys::{Key, Kind, Origin};
use super::legacy::is_space;
use super::number::{leading_decimal, leading_integer};
use super::words::Word;

/// One group, and the list for complaints. An absent key, an empty value and a useless one are all `None`.
pub(super) struct Fields<'a> {
    pub group: &'a Group,
    pub findings: &'a mut Findings,
}

impl<'a> Fields<'a> {
    /// The entry of a key, unless it is absent or empty.
    pub fn entry(&self, key: &Key) -> Option<&'a Entry> {
        debug_assert!(key.place.allows(self.group.kind), "{}", key.name);
        self.group.entries.get(key.name).filter(|entry| !entry.value.trim_matches(is_space).is_empty())
    }

    /// Any text.
    pub fn text(&mut self, key: &'static Key) -> Option<String> {
        let entry = self.entry(key)?;
        if entry.value.contains('\0') {
            self.error(key, entry, "contains a NUL character", "remove it");
            return None;
        }
        Some(entry.value.clone())
    }

    /// A path, as written.
    pub fn path(&mut self, key: &'static Key) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    /// One address.
    pub fn address(&mut self, key: &'static Key) -> Option<IpAddr> {
        let entry = self.entry(key)?;
        match address::parse(&entry.value) {
            Ok(Spelling::Proper(address)) => Some(address),
            Ok(Spelling::Sloppy(address)) => {
                self.warn(
                    key,
                    entry,
                    &format!("is read as {address}"),
                    self.comment_or(entry, "write it so"),
                );
                Some(address)
            }
            Err(hint) => {
                self.error(key, entry, "is no address", hint);
                None
            }
        }
    }

    /// An address that one end of the peer link can have.
    pub fn end_address(&mut self, key: &'static Key) -> Option<IpAddr> {
        let entry = self.entry(key)?;
        let address = self.address(key)?;
        match address::check_end(address) {
            Ok(()) => Some(address),
            Err(hint) => {
                self.error(key, entry, "cannot be one end of the peer link", hint);
                None
            }
        }
    }

    /// Addresses, separated by commas or white space.
    pub fn addresses(&mut self, key: &'static Key) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        for (entry, item) in self.items(key) {
            match address::parse(item) {
                Ok(Spelling::Proper(address)) => addresses.push(address),
                Ok(Spelling::Sloppy(_)) => self.error_in(key, entry, item, "is no address", NO_NETWORKS),
                Err(hint) => self.error_in(key, entry, item, "is no address", hint),
            }
        }
        addresses
    }

    /// The address of a server, with the default port of the table.
    pub fn server(&mut self, key: &'static Key) -> Option<SocketAddr> {
        let entry = self.entry(key)?;
        let Kind::Server { default_port } = key.kind else { return None };
        match address::parse_server(&entry.value, default_port) {
            Ok(server) => Some(server),
            Err(hint) => {
                self.error(key, entry, "is no address of a server", hint);
                None
            }
        }
    }

    /// Host names, separated by commas or white space.
    pub fn names(&mut self, key: &'static Key) -> Vec<String> {
        let mut names = Vec::new();
        for (entry, item) in self.items(key) {
            if item.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)) {
                names.push(item.to_owned());
            } else {
                self.error_in(
                    key,
                    entry,
                    item,
                    "is no host name",
                    "a name like ha.example.com, without a port",
                );
            }
        }
        names
    }

    /// A port, with the range of the table. 2.0.0 took it modulo 65536; that is not copied, since an unwanted
    /// open port is worse than no start.
    pub fn port(&mut self, key: &'static Key) -> Option<u16> {
        let entry = self.entry(key)?;
        let Kind::Port { max } = key.kind else { return None };
        let number = self.integer_prefix(key, entry);
        let port = number.and_then(|number| u16::try_from(number).ok());
        let port = port.filter(|port| (1..=max).contains(port));
        if port.is_none() {
            self.error(key, entry, "is no port", &format!("a number from 1 to {max}"));
        }
        port
    }

    /// The number a value begins with, with a warning if text follows it; `None` and no warning if there is none.
    pub fn integer_prefix(&mut self, key: &'static Key, entry: &Entry) -> Option<i64> {
        let (number, rest) = leading_integer(&entry.value)?;
        if !rest.is_empty() {
            self.warn(
                key,
                entry,
                &format!("is read as {number}"),
                self.comment_or(entry, "write the number alone"),
            );
        }
        Some(number)
    }

    /// How many times, with the range of the table.
    pub fn count(&mut self, key: &'static Key) -> Option<u32> {
        let entry = self.entry(key)?;
        let Kind::Count { min, max } = key.kind else { return None };
        let count = entry.value.parse().ok().filter(|count| (min..=max).contains(count));
        if count.is_none() {
            self.error(key, entry, "is no number of times", &format!("an integer from {min} to {max}"));
        }
        count
    }

    /// Seconds, clamped to the range of the table with a warning.
    pub fn seconds(&mut self, key: &'static Key) -> Option<Duration> {
        let entry = self.entry(key)?;
        let Kind::Seconds { min, max } = key.kind else { return None };
        let number = self.decimal(key, entry)?;
        if number < 0.0 || (number == 0.0 && min > 0.0) {
            self.nonsense(key, entry, "is no time");
            return None;
        }
        let clamped = number.clamp(min, max);
        if clamped != number {
            let message = format!("is outside {min} … {max} seconds, {clamped} is used");
            self.warn(key, entry, &message, "a number without a unit means seconds; ms and s are understood");
        }
        Duration::try_from_secs_f64(clamped).ok()
    }

    fn decimal(&mut self, key: &'static Key, entry: &Entry) -> Option<f64> {
        let number = leading_decimal(&entry.value);
        match (number.map(|(number, rest)| (number, rest.trim())), key.origin) {
            (Some((number, "" | "s")), _) => Some(number),
            (Some((number, "ms")), _) => Some(number / 1000.0),
            (Some((number, _)), Origin::Legacy) => {
                let hint = self.comment_or(entry, SECONDS);
                self.warn(key, entry, &format!("is read as {number} seconds"), hint);
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
            Origin::New => self.error(key, entry, what, SECONDS),
            Origin::Legacy => self.warn(key, entry, &format!("{what}, the default is used"), SECONDS),
        }
    }

    /// One of the words of the key, in any case.
    pub fn word<W: Word>(&mut self, key: &'static Key) -> Option<W> {
        debug_assert_eq!(key.kind, Kind::Word(W::NAMES), "{}", key.name);
        let entry = self.entry(key)?;
        let word = W::from_name(&entry.value);
        if word.is_none() {
            self.error(key, entry, "is not known", &format!("one of: {}", W::NAMES.join(", ")));
        }
        word
    }

    /// `yes` or `no`, or what people write for it.
    pub fn yes_no(&mut self, key: &'static Key) -> Option<bool> {
        let entry = self.entry(key)?;
        match entry.value.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Some(true),
            "no" | "false" | "off" | "0" => Some(false),
            _ => {
                self.error(key, entry, "is neither yes nor no", "yes or no");
                None
            }
        }
    }

    /// Complains about the value of a key.
    pub fn error(&mut self, key: &Key, entry: &Entry, what: &str, hint: &str) {
        self.error_in(key, entry, &entry.value, what, hint);
    }

    /// Warns about the value of a key.
    pub fn warn(&mut self, key: &Key, entry: &Entry, what: &str, hint: &str) {
        let message = format!("`{}` = {} {what}", key.name, excerpt(&entry.value));
        self.findings.warn(&entry.at, message, hint);
    }

    /// Complains if a mandatory key is absent or empty.
    pub fn require(&mut self, key: &'static Key, hint: &str) {
        if self.entry(key).is_none() {
            let at = self.group.entries.get(key.name).map_or(&self.group.at, |entry| &entry.at);
            let group = self.group.kind.name();
            self.findings.error(at, format!("`{}` is missing in this `{group}` group", key.name), hint);
        }
    }

    pub fn error_in(&mut self, key: &Key, entry: &Entry, item: &str, what: &str, hint: &str) {
        self.findings.error(&entry.at, format!("`{}` = {} {what}", key.name, excerpt(item)), hint);
    }

    /// The hint for a value with text behind it, which mostly was meant as a comment.
    fn comment_or(&self, entry: &Entry, hint: &'static str) -> &'static str {
        match self.group.syntax {
            Syntax::Legacy if entry.value.contains('#') => "a comment needs a line of its own",
            Syntax::Legacy | Syntax::Toml => hint,
        }
    }

    pub fn items(&self, key: &'static Key) -> Vec<(&'a Entry, &'a str)> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let items = entry.value.split(|c: char| c == ',' || is_space(c)).filter(|item| !item.is_empty());
        items.map(|item| (entry, item)).collect()
    }
}

const NO_NETWORKS: &str = "single addresses, without a prefix length";
const SECONDS: &str = "seconds, like 2 or 0.5 or 0.5 s, or milliseconds, like 500 ms";
