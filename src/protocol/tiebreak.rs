//! Who wins a conflict (S2): priority, then random, then address, with the same result on both sides.

use std::net::IpAddr;

use crate::Settings;
use crate::event::PeerReport;
use crate::peer::Said;

/// `random` of our `UNK` and plain `TREQ`, always.
///
/// A legacy node draws from 0 … 4294967293, so it never holds this value and always a smaller one. Because
/// ours is constant, nothing that is redrawn between two comparisons can make both sides win or both lose
/// (D14), and a legacy peer of equal priority loses every conflict to us.
pub const OUR_RANDOM: u32 = u32::MAX - 1;

/// `random` of a `TREQ` that an operator ordered: it wins whatever the priorities are (S3).
pub const FORCED_RANDOM: u32 = u32::MAX;

/// Whether we win against the takeover request `theirs`.
pub(crate) fn we_win(settings: &Settings, theirs: &PeerReport, we_force: bool, peer_said: Said) -> bool {
    let they_force = theirs.random == FORCED_RANDOM;
    if they_force && !we_force {
        // The taker's own application has failed: it can't have the role (S3).
        return peer_said == Said::Fail;
    }
    if we_force && !they_force {
        return true;
    }
    let ours = if we_force { FORCED_RANDOM } else { OUR_RANDOM };
    settings
        .priority
        .cmp(&theirs.priority)
        .then(ours.cmp(&theirs.random))
        .then_with(|| address_order(settings, theirs.host))
        .is_gt()
}

/// Compares our address with the peer's. Both sides send theirs as `host`, so both compare the same two
/// values even across address translation; only without a usable `host` the ends of the link decide.
fn address_order(settings: &Settings, host: Option<IpAddr>) -> std::cmp::Ordering {
    let ours = bits(settings.local);
    let theirs = host.map(bits).filter(|theirs| *theirs != ours).unwrap_or(bits(settings.remote));
    ours.cmp(&theirs)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
