//! The parts of its work that a daemon without the rights of root cannot do (edge-27). `docs/operations.md` has the same table.

use std::fs;

use log::info;

const DAC_READ_SEARCH: u64 = 1 << 2;
const KILL: u64 = 1 << 5;
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const IPC_LOCK: u64 = 1 << 14;
const SYS_PTRACE: u64 = 1 << 19;

/// Each part, and the capabilities (capabilities(7)) that it needs.
const PARTS: [(&str, u64); 4] = [
    ("signal the applications of other users", KILL),
    ("find out which process of another user sent a message", SYS_PTRACE | DAC_READ_SEARCH),
    ("change addresses", NET_ADMIN),
    ("announce addresses", NET_RAW),
];

/// Says what this daemon is not allowed, if it is not root.
pub fn tell() {
    let user = nix::unistd::geteuid();
    if user.is_root() {
        return;
    }
    let parts = missing(own()).join("; ");
    if parts.is_empty() {
        info!("running as user {user}, with every capability that it may need");
    } else {
        info!("running as user {user}, not as root: for want of capabilities this daemon cannot {parts}");
    }
}

/// Whether there is no limit on the memory that this process locks.
pub fn may_lock_memory() -> bool {
    own() & IPC_LOCK != 0
}

fn own() -> u64 {
    effective(&fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// The effective capabilities in the text of /proc/PID/status.
fn effective(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}

fn missing(has: u64) -> Vec<&'static str> {
    PARTS.into_iter().filter(|(_, needs)| has & needs != *needs).map(|(part, _)| part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_told() {
        assert_eq!(missing(effective("")).len(), PARTS.len());
        assert_eq!(missing(effective("Name:\tx\nCapEff:\t0000000000083024\n")), Vec::<&str>::new());
        assert_eq!(
            missing(KILL | NET_ADMIN | NET_RAW | SYS_PTRACE),
            [PARTS[1].0],
            "half of it is not enough"
        );
    }
}
