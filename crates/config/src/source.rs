//! Reads files, and only as much of them as a configuration may have.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::{Findings, Position};

/// The most that a configuration and all its includes may have together, in bytes. A thousand resources
/// have less than one tenth of it. It also bounds the number of includes.
pub(super) const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The contents of a regular file of at most `limit` bytes.
///
/// # Errors
/// The system's error. Directories, pipes and devices are errors, too, since they could block or never end; so is
/// a file larger than `limit`.
pub(super) fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::other(format!(
            "a configuration has at most {BYTES_MAX} bytes, includes counted"
        )));
    }
    Ok(bytes)
}

/// The text of a file, without a byte order mark; `None` after a complaint.
pub(super) fn text<'a>(bytes: &'a [u8], file: &Arc<str>, findings: &mut Findings) -> Option<&'a str> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let at = Position { file: Arc::clone(file), line: Some(1) };
        findings.error(&at, "not UTF-8 but UTF-16 text", "save the file as UTF-8");
        return None;
    }
    // Without a mark: more zero bytes than a damaged file has.
    if bytes.iter().take(64).filter(|byte| **byte == 0).count() >= 16 {
        let at = Position { file: Arc::clone(file), line: Some(1) };
        findings.error(&at, "not UTF-8 but UTF-16 or UTF-32 text, or no text", "save the file as UTF-8");
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = Some(1 + before.iter().filter(|&&byte| byte == b'\n').count());
            let at = Position { file: Arc::clone(file), line };
            findings.error(&at, "not UTF-8 text", "save the file as UTF-8");
            None
        }
    }
}
