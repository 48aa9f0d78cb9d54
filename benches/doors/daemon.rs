//! Pairs with many resources.

use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use schrittmacher_harness::{Pair, Side};

/// The line of a pair with a key; [`write_key`] makes it.
pub const KEY_LINE: &str = "auth-key-file = {folder}/peer.key";

pub fn write_key(pair: &Pair) {
    let path = pair.folder().join("peer.key");
    fs::write(&path, format!("00000001 {}00000001\n", "0123456789abcdef".repeat(4))).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// Adds resources without applications to both files: they only send their heartbeats.
pub fn add_resources(pair: &Pair, count: usize) {
    let mut groups = String::new();
    (0..count).for_each(|number| write!(groups, "\ngroup = resource\nname = r{number}\n").unwrap());
    for side in [Side::A, Side::B] {
        let path = pair[side].files.config();
        let text = fs::read_to_string(&path).unwrap() + &groups;
        fs::write(path, text).unwrap();
    }
}
