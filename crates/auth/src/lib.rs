//! Authentication between two of ours (A6, `docs/adr/0025-authentication.md`).
//!
//! A signed datagram ends in a member `auth` of fixed length. A daemon that does not know it ignores it. A [`Session`]
//! signs what leaves and judges what arrives: whether a holder of the key wrote it, after this side drew its nonce, and
//! after everything that was taken before. The tag is verified before anything is parsed.
//!
//! | in | what |
//! |---|---|
//! | `keys`, `key_file` | the secrets, and the file they are in |
//! | `seal` | the bytes of the member `auth` |
//! | `session` | nonces and counters: which datagrams count |
//! | `runs` | what a pair without a key can do: each side names the run of the other one |
//! | `copies` | which copy of a message counts, if there are several paths |
//! | `answers`, `echoes` | the limit on answers to old datagrams; the age of what the peer has heard |
#![forbid(unsafe_code)]

mod answers;
mod copies;
mod echoes;
mod key_file;
mod keys;
mod runs;
mod seal;
mod session;

pub use copies::Copies;
pub use key_file::{KEY_FILE_MAX, KeyFileError, Mistake};
pub use keys::{Key, KeyId, Keys};
pub use runs::{Runs, Worth};
pub use seal::{Nonce, ROOM};
pub use session::{Ends, Opened, Refusal, Session, Why};
