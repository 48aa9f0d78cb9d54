//! The frozen resources: an operator's freeze survives restarts and reboots.

use super::StateFolder;
use crate::node::freeze::KeptFreezes;

const FILE: &str = "freezes.json";

/// Of ten thousand resources with long names and reasons.
const BYTES_MAX: u64 = 16 << 20;

pub(super) fn keep(folder: &StateFolder, freezes: &KeptFreezes) -> std::io::Result<()> {
    folder.write(FILE, &serde_json::to_vec(freezes)?)
}

/// The freezes of an earlier daemon; none if the file is damaged.
pub fn freezes(folder: &StateFolder) -> KeptFreezes {
    let text = folder.read(FILE, BYTES_MAX).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}
