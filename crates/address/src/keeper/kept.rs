//! A service whose addresses are up, and what has taken one of them.

use std::time::Duration;

use crate::schedule::AnnounceSchedule;
use crate::{Address, LinkState, Loss, SharedPlace};

#[derive(Debug)]
pub(super) struct KeptService {
    pub shared: SharedPlace,
    pub schedule: AnnounceSchedule,
    /// An address may be missing: when to look.
    pub look: Option<Duration>,
    /// The last look that found one missing.
    pub missed: Option<Duration>,
    /// That it is missing has been said.
    pub told: bool,
    /// The worst state of the interface since all addresses were there: the kernel takes some along.
    link: LinkState,
    /// It had no IPv6 since.
    lacked_ipv6: bool,
}

impl KeptService {
    pub fn new(shared: SharedPlace, schedule: AnnounceSchedule) -> KeptService {
        let (look, missed) = (None, None);
        KeptService { shared, schedule, look, missed, told: false, link: LinkState::Up, lacked_ipv6: false }
    }

    /// The interface has changed.
    pub fn note_link(&mut self, state: LinkState) {
        match (self.link, state) {
            (LinkState::Missing, _) | (_, LinkState::Up | LinkState::NoCarrier) => {}
            (_, LinkState::Down | LinkState::Missing) => self.link = state,
        }
    }

    /// An address is missing.
    pub fn note_missing(&mut self, now: Duration) {
        self.missed = Some(now);
        self.lacked_ipv6 |= !has_ipv6(&self.shared.interface);
    }

    /// All addresses are there. One that goes with an interface that is switched off may be about to be told.
    pub fn is_whole(&mut self, state: LinkState) {
        self.told = false;
        if matches!(state, LinkState::Up | LinkState::NoCarrier) {
            self.link = LinkState::Up;
            self.lacked_ipv6 = false;
        }
    }

    /// What has taken an address, after [`KeptService::note_missing`].
    pub fn loss(&self, address: Address) -> Loss {
        match self.link {
            LinkState::Missing => Loss::WithInterface,
            LinkState::Down if address.ip.is_ipv6() => Loss::WithInterface,
            LinkState::Up | LinkState::NoCarrier | LinkState::Down => {
                let is_ipv6 = self.lacked_ipv6 && address.ip.is_ipv6();
                if is_ipv6 { Loss::WithIpv6 } else { Loss::BySomebody }
            }
        }
    }
}

/// Below an MTU of 1280 the kernel has no such file.
fn has_ipv6(interface: &str) -> bool {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/disable_ipv6");
    std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_takes_ipv6_along_when_it_is_switched_off_and_everything_when_it_goes() {
        let shared = SharedPlace { interface: "eth0".to_owned(), addresses: vec![] };
        let mut kept = KeptService::new(shared, AnnounceSchedule::new(Duration::from_secs(60)));
        let of = |ip: &str| Address { ip: ip.parse().unwrap(), prefix: 24 };
        let losses = |kept: &KeptService| [kept.loss(of("192.0.2.1")), kept.loss(of("fd00::1"))];
        kept.note_link(LinkState::NoCarrier);
        assert_eq!(losses(&kept), [Loss::BySomebody, Loss::BySomebody]);
        kept.note_link(LinkState::Down);
        kept.is_whole(LinkState::Down);
        kept.note_link(LinkState::Up);
        assert_eq!(losses(&kept), [Loss::BySomebody, Loss::WithInterface]);
        kept.note_link(LinkState::Missing);
        kept.note_link(LinkState::Down);
        assert_eq!(losses(&kept), [Loss::WithInterface, Loss::WithInterface]);
        kept.is_whole(LinkState::Up);
        assert_eq!(losses(&kept), [Loss::BySomebody, Loss::BySomebody]);
    }
}
