//! The built-in address of every resource: jobs for the thread that keeps them, and what became of them.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use log::{error, info, warn};
use mio::Waker;
use schrittmacher_address::{
    Address, AddressJob, AddressKeeper, AddressReport, KeeperSettings, LinkState, SharedPlace, Trouble,
};
use schrittmacher_config::{Config, Core, SharedAddress};

/// The thread is started with the first resource that has such an address.
#[derive(Debug)]
pub(super) struct Addresses {
    settings: KeeperSettings,
    /// The ends of the peer link on this host.
    ends: Vec<IpAddr>,
    waker: Arc<Waker>,
    keeper: Option<AddressKeeper>,
    sender: Sender<AddressReport>,
    reports: Receiver<AddressReport>,
    last_ticket: u64,
    /// Addresses of an earlier run that no resource has any more are gone.
    swept: bool,
}

/// Names a job. The answer to one that was given up may come after that of a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressTicket(pub(super) u64);

/// What the thread has to say to the executor.
#[derive(Debug)]
pub(super) enum AddressNews {
    End(AddressEnd),
    /// The answer to [`Addresses::ask`].
    Holder {
        resource: usize,
        ticket: AddressTicket,
        /// Which address another host has, and where.
        holder: Option<String>,
    },
    /// Somebody else has one of its addresses on this host: which, and where. `None`: that is over.
    Foreign {
        resource: usize,
        holder: Option<String>,
    },
    /// An address that was up is gone and cannot be put back: which, and why.
    Missing {
        resource: usize,
        why: String,
    },
    /// An address that was gone is back.
    PutBack {
        resource: usize,
    },
    /// The state of an interface, and the ends of the peer link that are on another cable, with a connection.
    Link(String, LinkState, Vec<IpAddr>),
}

/// The end of a job.
#[derive(Debug)]
pub(super) struct AddressEnd {
    pub resource: usize,
    pub ticket: AddressTicket,
    pub failure: Option<AddressFailure>,
}

#[derive(Debug)]
pub(super) struct AddressFailure {
    /// Which address is not as it should be, and why.
    pub why: String,
    pub lacks_interface: bool,
}

impl Addresses {
    pub fn new(config: &Config, waker: Arc<Waker>) -> Addresses {
        let (sender, reports) = channel();
        let settings = KeeperSettings { owner: owner(config.core.local_address, config.core.port) };
        let ends = ends(&config.core);
        Addresses { settings, ends, waker, keeper: None, sender, reports, last_ticket: 0, swept: false }
    }

    /// Adds the addresses of a resource.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or hangs.
    pub fn up(&mut self, resource: usize, shared: &SharedAddress) -> io::Result<AddressTicket> {
        let AddressTicket(ticket) = self.next_ticket();
        let (refresh, shared) = (shared.refresh, place(shared));
        self.give(AddressJob::Up { id: resource, ticket, shared, refresh, probe: true })?;
        Ok(AddressTicket(ticket))
    }

    /// Removes them, also those that another run has added. The first time also those of an earlier run that belong to none of
    /// `all`: not sooner, for a hot service may use them (S6).
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or hangs.
    pub fn down<'a>(
        &mut self,
        resource: usize,
        shared: &SharedAddress,
        all: impl Iterator<Item = &'a SharedAddress>,
    ) -> io::Result<AddressTicket> {
        let AddressTicket(ticket) = self.next_ticket();
        self.give(AddressJob::Down { id: resource, ticket, shared: place(shared) })?;
        if !std::mem::replace(&mut self.swept, true) {
            self.give(AddressJob::Sweep { keep: all.map(place).collect() })?;
        }
        Ok(AddressTicket(ticket))
    }

    /// Asks whether another host has one of them.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or hangs.
    pub fn ask(&mut self, resource: usize, shared: &SharedAddress) -> io::Result<AddressTicket> {
        let AddressTicket(ticket) = self.next_ticket();
        self.give(AddressJob::Ask { id: resource, ticket, shared: place(shared) })?;
        Ok(AddressTicket(ticket))
    }

    /// Removes, if that was not done yet, those of an earlier run that belong to none of `all`. For a resource without addresses, whose
    /// file may have had some. Where this daemon may not do that, no earlier one could add any.
    pub fn sweep<'a>(&mut self, all: impl Iterator<Item = &'a SharedAddress>) {
        if std::mem::replace(&mut self.swept, true) {
            return;
        }
        let is_needed = self.keeper.is_some();
        let _ = self.give(AddressJob::Sweep { keep: all.map(place).collect() });
        if !is_needed {
            // The thread ends when it has done that.
            self.keeper = None;
        }
    }

    /// Announces them again.
    pub fn announce(&self, resource: usize) {
        if let Some(keeper) = &self.keeper {
            // A thread that hangs announces as soon as it goes on.
            let _ = keeper.give(AddressJob::Announce { id: resource });
        }
    }

    /// Takes the ends of the peer link from a changed configuration: for the interfaces that are tracked from now on.
    pub fn set_ends(&mut self, core: &Core) {
        self.ends = ends(core);
    }

    /// Has the state of an interface reported, now and whenever it changes.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or hangs.
    pub fn track(&mut self, interface: &str) -> io::Result<()> {
        self.give(AddressJob::Track { interface: interface.to_owned(), ends: self.ends.clone() })
    }

    /// Takes a changed pause between announcements.
    pub fn set_refresh(&self, resource: usize, refresh: Duration) {
        if let Some(keeper) = &self.keeper {
            let _ = keeper.give(AddressJob::Refresh { id: resource, refresh });
        }
    }

    /// Has it reported from now on whether somebody else has one of its addresses on this host.
    ///
    /// # Errors
    ///
    /// The thread cannot be started, or hangs.
    pub fn watch(&mut self, resource: usize, shared: &SharedAddress) -> io::Result<()> {
        self.give(AddressJob::Watch { id: resource, shared: place(shared) })
    }

    /// The same for one that has no addresses any more.
    pub fn unwatch(&self, resource: usize) {
        if let Some(keeper) = &self.keeper {
            let _ = keeper.give(AddressJob::Unwatch { id: resource });
        }
    }

    /// The resource is gone: its addresses are kept no longer.
    pub fn forget(&self, resource: usize) {
        if let Some(keeper) = &self.keeper {
            let _ = keeper.give(AddressJob::Forget { id: resource });
        }
    }

    /// The next thing that the executor has to know. Other events are logged here; `name` gives a resource's name.
    pub fn news<'a>(&self, name: impl Fn(usize) -> &'a str) -> Option<AddressNews> {
        loop {
            match self.reports.try_recv().ok()? {
                AddressReport::Up { id, ticket, result } | AddressReport::Down { id, ticket, result } => {
                    return Some(AddressNews::End(AddressEnd {
                        resource: id,
                        ticket: AddressTicket(ticket),
                        failure: result.err().map(|(address, trouble)| AddressFailure {
                            why: format!("{address}: {trouble}"),
                            lacks_interface: matches!(trouble, Trouble::NoInterface),
                        }),
                    }));
                }
                AddressReport::PutBack { id, address, loss } => {
                    warn!(target: name(id), "{address} {loss}; it is back, and announced");
                    return Some(AddressNews::PutBack { resource: id });
                }
                AddressReport::Missing { id, address, loss, trouble } => {
                    error!(
                        target: name(id),
                        "{address} {loss}, and cannot be put back: {trouble}; tried again each second"
                    );
                    // Whether that matters is a question of `track-interface`.
                    if !matches!(trouble, Trouble::NoInterface) {
                        return Some(AddressNews::Missing {
                            resource: id,
                            why: format!("{address}: {trouble}"),
                        });
                    }
                }
                AddressReport::Elsewhere { id, address, mac } => error!(
                    target: name(id),
                    "{address} answers at {} too: another host has it; clients may reach either",
                    text_of(mac)
                ),
                AddressReport::Intruder { id, address, interface, is_removed: true } => warn!(
                    target: name(id),
                    "{address} on {interface} was added by somebody else: removed like this daemon's own, since it is served on the \
                     other side"
                ),
                AddressReport::Intruder { id, address, interface, is_removed: false } => error!(
                    target: name(id),
                    "{address} is on {interface}, and not from this daemon: clients may reach this host by it, and this side cannot \
                     take the address; remove it there, or from the file"
                ),
                AddressReport::Holder { id, ticket, holder } => {
                    return Some(AddressNews::Holder {
                        resource: id,
                        ticket: AddressTicket(ticket),
                        holder: holder
                            .map(|(address, mac)| format!("{} answers at {}", address.ip, text_of(mac))),
                    });
                }
                AddressReport::Foreign { id, holder } => {
                    let holder = holder.map(|(address, interface)| format!("{address} is on {interface}"));
                    return Some(AddressNews::Foreign { resource: id, holder });
                }
                AddressReport::Swept { address } => info!("{address} of an earlier run was removed"),
                AddressReport::Link { interface, state, ways } => {
                    return Some(AddressNews::Link(interface, state, ways));
                }
            }
        }
    }

    fn next_ticket(&mut self) -> AddressTicket {
        self.last_ticket += 1;
        AddressTicket(self.last_ticket)
    }

    fn give(&mut self, job: AddressJob) -> io::Result<()> {
        let refused = |_| io::Error::new(io::ErrorKind::TimedOut, "the kernel does not answer");
        self.keeper()?.give(job).map_err(refused)
    }

    fn keeper(&mut self) -> io::Result<&AddressKeeper> {
        let keeper = match self.keeper.take() {
            Some(keeper) => keeper,
            None => {
                let (sender, waker) = (self.sender.clone(), Arc::clone(&self.waker));
                AddressKeeper::start(self.settings, move |report| {
                    // The loop is gone if it does not listen, and a waker that fails is asked again.
                    let _ = sender.send(report);
                    let _ = waker.wake();
                })?
            }
        };
        Ok(self.keeper.insert(keeper))
    }
}

fn ends(core: &Core) -> Vec<IpAddr> {
    std::iter::once(core.local_address).chain(core.more_paths.iter().map(|path| path.local)).collect()
}

fn text_of(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

fn place(shared: &SharedAddress) -> SharedPlace {
    let address =
        |network: &schrittmacher_config::Network| Address { ip: network.ip, prefix: network.prefix };
    SharedPlace {
        interface: shared.interface.clone(),
        addresses: shared.addresses.iter().map(address).collect(),
    }
}

/// The marks of other programs, by Linux's rtnetlink.h: DHCP clients, keepalived, routing daemons. The numbers below are the
/// kernel's own and of older ones.
const MARKS_OF_OTHERS: [u8; 10] = [16, 17, 18, 42, 99, 186, 187, 188, 189, 192];

/// The mark of this daemon's addresses in the kernel: the same in each run, never that of another program, and hardly ever that of
/// another daemon on this host.
fn owner(local_address: IpAddr, port: u16) -> u8 {
    let text = format!("{local_address}:{port}");
    // FNV-1a: it has to be the same in every version of this program.
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let marks: Vec<u8> = (16..=u8::MAX).filter(|mark| !MARKS_OF_OTHERS.contains(mark)).collect();
    marks[hash as usize % marks.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mark_is_that_of_another_program() {
        let marks: Vec<u8> = (1..=u16::MAX).map(|port| owner([10, 1, 0, 1].into(), port)).collect();
        for other in (0..16).chain(MARKS_OF_OTHERS) {
            assert!(!marks.contains(&other), "{other}");
        }
        for mark in [19, 100, 255] {
            assert!(marks.contains(&mark), "{mark}");
        }
        assert_eq!(owner([10, 1, 0, 1].into(), 7700), owner([10, 1, 0, 1].into(), 7700));
    }
}
