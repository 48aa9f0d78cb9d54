//! Authentication of the peer (`auth-key-file`, `auth-mode`), and of operators at the page's port (`order-token-file`).
//!
//! These files, and those of the witness, are part of the configuration: their text is read and kept with it, and one that cannot be used is a mistake
//! in the configuration. No message repeats anything of them.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use schrittmacher_auth::{KEY_FILE_MAX, Keys};
use serde::{Deserialize, Serialize};

use super::diagnostic::{Findings, Position};
use super::document::Document;
use super::fields::Fields;
use super::keys::{self, Key};
use super::words::{AuthMode, Security};

/// Permissions that make a key no secret: to write for others than its owner, anything for strangers. The group may read,
/// so that a daemon without rights can use a key of root's.
const TOO_OPEN: u32 = 0o037;

/// The same for a certificate, which everybody may read.
const TOO_OPEN_TO_WRITE: u32 = 0o022;

const KEYGEN: &str = "schrittmacherctl keygen /etc/schrittmacher/peer.key";
const TOKEN_KEYGEN: &str = "schrittmacherctl keygen /etc/schrittmacher/order.token";

/// Authentication of the peer, if there is a key file.
#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// `auth-mode`.
    pub mode: AuthMode,
    /// `auth-key-file`.
    pub file: PathBuf,
    /// The keys in it.
    pub keys: Keys,
}

/// The tokens by which operators give orders at the page's port.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderTokens {
    /// `order-token-file`.
    pub file: PathBuf,
    /// Each has a name, for the log.
    pub tokens: Keys,
}

/// The text of a file of secrets. It is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileText(String);

impl FileText {
    /// For the one that needs it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the end of the line that an editor leaves.
    pub(super) fn without_line_end(&self) -> FileText {
        let line = self.0.strip_suffix('\n').unwrap_or(&self.0);
        FileText(line.strip_suffix('\r').unwrap_or(line).to_owned())
    }
}

impl From<&str> for FileText {
    fn from(text: &str) -> FileText {
        FileText(text.to_owned())
    }
}

impl fmt::Debug for FileText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileText")
    }
}

/// Reads the files of secrets that a document names.
pub(super) fn read_files(document: &mut Document, findings: &mut Findings) {
    let make_key = format!("make one, the same on both hosts: {KEYGEN}");
    document.key_text = read_file(document, &keys::AUTH_KEY_FILE, TOO_OPEN, &make_key, findings);
    let make_token = format!("make one: {TOKEN_KEYGEN}");
    document.token_text = read_file(document, &keys::ORDER_TOKEN_FILE, TOO_OPEN, &make_token, findings);
    for (key, too_open) in [
        (&keys::WITNESS_CA_FILE, TOO_OPEN_TO_WRITE),
        (&keys::WITNESS_CERT_FILE, TOO_OPEN_TO_WRITE),
        (&keys::WITNESS_KEY_FILE, TOO_OPEN),
        (&keys::WITNESS_PASSWORD_FILE, TOO_OPEN),
    ] {
        let text = read_file(document, key, too_open, "correct the path, or put the file there", findings);
        document.witness_texts.extend(text.map(|text| (key.name.to_owned(), text)));
    }
}

fn read_file(
    document: &Document,
    key: &'static Key,
    too_open: u32,
    make_one: &str,
    findings: &mut Findings,
) -> Option<FileText> {
    let entry = document.core()?.entries.get(key.name)?;
    if entry.value.trim().is_empty() {
        return None;
    }
    let path = Path::new(&entry.value);
    match read_secret(path, too_open) {
        Ok(bytes) => Some(FileText(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => {
            let message = format!("`{}` {} cannot be used: {error}", key.name, path.display());
            let kind = error.kind();
            let hint = if kind == io::ErrorKind::NotFound {
                make_one.to_owned()
            } else if matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::Other) {
                let mode = if too_open == TOO_OPEN { 600 } else { 644 };
                format!("chown root {0} && chmod {mode} {0}", path.display())
            } else {
                String::new()
            };
            findings.error(&entry.at, message, &hint);
            None
        }
    }
}

/// A token file, for a program that shows the first token in it.
///
/// # Errors
///
/// It cannot be used, with the reason.
pub fn token_to_show(path: &Path) -> Result<String, String> {
    let bytes = read_secret(path, TOO_OPEN).map_err(|error| error.to_string())?;
    Keys::parse(&bytes).map(|tokens| tokens.digits()).map_err(|error| error.to_string())
}

/// A file that nobody else can change and, unless it is a certificate, no stranger read. Looked at after it was opened, so that it cannot be exchanged.
fn read_secret(path: &Path, too_open: u32) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    let is_ours = about.uid() == 0 || about.uid() == nix::unistd::geteuid().as_raw();
    if !is_ours {
        return Err(io::Error::other(format!(
            "it belongs to user {}, who is neither root nor the daemon's",
            about.uid()
        )));
    }
    if about.mode() & too_open != 0 {
        let what = if too_open == TOO_OPEN { "read or change" } else { "change" };
        return Err(io::Error::other(format!("others may {what} it (mode {:04o})", about.mode() & 0o7777)));
    }
    let mut bytes = Vec::new();
    file.take(KEY_FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() > usize::try_from(KEY_FILE_MAX).unwrap_or(usize::MAX) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it has more than {KEY_FILE_MAX} bytes"),
        ));
    }
    Ok(bytes)
}

/// The keys `auth-key-file` and `auth-mode`, with what they demand of others.
pub(super) fn read(fields: &mut Fields<'_>, key_text: Option<&FileText>, extensions: bool) -> Option<Auth> {
    let security: Option<Security> = fields.word(&keys::SECURITY);
    let is_strict = security == Some(Security::Strict);
    let mode: Option<AuthMode> = fields.word(&keys::AUTH_MODE);
    let file = fields.path(&keys::AUTH_KEY_FILE);
    check(fields, is_strict, mode, file.as_deref(), extensions);
    let file = file?;
    let keys = parse(fields, &file, key_text?, KEYGEN)?;
    Some(Auth { mode: mode.unwrap_or(AuthMode::Enforce), file, keys })
}

/// The key `order-token-file`.
pub(super) fn read_tokens(fields: &mut Fields<'_>, token_text: Option<&FileText>) -> Option<OrderTokens> {
    let file = fields.path(&keys::ORDER_TOKEN_FILE)?;
    if let Some(entry) = fields.entry(&keys::ORDER_TOKEN_FILE) {
        if file.is_relative() {
            fields.error(&keys::ORDER_TOKEN_FILE, entry, "is not an absolute path", "begin it with /");
        }
        if fields.path(&keys::AUTH_KEY_FILE).as_ref() == Some(&file) {
            let hint =
                format!("who may give orders need not speak for the peer; make another one: {TOKEN_KEYGEN}");
            fields.error(&keys::ORDER_TOKEN_FILE, entry, "is also `auth-key-file`", &hint);
        }
    }
    let tokens = parse(fields, &file, token_text?, TOKEN_KEYGEN)?;
    Some(OrderTokens { file, tokens })
}

/// A mistake is told with its line.
fn parse(fields: &mut Fields<'_>, file: &Path, text: &FileText, keygen: &str) -> Option<Keys> {
    Keys::parse(text.0.as_bytes())
        .inspect_err(|error| {
            let at = Position { file: file.display().to_string().into(), line: Some(error.line) };
            fields.findings.error(&at, error.mistake.to_string(), &format!("a new one: {keygen}"));
        })
        .ok()
}

/// Looks for values that contradict each other.
fn check(
    fields: &mut Fields<'_>,
    is_strict: bool,
    mode: Option<AuthMode>,
    file: Option<&Path>,
    extensions: bool,
) {
    let syntax = fields.group.syntax;
    let key_file_line = syntax.key_line("auth-key-file", "/etc/schrittmacher/peer.key");
    if let (Some(entry), Some(path)) = (fields.entry(&keys::AUTH_KEY_FILE), file) {
        if path.is_relative() {
            fields.error(&keys::AUTH_KEY_FILE, entry, "is not an absolute path", "begin it with /");
        }
        if let (Some(off), false) =
            (fields.entry(&keys::EXTENSIONS), extensions || mode == Some(AuthMode::Off))
        {
            let hint = "a signature is an extension; take one of both keys away";
            fields.error(&keys::EXTENSIONS, off, "contradicts `auth-key-file`", hint);
        }
    } else if let (Some(entry), Some(_)) =
        (fields.entry(&keys::AUTH_MODE), mode.filter(|mode| *mode != AuthMode::Off))
    {
        let hint = format!("make a key, the same on both hosts ({KEYGEN}), and add {key_file_line}");
        fields.error(&keys::AUTH_MODE, entry, "means nothing without `auth-key-file`", &hint);
    }
    let Some(entry) = fields.entry(&keys::SECURITY).filter(|_| is_strict) else { return };
    if file.is_none() {
        let hint = format!("make a key, the same on both hosts ({KEYGEN}), and add {key_file_line}");
        fields.error(&keys::SECURITY, entry, "needs an `auth-key-file`", &hint);
    }
    if let (Some(entry), Some(_)) =
        (fields.entry(&keys::AUTH_MODE), mode.filter(|mode| *mode != AuthMode::Enforce))
    {
        let hint = "take `auth-mode` away, or write `legacy` until both hosts sign";
        fields.error(&keys::AUTH_MODE, entry, "is weaker than `security` = \"strict\"", hint);
    }
}
