//! The user for whom this program runs.

use nix::unistd::{getegid, geteuid, getgid, getuid};

/// Whether this user may decide what this program does: root, or the one that it runs as.
pub fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == geteuid().as_raw()
}

/// Whether this program has the rights of another user than its caller's. It runs commands that its caller chooses, so a
/// setuid copy of it would give these rights away (door-14).
pub fn is_setuid() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}

/// Why a program ends at once if [`is_setuid`].
pub const NO_SETUID: &str =
    "setuid or setgid: refused, for it runs what its caller chooses; chmod ug-s this file";
