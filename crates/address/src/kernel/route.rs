//! Addresses and links by rtnetlink.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library has an arm for each thing a kernel can say; most say nothing of addresses"
)]

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NetlinkPayload};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressProtocol, AddressScope,
};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::netlink::{Listener, Payload, Requests};
use crate::frame::Mac;
use crate::{Address, LinkState, Trouble};

/// Requests that are sent in one go: their answers fit into any receive buffer.
const BATCH: usize = 64;

const LINKS: u32 = 1;
const IPV4_ADDRESSES: u32 = 5;
const IPV6_ADDRESSES: u32 = 9;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub index: u32,
    pub name: String,
    /// `None`: neighbours need no announcement (a tunnel, the loopback device).
    pub mac: Option<Mac>,
    pub state: LinkState,
    /// The index of the interface that this one lies on, such as the one below a VLAN.
    pub below: Option<u32>,
}

/// Something happened to an interface or an address, by whomever.
#[derive(Debug)]
pub(crate) enum KernelChange {
    /// An interface is there, or has changed.
    Link(Link),
    /// An interface is gone.
    LinkGone(u32),
    /// An address is there, or has changed.
    Address { place: Placement, is_ours: bool },
    /// An address was removed.
    AddressGone(Placement),
    /// Some changes were lost: look again.
    Lost,
}

/// A place that an address has or shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub index: u32,
    pub address: Address,
}

/// Two netlink sockets: one for requests, one that hears of changes.
pub(crate) struct RouteSocket {
    requests: Requests,
    changes: Listener,
    pending: VecDeque<KernelChange>,
    /// The program that added an address, as the kernel keeps it since 5.18 (IFA_PROTO); `ip address show` prints it.
    owner: AddressAttribute,
    keeps_owner: bool,
}

impl RouteSocket {
    /// Opens the sockets; asks the kernel nothing yet.
    pub fn open(owner: u8) -> io::Result<RouteSocket> {
        Ok(RouteSocket {
            requests: Requests::open()?,
            changes: Listener::open(&[LINKS, IPV4_ADDRESSES, IPV6_ADDRESSES])?,
            pending: VecDeque::new(),
            owner: AddressAttribute::Protocol(AddressProtocol::Other(owner)),
            keeps_owner: kernel_is_at_least(5, 18),
        })
    }

    /// Every interface.
    pub fn links(&mut self) -> io::Result<Vec<Link>> {
        let answers = self.requests.dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        Ok(answers
            .iter()
            .filter_map(
                |answer| if let RouteNetlinkMessage::NewLink(link) = answer { of_link(link) } else { None },
            )
            .collect())
    }

    /// Adds addresses, each with its own result: `false` if it was there already, which is fine. IPv6 without duplicate
    /// address detection: who serves is decided already, and an address that has failed it stays dead.
    pub fn add(&mut self, places: &[Placement]) -> Vec<Result<bool, Trouble>> {
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        let results = self.change(places, flags, RouteNetlinkMessage::NewAddress);
        let judge = |result: io::Result<()>| match result {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
            // It has gone since it was looked up.
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Err(Trouble::NoInterface),
            Err(error) => Err(Trouble::System(error)),
        };
        results.into_iter().map(judge).collect()
    }

    /// Removes addresses, each with its own result. One that is not there is fine. Where `promote_secondaries` is off the
    /// kernel takes further addresses of the same network along: those are put back.
    pub fn remove(&mut self, places: &[Placement]) -> Vec<Result<(), Trouble>> {
        let has_network = |place: &&Placement| place.address.ip.is_ipv4() && place.address.prefix < 32;
        let mut interfaces: Vec<u32> = places.iter().filter(has_network).map(|place| place.index).collect();
        interfaces.dedup();
        let takes_along = interfaces.into_iter().any(|index| !promotes_secondaries(index));
        let before = if takes_along { self.addresses().unwrap_or_default() } else { Vec::new() };
        let results = self.change(places, 0, RouteNetlinkMessage::DelAddress);
        if takes_along {
            self.put_back(places, &before);
        }
        let absent = |error: &io::Error| {
            matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV | libc::ENXIO))
        };
        results
            .into_iter()
            .map(|result| match result {
                Err(error) if absent(&error) => Ok(()),
                result => result.map_err(Trouble::System),
            })
            .collect()
    }

    fn put_back(&mut self, removed: &[Placement], before: &[AddressMessage]) {
        let Ok(after) = self.addresses() else { return };
        let place = |message: &AddressMessage| (message.header.index, ip_of(message));
        for message in before {
            let meant = removed.iter().any(|gone| place(message) == (gone.index, Some(gone.address.ip)));
            if meant || after.iter().any(|left| place(left) == place(message)) {
                continue;
            }
            let mut message = message.clone();
            message.header.flags = AddressHeaderFlags::empty();
            message.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Flags(_)));
            // It was there a moment ago; if it cannot be put back now, its owner will hear of it by its absence.
            let _ =
                self.requests.request(&[RouteNetlinkMessage::NewAddress(message)], NLM_F_CREATE | NLM_F_EXCL);
        }
    }

    fn change(
        &mut self,
        places: &[Placement],
        flags: u16,
        wrap: impl Fn(AddressMessage) -> RouteNetlinkMessage,
    ) -> Vec<io::Result<()>> {
        let messages: Vec<_> = places.iter().map(|place| wrap(message(place, self.owner.clone()))).collect();
        messages.chunks(BATCH).flat_map(|batch| self.requests.request(batch, flags)).collect()
    }

    fn addresses(&mut self) -> io::Result<Vec<AddressMessage>> {
        let answers = self.requests.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
        Ok(answers
            .into_iter()
            .filter_map(|answer| {
                if let RouteNetlinkMessage::NewAddress(address) = answer { Some(address) } else { None }
            })
            .collect())
    }

    /// The next change, if one waits.
    pub fn next_change(&mut self) -> io::Result<Option<KernelChange>> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                return Ok(Some(change));
            }
            match self.changes.receive() {
                Ok(messages) => {
                    let changes: Vec<_> =
                        messages.into_iter().filter_map(|(_, payload)| self.of_payload(payload)).collect();
                    self.pending.extend(changes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(Some(KernelChange::Lost));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the kernel keeps who has added an address.
    pub fn keeps_owner(&self) -> bool {
        self.keeps_owner
    }

    /// Becomes readable when something has changed.
    pub fn changes_fd(&self) -> RawFd {
        self.changes.socket.as_raw_fd()
    }

    /// Every address of this host, and whether this daemon has added it, in this run or an earlier one. Kernels before
    /// 5.18 do not keep that: there every address may be ours.
    pub fn known(&mut self) -> io::Result<Vec<(Placement, bool)>> {
        let addresses = self.addresses()?;
        Ok(addresses.iter().filter_map(|message| self.of_address(message)).collect())
    }

    fn of_address(&self, message: &AddressMessage) -> Option<(Placement, bool)> {
        let is_ours = !self.keeps_owner || message.attributes.contains(&self.owner);
        Some((place_of(message)?, is_ours))
    }

    fn of_payload(&self, payload: Payload) -> Option<KernelChange> {
        let NetlinkPayload::InnerMessage(message) = payload else { return None };
        match message {
            // A bridge speaks of its ports in the same words: one that has left it is not gone.
            RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::DelLink(link)
                if link.header.interface_family == AddressFamily::Bridge =>
            {
                None
            }
            RouteNetlinkMessage::NewLink(link) => of_link(&link).map(KernelChange::Link),
            RouteNetlinkMessage::DelLink(link) => Some(KernelChange::LinkGone(link.header.index)),
            RouteNetlinkMessage::NewAddress(address) => {
                self.of_address(&address).map(|(place, is_ours)| KernelChange::Address { place, is_ours })
            }
            RouteNetlinkMessage::DelAddress(address) => place_of(&address).map(KernelChange::AddressGone),
            _ => None,
        }
    }
}

fn message(place: &Placement, owner: AddressAttribute) -> AddressMessage {
    let mut message = AddressMessage::default();
    let ip = place.address.ip;
    message.header.family = if ip.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    message.header.prefix_len = place.address.prefix;
    message.header.scope = AddressScope::Universe;
    message.header.index = place.index;
    message.attributes = vec![AddressAttribute::Local(ip), AddressAttribute::Address(ip), owner];
    if ip.is_ipv6() {
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    message
}

fn of_link(message: &LinkMessage) -> Option<Link> {
    let (mut name, mut mac, mut below) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::Address(bytes) => mac = Mac::try_from(&bytes[..]).ok(),
            LinkAttribute::Link(index) => below = Some(*index),
            _ => {}
        }
    }
    // The other end of a pair may be in another namespace: its number means another interface here.
    let is_elsewhere = |attribute: &LinkAttribute| matches!(attribute, LinkAttribute::LinkNetNsId(_));
    let below =
        below.filter(|index| *index != message.header.index && !message.attributes.iter().any(is_elsewhere));
    let flags = message.header.flags;
    let state = if !flags.contains(LinkFlags::Up) {
        LinkState::Down
    } else if flags.contains(LinkFlags::LowerUp) {
        LinkState::Up
    } else {
        LinkState::NoCarrier
    };
    let mac = mac.filter(|_| !flags.intersects(LinkFlags::Loopback | LinkFlags::Noarp));
    Some(Link { index: message.header.index, name: name?, mac, state, below })
}

fn place_of(message: &AddressMessage) -> Option<Placement> {
    let address = Address { ip: ip_of(message)?, prefix: message.header.prefix_len };
    Some(Placement { index: message.header.index, address })
}

/// The address itself; for a point-to-point link `Address` is the other end.
fn ip_of(message: &AddressMessage) -> Option<IpAddr> {
    let find = |local: bool| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(ip) if local => Some(*ip),
            AddressAttribute::Address(ip) if !local => Some(*ip),
            _ => None,
        })
    };
    find(true).or_else(|| find(false))
}

/// Whether an interface keeps the other addresses of a network when one is removed: its own setting or that of all
/// says so. `false` costs a look.
fn promotes_secondaries(index: u32) -> bool {
    let name = nix::net::if_::if_indextoname(index).ok();
    let name = name.as_deref().and_then(|name| name.to_str().ok());
    ["all"].into_iter().chain(name).any(|name| {
        let setting = std::fs::read_to_string(format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries"));
        setting.is_ok_and(|text| text.trim() == "1")
    })
}

fn kernel_is_at_least(major: u32, minor: u32) -> bool {
    let Ok(name) = nix::sys::utsname::uname() else { return false };
    let release = name.release().to_string_lossy();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    let (found_major, found_minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    (found_major, found_minor) >= (major, minor)
}
