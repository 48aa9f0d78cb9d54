//! The opt-in signal handlers. One test in a process of its own, since handlers belong to the process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use schrittmacherclient::{Client, CurrentState};

const HANG: Duration = Duration::from_secs(10);

/// Counts the calls of the handler that was there before.
static EARLIER: AtomicUsize = AtomicUsize::new(0);

extern "C" fn earlier_handler(_signo: libc::c_int) {
    EARLIER.fetch_add(1, Ordering::SeqCst);
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
            // Nobody listens there, and the report says so; the state is what counts here.
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
    // There was no handler for this one; without ours it would end the process.
    raise(Signal::SIGUSR2).unwrap();
    assert_eq!(calls.recv_timeout(HANG), Ok("standby"));

    drop(client);
    assert_eq!(calls.recv_timeout(HANG), Err(RecvTimeoutError::Disconnected));
    raise(Signal::SIGUSR1).unwrap();
    raise(Signal::SIGUSR2).unwrap();
    assert_eq!(EARLIER.load(Ordering::SeqCst), 2, "the earlier handler is gone with the client");

    // Handing a signal over leaves errno alone, even when ringing fails. (Here, where no other test can get
    // the number of the closed descriptor.)
    let client = Client::builder("r1").build().unwrap();
    client.start_polled().unwrap();
    nix::unistd::close(client.poll_fd().unwrap()).unwrap();
    Errno::set_raw(4711);
    client.notify_signal(libc::SIGUSR1).unwrap();
    assert_eq!(Errno::last_raw(), 4711);
}
