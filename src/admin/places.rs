//! How many connections of the page a client may hold, so that none can take them all (door-7).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that one address of another host may hold.
const PER_CLIENT: usize = 16;
/// The part of all connections that other hosts never get: one in eight, for programs of this host.
const KEPT: usize = 8;

/// The connections of the page.
pub(super) struct Places {
    all: Arc<Semaphore>,
    /// How many connections other hosts may hold together.
    remote_max: usize,
    remote: Mutex<HashMap<IpAddr, usize>>,
}

/// One of them, held until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    /// The other host whose it is.
    remote: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// This many connections at a time.
    pub fn new(all: usize) -> Arc<Places> {
        let remote_max = all - all / KEPT;
        Arc::new(Places { all: Arc::new(Semaphore::new(all)), remote_max, remote: Mutex::default() })
    }

    /// A place for a client. One of another host is refused at once if it, or all of them together, hold too
    /// many. A program of this host waits.
    pub async fn take(self: &Arc<Places>, client: IpAddr) -> Option<Place> {
        let client = client.to_canonical();
        let remote = (!client.is_loopback()).then_some(client);
        if let Some(client) = remote
            && !self.count(client)
        {
            return None;
        }
        let permit = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Place { places: Arc::clone(self), remote, _permit: permit })
    }

    fn count(&self, client: IpAddr) -> bool {
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = remote.values().sum();
        let own = remote.get(&client).copied().unwrap_or_default();
        let free = all < self.remote_max && own < PER_CLIENT;
        if free {
            remote.insert(client, own + 1);
        }
        free
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(client) = self.remote else { return };
        let mut remote = self.places.remote.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = remote.get_mut(&client) {
            *own -= 1;
            if *own == 0 {
                remote.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::net::Ipv4Addr;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// The decision that needs no wait; `None` = it waits.
    fn take(places: &Arc<Places>, client: Ipv4Addr) -> Option<Option<Place>> {
        match pin!(places.take(client.into())).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(taken) => Some(taken),
            Poll::Pending => None,
        }
    }

    fn host(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, last)
    }

    #[test]
    fn a_client_that_holds_many_gets_no_more_and_others_do() {
        let places = Places::new(64);
        let mut held: Vec<Place> =
            (0..PER_CLIENT).map(|_| take(&places, host(1)).unwrap().unwrap()).collect();
        assert!(take(&places, host(1)).unwrap().is_none());
        assert!(take(&places, host(2)).unwrap().is_some());
        held.pop();
        assert!(take(&places, host(1)).unwrap().is_some());
    }

    #[test]
    fn this_host_has_places_that_others_never_get() {
        let places = Places::new(64);
        let mut held = Vec::new();
        for last in 0..=u8::MAX {
            held.extend(take(&places, host(last)).unwrap());
        }
        assert_eq!(held.len(), 56);
        for _ in 0..8 {
            held.push(take(&places, Ipv4Addr::LOCALHOST).unwrap().unwrap());
        }
        assert!(take(&places, Ipv4Addr::LOCALHOST).is_none(), "it waits for the next one");
        drop(held);
        assert!(places.remote.lock().unwrap().is_empty(), "the table does not grow");
    }
}
