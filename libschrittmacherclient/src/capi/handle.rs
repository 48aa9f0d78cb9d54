//! Handles that can be told from stray pointers.
//!
//! A handle is the address of a slot in a fixed table. It is looked up in the table, never followed. So a freed,
//! stale or wild pointer gives an error code, even in a signal handler that runs after the client was freed. Slots
//! are reused as late as possible. A plain pointer to the heap could do none of this. The host may be a telephone
//! exchange, which must not die of a mistake with its heartbeat (docs/adr/0007-handles-in-a-table.md).

use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::time::Duration;

use super::status::Failure;
use crate::Client;

/// How many clients a process can have at a time.
pub const SCHRITTMACHER_CLIENTS_MAX: usize = 1024;

/// A client: one resource's connection to the local daemon.
pub struct schrittmacher_client {
    /// An `Arc<Client>` turned raw; null in a free slot.
    client: AtomicPtr<Client>,
    /// Threads and signal handlers that are just looking at `client`.
    lookers: AtomicUsize,
}

static SLOTS: [schrittmacher_client; SCHRITTMACHER_CLIENTS_MAX] = [const {
    schrittmacher_client { client: AtomicPtr::new(ptr::null_mut()), lookers: AtomicUsize::new(0) }
}; SCHRITTMACHER_CLIENTS_MAX];

/// Where to begin to look for a free slot.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Puts a client into the table; none if it is full.
pub(super) fn insert(client: Client) -> Option<*mut schrittmacher_client> {
    let raw = Arc::into_raw(Arc::new(client)).cast_mut();
    for _ in 0..SCHRITTMACHER_CLIENTS_MAX {
        let slot = &SLOTS[NEXT.fetch_add(1, Ordering::Relaxed) % SCHRITTMACHER_CLIENTS_MAX];
        let free = ptr::null_mut();
        if slot.client.compare_exchange(free, raw, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            return Some(ptr::from_ref(slot).cast_mut());
        }
    }
    // SAFETY: `raw` came from Arc::into_raw above and no slot took it.
    drop(unsafe { Arc::from_raw(raw) });
    None
}

/// The client of a handle, to keep for as long as a call takes, even if it is freed meanwhile.
pub(super) fn find(handle: *const schrittmacher_client) -> Result<Arc<Client>, Failure> {
    look(handle, |raw| {
        // SAFETY: `raw` is from Arc::into_raw, and the slot's own reference lives while we are looking.
        unsafe {
            Arc::increment_strong_count(raw);
            Arc::from_raw(raw)
        }
    })
}

/// Looks at a client without keeping it. Async-signal-safe if `body` is. A kept reference could turn out to be the last one,
/// and dropping it would then stop the client inside the signal handler.
pub(super) fn peek<T>(
    handle: *const schrittmacher_client,
    body: impl FnOnce(&Client) -> T,
) -> Result<T, Failure> {
    // SAFETY: as in find(); the reference does not outlive the look.
    look(handle, |raw| body(unsafe { &*raw }))
}

/// Takes the client out of its slot, does `last` with it and lets go of it.
pub(super) fn remove(handle: *const schrittmacher_client, last: impl FnOnce(&Client)) -> Result<(), Failure> {
    let slot = slot(handle)?;
    let raw = slot.client.swap(ptr::null_mut(), Ordering::SeqCst);
    if raw.is_null() {
        return Err(Failure::Handle);
    }
    // SAFETY: `raw` is from Arc::into_raw, and the swap has handed the slot's reference to us.
    let client = ManuallyDrop::new(unsafe { Arc::from_raw(raw) });
    last(&client);
    if slot.is_left_alone() {
        drop(ManuallyDrop::into_inner(client));
    }
    Ok(())
}

impl schrittmacher_client {
    /// Waits until no thread looks any more. False if that takes too long. A thread of the parent that was looking at
    /// the fork looks for ever here: it does not exist in this process.
    fn is_left_alone(&self) -> bool {
        const STEP: Duration = Duration::from_millis(1);
        const STEPS: u32 = 1000;

        (0..STEPS).any(|_| {
            let alone = self.lookers.load(Ordering::SeqCst) == 0;
            if !alone {
                std::thread::sleep(STEP);
            }
            alone
        })
    }
}

fn look<T>(handle: *const schrittmacher_client, body: impl FnOnce(*const Client) -> T) -> Result<T, Failure> {
    let slot = slot(handle)?;
    // Announced before the pointer is read; remove() takes the pointer away before it looks for lookers.
    slot.lookers.fetch_add(1, Ordering::SeqCst);
    let raw = slot.client.load(Ordering::SeqCst);
    let result = if raw.is_null() { Err(Failure::Handle) } else { Ok(body(raw)) };
    slot.lookers.fetch_sub(1, Ordering::SeqCst);
    result
}

fn slot(handle: *const schrittmacher_client) -> Result<&'static schrittmacher_client, Failure> {
    if handle.is_null() {
        return Err(Failure::Null);
    }
    let offset = handle.addr().wrapping_sub(SLOTS.as_ptr().addr());
    let size = size_of::<schrittmacher_client>();
    if offset.is_multiple_of(size) {
        SLOTS.get(offset / size).ok_or(Failure::Handle)
    } else {
        Err(Failure::Handle)
    }
}
