//! `witness`: the third vote, and how it is reached.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::auth::FileText;
use super::diagnostic::{Diagnostic, Findings, LoadError};
use super::document::Document;
use super::fields::Fields;
use super::keys::{self, Key};
use super::load::Loaded;
use super::words::{OnExit, PolicyWord};
use super::{Core, Resource};

/// The port of etcd's clients.
const ETCD_PORT: u16 = 2379;

/// The keys that mean nothing without `witness`.
const PARTS: [&Key; 6] = [
    &keys::WITNESS_CA_FILE,
    &keys::WITNESS_CERT_FILE,
    &keys::WITNESS_KEY_FILE,
    &keys::WITNESS_USER,
    &keys::WITNESS_PASSWORD_FILE,
    &keys::WITNESS_PREFIX,
];

/// Those among them that need TLS.
const OF_TLS: [&Key; 3] = [&keys::WITNESS_CA_FILE, &keys::WITNESS_CERT_FILE, &keys::WITNESS_KEY_FILE];

/// The witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Members of one etcd cluster. One at least.
    pub endpoints: Vec<SocketAddr>,
    /// `None`: its URLs are `http`.
    pub tls: Option<WitnessTls>,
    /// `witness-user` and `witness-password-file`.
    pub login: Option<WitnessLogin>,
    /// `witness-prefix`: each key begins with it.
    pub prefix: String,
}

/// A file and what was in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessFile {
    /// An absolute path.
    pub path: PathBuf,
    /// Its text.
    pub text: FileText,
}

/// The files for `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessTls {
    /// `witness-ca-file`: whose certificates are believed.
    pub ca: WitnessFile,
    /// `witness-cert-file` and `witness-key-file`.
    pub own: Option<(WitnessFile, WitnessFile)>,
}

/// A user of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessLogin {
    /// `witness-user`.
    pub user: String,
    /// `witness-password-file`; the text is the password.
    pub password: WitnessFile,
}

/// Something about one of the keys of the witness that this crate cannot see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessNote {
    /// The key, by its name.
    pub key: &'static str,
    /// What is found, as the rest of a sentence that begins with the key.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let urls: Vec<String> =
            self.endpoints.iter().map(|endpoint| format!("{scheme}://{endpoint}")).collect();
        write!(f, "etcd {}", urls.join(","))
    }
}

impl Loaded {
    /// The same for a program that cannot speak to a witness.
    ///
    /// # Errors
    ///
    /// There is a `witness`.
    pub fn without_witness(self) -> Result<Loaded, LoadError> {
        let note = WitnessNote {
            key: keys::WITNESS.name,
            message: "needs a program that was built with the feature `witness`".to_owned(),
            hint: "take the package of your system, or choose another `policy`".to_owned(),
        };
        let is_there = self.config.core.witness.is_some();
        self.refuse_witness(is_there.then_some(note).into_iter().collect())
    }

    /// The same, if nothing is wrong with the files of the witness.
    ///
    /// # Errors
    ///
    /// Each of these.
    pub fn refuse_witness(self, wrong: Vec<WitnessNote>) -> Result<Loaded, LoadError> {
        if wrong.is_empty() {
            return Ok(self);
        }
        let mut findings = Findings::default();
        for note in wrong {
            let entry = self.document.core().and_then(|core| core.entries.get(note.key));
            let at = entry.map_or_else(|| self.document.position(), |entry| entry.at.clone());
            findings.error(&at, format!("`{}` {}", note.key, note.message), &note.hint);
        }
        let (errors, warnings) = findings.sorted(&self.document.name);
        Err(LoadError::Wrong { errors, warnings })
    }

    /// Takes what the witness has answered, for `--check`.
    pub fn note_witness(&mut self, notes: Vec<WitnessNote>) {
        self.witness_notes = notes;
    }
}

/// Notes of `--check` on the witness, with their places in the file.
pub(super) fn notes(loaded: &Loaded) -> Vec<Diagnostic> {
    let place = |note: &WitnessNote| {
        let entry = loaded.document.core()?.entries.get(note.key)?;
        Some(Diagnostic::new(&entry.at, format!("`{}`: {}", note.key, note.message), &note.hint))
    };
    loaded.witness_notes.iter().filter_map(place).collect()
}

pub(super) fn read(fields: &mut Fields<'_>, document: &Document) -> Option<Witness> {
    for key in PARTS {
        if let (Some(entry), None) = (fields.entry(key), fields.entry(&keys::WITNESS)) {
            fields.error(key, entry, "means nothing without `witness`", "add `witness`, or take it away");
        }
    }
    let entry = fields.entry(&keys::WITNESS)?;
    let (endpoints, is_tls) = match endpoints(&entry.value) {
        Ok(found) => found,
        Err((what, hint)) => {
            fields.error(&keys::WITNESS, entry, what, hint);
            return None;
        }
    };
    let tls = if is_tls { Some(tls(fields, document)?) } else { None };
    for key in OF_TLS.into_iter().filter(|_| !is_tls) {
        if let Some(entry) = fields.entry(key) {
            let hint = "write `https://` in `witness`, or take it away";
            fields.error(key, entry, "means nothing without TLS", hint);
        }
    }
    let login = login(fields, document);
    if let (Some(_), false) = (&login, is_tls) {
        let what = "has `http` URLs, and a password: it can be read on the way";
        fields.warn(&keys::WITNESS, entry, what, "`https://` and a `witness-ca-file`");
    }
    let prefix = prefix(fields)?;
    Some(Witness { endpoints, tls, login, prefix })
}

fn tls(fields: &mut Fields<'_>, document: &Document) -> Option<WitnessTls> {
    let ca = file(fields, document, &keys::WITNESS_CA_FILE);
    if let (Some(entry), None) = (fields.entry(&keys::WITNESS), fields.entry(&keys::WITNESS_CA_FILE)) {
        let what = "has an https URL, and no `witness-ca-file` says whose certificates are believed";
        fields.error(
            &keys::WITNESS,
            entry,
            what,
            "etcd's `--trusted-ca-file`, or what has signed its certificate",
        );
    }
    let pair = [&keys::WITNESS_CERT_FILE, &keys::WITNESS_KEY_FILE];
    needs_both(fields, pair);
    let [cert, key] = pair.map(|key| file(fields, document, key));
    Some(WitnessTls { ca: ca?, own: cert.zip(key) })
}

fn login(fields: &mut Fields<'_>, document: &Document) -> Option<WitnessLogin> {
    needs_both(fields, [&keys::WITNESS_USER, &keys::WITNESS_PASSWORD_FILE]);
    let user = fields.text(&keys::WITNESS_USER);
    let mut password = file(fields, document, &keys::WITNESS_PASSWORD_FILE)?;
    password.text = password.text.without_line_end();
    if let Some(entry) = fields.entry(&keys::WITNESS_PASSWORD_FILE)
        && (password.text.as_str().is_empty() || password.text.as_str().contains(['\n', '\0']))
    {
        let hint = "the password alone, in one line";
        fields.error(&keys::WITNESS_PASSWORD_FILE, entry, "has not one line", hint);
    }
    Some(WitnessLogin { user: user?, password })
}

fn needs_both(fields: &mut Fields<'_>, [one, other]: [&'static Key; 2]) {
    for (there, missing) in [(one, other), (other, one)] {
        if let (Some(entry), None) = (fields.entry(there), fields.entry(missing)) {
            let what = format!("means nothing without `{}`", missing.name);
            fields.error(there, entry, &what, "give both, or none");
        }
    }
}

/// A file whose text was read with the document.
fn file(fields: &mut Fields<'_>, document: &Document, key: &'static Key) -> Option<WitnessFile> {
    let path = fields.path(key)?;
    if let (Some(entry), true) = (fields.entry(key), path.is_relative()) {
        fields.error(key, entry, "is not an absolute path", "begin it with /");
    }
    Some(WitnessFile { path, text: document.witness_texts.get(key.name)?.clone() })
}

/// Keys of several pairs are apart by the addresses behind it; it is there for etcd's permissions.
fn prefix(fields: &mut Fields<'_>) -> Option<String> {
    const LONGEST: usize = 255;
    let Some(entry) = fields.entry(&keys::WITNESS_PREFIX) else { return Some("schrittmacher/".to_owned()) };
    let prefix = fields.text(&keys::WITNESS_PREFIX)?;
    if prefix.len() > LONGEST || prefix.chars().any(char::is_control) {
        let hint = "255 bytes at most, without control characters";
        fields.error(&keys::WITNESS_PREFIX, entry, "is no beginning of a key", hint);
        return None;
    }
    Some(prefix)
}

/// `policy = consistent` needs the other two votes.
pub(super) fn check(document: &Document, core: &Core, resources: &[Resource], findings: &mut Findings) {
    let groups = document.by_name();
    for resource in resources.iter().filter(|resource| resource.policy == PolicyWord::Consistent) {
        let Some(entry) = groups.entry(&resource.name, &keys::POLICY) else { continue };
        if core.witness.is_none() {
            findings.error(
                &entry.at,
                "`policy` = consistent needs a `witness`",
                "in `core`: `witness = etcd http://ADDRESS:2379`, or another `policy`",
            );
        }
        if core.on_exit == OnExit::Leave {
            findings.error(
                &entry.at,
                "`policy` = consistent never leaves an application alone, and `on-exit` is leave",
                "take `on-exit` away, or choose another `policy`",
            );
        }
        if !core.extensions {
            findings.error(
                &entry.at,
                "`policy` = consistent needs the promises of the peer, and `extensions` is off",
                "take `extensions` away, or choose another `policy`",
            );
        }
    }
}

/// The members, and whether they speak TLS.
fn endpoints(text: &str) -> Result<(Vec<SocketAddr>, bool), (&'static str, &'static str)> {
    let form = "like `etcd https://10.0.0.9:2379,https://10.0.0.10:2379`";
    let urls = text.trim().strip_prefix("etcd ").ok_or(("is no witness", form))?;
    let urls = urls.split(',').map(|url| endpoint(url.trim()).ok_or((wrong(url), form)));
    let members: Vec<(SocketAddr, bool)> = urls.collect::<Result<_, _>>()?;
    let is_tls = members.iter().any(|(_, is_tls)| *is_tls);
    if members.iter().any(|(_, of_this)| *of_this != is_tls) {
        return Err(("has URLs with TLS and without", "all `https`, or all `http`"));
    }
    Ok((members.into_iter().map(|(endpoint, _)| endpoint).collect(), is_tls))
}

fn wrong(url: &str) -> &'static str {
    if url.contains('@') {
        "has a user in its URL, where others can read the password: `witness-user` and `witness-password-file`"
    } else {
        "has a wrong URL: it needs an IP address, as a witness has to be reached without a name server"
    }
}

/// `http://ADDRESS[:PORT][/]`, or `https`. A name would need a resolver that may hang.
fn endpoint(url: &str) -> Option<(SocketAddr, bool)> {
    let (host, is_tls) = match url.strip_prefix("https://") {
        Some(host) => (host, true),
        None => (url.strip_prefix("http://")?, false),
    };
    let host = host.strip_suffix('/').unwrap_or(host);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let place = match bare {
        Some(address) => SocketAddr::new(address.parse::<Ipv6Addr>().ok()?.into(), ETCD_PORT),
        None => match host.parse::<Ipv4Addr>() {
            Ok(address) => SocketAddr::new(address.into(), ETCD_PORT),
            Err(_) => host.parse().ok()?,
        },
    };
    (place.port() > 0).then_some((place, is_tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_a_cluster_are_read_and_other_texts_are_errors() {
        let (good, is_tls) =
            endpoints("etcd http://10.0.0.8:1,  http://10.0.0.9/,http://[fd00::1],http://[::1]:7").unwrap();
        let good: Vec<String> = good.iter().map(ToString::to_string).collect();
        assert_eq!(good, ["10.0.0.8:1", "10.0.0.9:2379", "[fd00::1]:2379", "[::1]:7"]);
        assert!(!is_tls && endpoints("etcd https://[::1]:7,https://10.0.0.8").unwrap().1);
        for text in [
            "",
            "etcd",
            "consul http://10.0.0.9",
            "etcd 10.0.0.9:1",
            "etcd http://",
            "etcd http://10.0.0.9:0",
            "etcd http://10.0.0.9:x",
            "etcd http://10.0.0.9,",
            "etcd http://10.0.0.9/x",
            "etcd http://fd00::1",
            "etcd http://etcd.example:2379",
            "etcd http://10.0.0.8,https://10.0.0.9",
        ] {
            assert!(endpoints(text).is_err(), "{text}");
        }
    }
}
