//! The opt-in signal handlers. The one test has a process of its own, since handlers belong to the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use schrittmacherclient::{Client, CurrentState};

const HANG: Duration = Duration::from_secs(10);

/// The number of calls of the earlier handler.
static EARLIER: AtomicUsize = AtomicUsize::new(0);

/// Where the handler's stack was.
static STACK: AtomicUsize = AtomicUsize::new(0);

extern "C" fn earlier_handler(signo: libc::c_int) {
    EARLIER.fetch_add(1, Ordering::SeqCst);
    STACK.store((&raw const signo).addr(), Ordering::SeqCst);
}

/// Gives this thread an alternate signal stack, as the Go runtime does with its threads.
fn set_alternate_stack(memory: &mut [u8]) {
    let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
    // SAFETY: the memory outlives the use of the stack, which the test ends with.
    assert_eq!(unsafe { libc::sigaltstack(&raw const stack, std::ptr::null_mut()) }, 0);
}

#[test]
fn installed_handlers_give_orders_chain_and_go_with_the_client() {
    let action = SigAction::new(SigHandler::Handler(earlier_handler), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler only counts.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.unwrap();

    let (called, calls) = channel();
    let standby = called.clone();
    let client = Client::builder("r1")
        .on_go_hot(move |client| {
            // No daemon is listening, and the report fails. The state is set all the same.
            let _ = client.report(CurrentState::Active, None);
            called.send("hot").unwrap();
        })
        .on_go_standby(move |_| standby.send("standby").unwrap())
        .build()
        .unwrap();
    client.start().unwrap();
    client.install_signal_handlers().unwrap();
    client.install_signal_handlers().unwrap();

    raise(Signal::SIGUSR1).unwrap();
    assert_eq!(calls.recv_timeout(HANG), Ok("hot"));
    assert_eq!(EARLIER.load(Ordering::SeqCst), 1, "the earlier handler is not called, or twice");
    let mut memory = vec![0; 256 * 1024];
    set_alternate_stack(&mut memory);
    raise(Signal::SIGUSR1).unwrap();
    assert!(memory.as_ptr_range().contains(&std::ptr::without_provenance(STACK.load(Ordering::SeqCst))));
    assert_eq!(EARLIER.swap(1, Ordering::SeqCst), 2);
    // There was no handler for this one; without ours it would end the process.
    raise(Signal::SIGUSR2).unwrap();
    assert_eq!(calls.recv_timeout(HANG), Ok("standby"));

    drop(client);
    assert_eq!(calls.recv_timeout(HANG), Err(RecvTimeoutError::Disconnected));
    raise(Signal::SIGUSR1).unwrap();
    raise(Signal::SIGUSR2).unwrap();
    assert_eq!(EARLIER.load(Ordering::SeqCst), 2, "the earlier handler is gone with the client");
    // The registry's handler stays, so the memory has to.
    std::mem::forget(memory);

    // Handing a signal over leaves errno alone, even when ringing fails. (Here, where no other test can get
    // the number of the closed descriptor.)
    let client = Client::builder("r1").build().unwrap();
    client.start_polled().unwrap();
    nix::unistd::close(client.poll_fd().unwrap()).unwrap();
    Errno::set_raw(4711);
    client.notify_signal(libc::SIGUSR1).unwrap();
    assert_eq!(Errno::last_raw(), 4711);
}
