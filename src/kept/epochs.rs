//! The numbers of promotions: none is given twice, not even after a restart or a reboot.

use std::collections::BTreeMap;

use log::warn;
use schrittmacher_protocol::Epochs;

use super::StateFolder;

const FILE: &str = "epochs.json";

/// Of ten thousand resources with long names.
const BYTES_MAX: u64 = 16 << 20;

/// Those of each resource, by its name.
pub type KeptEpochs = BTreeMap<String, Epochs>;

pub(super) fn keep(folder: &StateFolder, epochs: &KeptEpochs) -> std::io::Result<()> {
    folder.write(FILE, &serde_json::to_vec(epochs)?)
}

/// Those of an earlier daemon; none if the file is damaged.
pub fn epochs(folder: &StateFolder) -> KeptEpochs {
    let text = folder.read(FILE, BYTES_MAX).unwrap_or_default();
    if text.is_empty() {
        return KeptEpochs::new();
    }
    serde_json::from_str(&text).unwrap_or_else(|error| {
        warn!("{FILE} is damaged ({error}): promotions count from what the peer or the witness knows");
        KeptEpochs::new()
    })
}
