//! The tie-break (S2): priority, then random, then address, with the same result on both sides. Between two of ours that
//! are both hot, random is how long the sender has been so.

use std::net::IpAddr;
use std::time::Duration;

use crate::Settings;
use crate::event::PeerReport;
use crate::peer::Said;

/// `random` of our `UNK` and plain `TREQ`, always.
///
/// A legacy node draws from 0 … 4294967293, so it never holds this value and always a smaller one. Ours is constant. So no
/// number drawn between two comparisons can make both sides win or both lose (D14). A legacy peer of equal priority loses
/// every conflict to us.
pub const OUR_RANDOM: u32 = u32::MAX - 1;

/// `random` of a `TREQ` that an operator ordered: it wins whatever the priorities are (S3).
pub const FORCED_RANDOM: u32 = u32::MAX;

/// `random` of a plain `TREQ` of a hot node to a peer of ours of the same priority: the seconds for which it has been hot.
pub(crate) fn seconds_hot(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).map_or(OUR_RANDOM - 1, |seconds| seconds.min(OUR_RANDOM - 1))
}

/// Whether we win against the takeover request `theirs`; `ours` is our random.
pub(crate) fn we_win(settings: &Settings, theirs: &PeerReport, ours: u32, peer_said: Said) -> bool {
    match (ours == FORCED_RANDOM, theirs.random == FORCED_RANDOM) {
        // The taker's own application has failed: it can't have the role (S3).
        (false, true) => return peer_said == Said::Fail,
        (true, false) => return true,
        (false, false) | (true, true) => {}
    }
    settings
        .priority
        .cmp(&theirs.priority)
        .then(ours.cmp(&theirs.random))
        .then_with(|| address_order(settings, theirs.host))
        .is_gt()
}

/// Compares our address with the peer's. Both sides send theirs as `host`, so both compare the same two values even across
/// address translation. Only without a usable `host` the ends of the link decide.
pub(crate) fn address_order(settings: &Settings, host: Option<IpAddr>) -> std::cmp::Ordering {
    let ours = bits(settings.local);
    let theirs = host.map(bits).filter(|theirs| *theirs != ours).unwrap_or(bits(settings.remote));
    ours.cmp(&theirs)
}

/// Our end of the link is the greater address. Both sides compare the same two, whether or not they hear each other.
pub(crate) fn has_greater_end(settings: &Settings) -> bool {
    bits(settings.local) > bits(settings.remote)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
