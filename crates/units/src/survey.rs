//! One look at units, for `--check`.

use std::collections::BTreeMap;
use std::time::Duration;

/// The properties of a unit that say something about its use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitFacts {
    /// Texts, by the name of the property.
    pub texts: BTreeMap<String, String>,
    /// Lists of units, by the name of the property.
    pub lists: BTreeMap<String, Vec<String>>,
    /// Yes or no, by the name of the property.
    pub flags: BTreeMap<String, bool>,
}

/// Asks systemd about units; the answers are in the same order. `limit`: how long it may take.
///
/// # Errors
///
/// systemd does not answer, or this program cannot ask it.
#[cfg(not(all(target_os = "linux", feature = "systemd")))]
pub fn survey(_units: &[&str], _limit: Duration) -> Result<Vec<UnitFacts>, String> {
    Err("this program was built without systemd".to_owned())
}

/// Asks systemd about units; the answers are in the same order. `limit`: how long it may take.
///
/// # Errors
///
/// systemd does not answer, or this program cannot ask it.
#[cfg(all(target_os = "linux", feature = "systemd"))]
pub fn survey(units: &[&str], limit: Duration) -> Result<Vec<UnitFacts>, String> {
    use crate::bus::{ask, limited};
    let runtime = crate::keeper::runtime().map_err(|error| error.to_string())?;
    runtime.block_on(limited(limit, "asking", ask(units)))
}
