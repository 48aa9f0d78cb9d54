//! The memory of the daemon over a restart, in a folder of its own under `state-directory`.
//!
//! * `folder`: the folder, and files in it that are whole or not there
//! * `last_good`: the configuration that was in force last
//! * `elsewhere`: links for a start whose file does not name its `state-directory`
//! * `known_peer`: whether this peer has ever been heard
//! * `epochs`: the numbers of promotions
//! * `freezes`: the resources that an operator has frozen
//! * `left_hot`: the resources that were hot when a daemon ended
//! * `promises`: for how long an earlier daemon may have promised to take no role
//! * `history`: what happened to the resources
//! * `keeper`: the thread that writes

mod elsewhere;
mod epochs;
mod folder;
mod freezes;
mod history;
mod keeper;
mod known_peer;
mod last_good;
mod left_hot;
mod promises;

pub use self::epochs::{KeptEpochs, epochs};
pub use self::folder::{StateFolder, boot};
pub use self::freezes::freezes;
pub use self::history::{History, Stamp, entries, stamp};
pub use self::keeper::{BrokenFile, Keeper};
pub use self::known_peer::is_known;
pub use self::last_good::{LastGood, NoCopy, last_good};
pub use self::left_hot::take_left_hot;
pub use self::promises::{KeptPromises, keep_promises, longest, promises, shortest};
