//! The client with its real socket, clock and thread. The daemon is a socket that only listens.
#![expect(clippy::unwrap_used, reason = "a test")]

mod retry;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use schrittmacherclient::{AddressFamily, Client, ClientBuilder, CurrentState, Error, LogLevel, WantedState};
use serde_json::Value;

use retry::retry;

/// Nothing that works takes as long.
const HANG: Duration = Duration::from_secs(10);
const QUICK: Duration = Duration::from_millis(10);

struct Daemon(UdpSocket);

impl Daemon {
    fn new() -> Daemon {
        Daemon::at("127.0.0.1:0")
    }

    fn at(address: &str) -> Daemon {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(HANG)).unwrap();
        Daemon(socket)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    fn client(&self) -> ClientBuilder {
        Client::builder("r1").port(self.port()).heartbeat_interval(QUICK)
    }

    fn hear(&self) -> Value {
        let mut datagram = [0; 2000];
        let length = retry(|| self.0.recv(&mut datagram)).unwrap();
        serde_json::from_slice(&datagram[..length]).unwrap()
    }

    /// Waits for a status, past others.
    fn hear_status(&self, status: &str) -> Value {
        loop {
            let message = self.hear();
            if message["status"] == status {
                return message;
            }
        }
    }

    /// The datagrams that have arrived already.
    fn pending(&self) -> usize {
        self.0.set_nonblocking(true).unwrap();
        let count = std::iter::from_fn(|| self.0.recv(&mut [0; 2000]).ok()).count();
        self.0.set_nonblocking(false).unwrap();
        count
    }
}

fn wait_readable(client: &Client) {
    // SAFETY: the descriptor stays open while the client lives.
    let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(client.poll_fd().unwrap()) };
    let mut ready = [PollFd::new(fd, PollFlags::POLLIN)];
    assert_eq!(poll(&mut ready, PollTimeout::try_from(HANG).unwrap()).unwrap(), 1, "never readable");
}

#[test]
fn the_last_report_is_repeated() {
    let daemon = Daemon::new();
    let client = daemon.client().build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, Some("why")).unwrap();
    for _ in 0..3 {
        let message = daemon.hear();
        assert_eq!((&message["status"], &message["reason"]), (&"LHOT".into(), &"why".into()));
        assert_eq!(message["pid"], std::process::id());
    }
    client.report(CurrentState::Inactive, None).unwrap();
    daemon.hear_status("LSBY");
    assert_eq!(daemon.hear()["status"], "LSBY");
}

#[test]
fn a_stopped_client_is_silent_and_can_be_started_again() {
    let daemon = Daemon::new();
    let client = daemon.client().build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    daemon.hear();
    client.stop().unwrap();
    daemon.pending();
    assert!(matches!(client.report(CurrentState::Inactive, None), Err(Error::NotStarted)));
    daemon.0.set_read_timeout(Some(QUICK * 10)).unwrap();
    assert!(daemon.0.recv(&mut [0; 2000]).is_err(), "it still beats");
    daemon.0.set_read_timeout(Some(HANG)).unwrap();

    client.start().unwrap();
    assert_eq!(daemon.hear()["status"], "LSBY", "what was reported meanwhile is lost");
}

#[test]
fn the_last_clone_that_goes_ends_the_thread() {
    let daemon = Daemon::new();
    let (alive, watch) = channel::<()>();
    let client = daemon.client().on_log(LogLevel::Panic, move |_, _| drop(alive.clone())).build().unwrap();
    client.start().unwrap();
    drop(client.clone());
    assert_eq!(client.is_started().ok(), Some(true));
    drop(client);
    assert_eq!(watch.recv_timeout(HANG), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_missing_daemon_is_noticed_and_a_new_one_found() {
    let address = {
        let daemon = Daemon::new();
        daemon.0.local_addr().unwrap()
    };
    let client = Client::builder("r1").port(address.port()).heartbeat_interval(QUICK).build().unwrap();
    client.start().unwrap();
    assert!(matches!(client.report(CurrentState::Active, None), Err(Error::NoDaemon)));
    assert_eq!(client.last_os_error().unwrap().raw_os_error(), Some(libc::ECONNREFUSED));
    let daemon = Daemon::at(&address.to_string());
    assert_eq!(daemon.hear()["status"], "LHOT");
    client.do_heartbeat().unwrap();
    assert!(client.last_os_error().is_none());
}

#[test]
fn the_daemon_can_be_named_or_be_ipv6() {
    let daemon = Daemon::new();
    let client = daemon.client().daemon_address("localhost").build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Unknown, None).unwrap();
    daemon.hear_status("LUNK");

    let Ok(socket) = UdpSocket::bind("[::1]:0") else {
        return schrittmacher_testkit::skip("the_daemon_can_be_named_or_be_ipv6", "no IPv6");
    };
    socket.set_read_timeout(Some(HANG)).unwrap();
    let daemon = Daemon(socket);
    let client = daemon.client().address_family(AddressFamily::V6).build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Unknown, None).unwrap();
    daemon.hear_status("LUNK");
}

#[test]
fn an_address_that_is_none_is_an_error_at_start() {
    // A label of more than 63 characters is refused without asking anybody.
    let client = Client::builder("r1").daemon_address("n".repeat(300)).build().unwrap();
    assert!(matches!(client.start(), Err(Error::Address(_))));
    assert_eq!(client.is_started().ok(), Some(false));
}

#[test]
fn settings_out_of_range_make_no_client() {
    let refused = |builder: ClientBuilder| matches!(builder.build(), Err(Error::Invalid(_)));
    assert!(refused(Client::builder("")));
    assert!(refused(Client::builder("n".repeat(256))));
    assert!(refused(Client::builder("r1").port(0)));
    assert!(refused(Client::builder("r1").host("h".repeat(256))));
    assert!(refused(Client::builder("r1").application_type("t".repeat(256))));
    assert!(refused(Client::builder("r1").heartbeat_interval(Duration::from_millis(9))));
    assert!(refused(Client::builder("r1").heartbeat_interval(Duration::from_millis(10_001))));
}

#[test]
fn an_order_by_call_is_carried_out_by_the_caller() {
    let daemon = Daemon::new();
    let (called, calls) = channel();
    let client = daemon
        .client()
        .on_go_hot(move |client| {
            let state = client.current_state().unwrap();
            called.send((thread::current().id(), state)).unwrap();
        })
        .build()
        .unwrap();
    client.signal_go_hot().unwrap();
    // Called already, since the call is synchronous. Called once, since the application is on its way now.
    client.signal_go_hot().unwrap();
    let here = thread::current().id();
    assert_eq!(calls.try_iter().collect::<Vec<_>>(), [(here, Some(CurrentState::TransitingToHot))]);
    assert_eq!(client.wanted_state().unwrap(), Some(WantedState::Hot));
    assert_eq!(daemon.pending(), 0, "an order alone sends nothing");
}

#[test]
fn an_order_by_signal_is_carried_out_by_the_thread_with_signals_blocked() {
    let daemon = Daemon::new();
    let (called, calls) = channel();
    let tell = |called: &Sender<_>| {
        let mut blocked = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, None, Some(&mut blocked)).unwrap();
        let all = Signal::iterator()
            .filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP))
            .all(|signal| blocked.contains(signal));
        called.send((thread::current().name().map(str::to_owned), all)).unwrap();
    };
    let standby = called.clone();
    let client = daemon
        .client()
        .heartbeat_interval(Duration::from_secs(10))
        .on_go_hot(move |_| tell(&called))
        .on_go_standby(move |client| {
            client.report(CurrentState::Inactive, None).unwrap();
            tell(&standby);
        })
        .build()
        .unwrap();
    // Before the start it waits.
    client.notify_signal(libc::SIGUSR1).unwrap();
    client.start().unwrap();
    assert_eq!(calls.recv_timeout(HANG).unwrap(), (Some("schrittm-hb".to_owned()), true));
    client.notify_signal(libc::SIGUSR2).unwrap();
    assert_eq!(calls.recv_timeout(HANG).unwrap(), (Some("schrittm-hb".to_owned()), true));
    daemon.hear_status("LSBY");
    assert!(matches!(client.notify_signal(libc::SIGTERM), Err(Error::Invalid(_))));
    let mut here = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, None, Some(&mut here)).unwrap();
    assert!(!here.contains(Signal::SIGUSR1), "start() left its mask behind");
}

#[test]
fn of_two_waiting_orders_the_last_counts() {
    let daemon = Daemon::new();
    let client = daemon.client().build().unwrap();
    client.notify_signal(libc::SIGUSR1).unwrap();
    client.notify_signal(libc::SIGUSR2).unwrap();
    client.start_polled().unwrap();
    wait_readable(&client);
    client.dispatch().unwrap();
    assert_eq!(client.wanted_state().unwrap(), Some(WantedState::Standby));
}

#[test]
fn a_function_may_stop_start_and_let_go_of_the_client() {
    let daemon = Daemon::new();
    let (called, calls) = channel();
    let last = Arc::new(std::sync::Mutex::new(None::<Client>));
    let held = Arc::clone(&last);
    let client = daemon
        .client()
        .on_go_hot(move |client| {
            client.stop().unwrap();
            client.start().unwrap();
            client.report(CurrentState::Active, None).unwrap();
        })
        .on_go_standby(move |client| {
            drop(held.lock().unwrap().take());
            client.stop().unwrap();
            called.send(()).unwrap();
        })
        .build()
        .unwrap();
    client.start().unwrap();
    client.notify_signal(libc::SIGUSR1).unwrap();
    daemon.hear_status("LHOT");
    daemon.hear_status("LHOT");
    // The thread gets the last reference but one, and so ends itself.
    let bell = client.clone();
    *last.lock().unwrap() = Some(client);
    bell.notify_signal(libc::SIGUSR2).unwrap();
    drop(bell);
    calls.recv_timeout(HANG).unwrap();
    assert_eq!(calls.recv_timeout(HANG), Err(RecvTimeoutError::Disconnected), "the client is not freed");
}

#[test]
fn the_log_function_may_call_the_client() {
    let daemon = Daemon::new();
    let (told, log) = channel();
    let own = Arc::new(std::sync::OnceLock::<Client>::new());
    let client = Arc::clone(&own);
    let busy = AtomicBool::new(false);
    own.get_or_init(|| {
        let log_function = move |level, text: &str| {
            if !busy.swap(true, Ordering::SeqCst) {
                let _ = client.get().unwrap().do_heartbeat();
                busy.store(false, Ordering::SeqCst);
            }
            told.send((level, text.to_owned())).unwrap();
        };
        daemon.client().on_log(LogLevel::Info, log_function).on_go_standby(|_| {}).build().unwrap()
    });
    let client = own.get().unwrap();
    client.start().unwrap();
    let address = daemon.0.local_addr().unwrap();
    assert_eq!(log.try_recv().unwrap(), (LogLevel::Info, format!("started, reporting to {address}")));
    client.signal_go_hot().unwrap();
    assert_eq!(log.try_recv().unwrap(), (LogLevel::Info, "ordered to go hot".to_owned()));
    assert_eq!(log.try_recv().unwrap(), (LogLevel::Major, "there is no go-hot function".to_owned()));
    client.stop().unwrap();
    assert_eq!(log.try_recv().unwrap(), (LogLevel::Info, "stopped".to_owned()));
}

#[test]
fn an_own_loop_gets_its_heartbeats_without_a_thread() {
    let daemon = Daemon::new();
    let client = daemon.client().build().unwrap();
    assert!(client.poll_fd().is_none());
    assert!(matches!(client.dispatch(), Err(Error::NotStarted)));
    client.start_polled().unwrap();
    client.report(CurrentState::Inactive, None).unwrap();
    daemon.hear_status("LSBY");
    for _ in 0..3 {
        wait_readable(&client);
        client.dispatch().unwrap();
        daemon.hear_status("LSBY");
    }
    client.notify_signal(libc::SIGUSR1).unwrap();
    wait_readable(&client);
    client.dispatch().unwrap();
    assert_eq!(client.current_state().unwrap(), Some(CurrentState::TransitingToHot));
    client.start().unwrap();
    assert!(matches!(client.dispatch(), Err(Error::NotPolled)));
}

#[test]
fn a_dispatch_before_the_time_sends_nothing() {
    let daemon = Daemon::new();
    let client = daemon.client().heartbeat_interval(Duration::from_secs(10)).build().unwrap();
    client.start_polled().unwrap();
    client.report(CurrentState::Inactive, None).unwrap();
    daemon.hear();
    client.dispatch().unwrap();
    assert_eq!(daemon.pending(), 0);
}

#[test]
fn after_a_panic_the_client_is_silent_and_says_why() {
    let daemon = Daemon::new();
    let client =
        daemon.client().on_go_hot(|_| panic!("the application's, part of the test")).build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Inactive, None).unwrap();
    daemon.hear();
    client.notify_signal(libc::SIGUSR1).unwrap();
    while !matches!(client.report(CurrentState::Inactive, None), Err(Error::Broken)) {
        thread::yield_now();
    }
    daemon.pending();
    daemon.0.set_read_timeout(Some(QUICK * 10)).unwrap();
    assert!(daemon.0.recv(&mut [0; 2000]).is_err(), "it still beats");
}

#[test]
fn a_heartbeat_function_replaces_the_heartbeat() {
    let daemon = Daemon::new();
    let (called, calls) = channel();
    let stuck = Arc::new(AtomicBool::new(false));
    let is_stuck = Arc::clone(&stuck);
    let heartbeat = move |client: &Client| {
        if !is_stuck.load(Ordering::SeqCst) {
            client.do_heartbeat().unwrap();
        }
        let _ = called.send(thread::current().name().map(str::to_owned));
    };
    let client = daemon.client().on_heartbeat(heartbeat).build().unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    daemon.hear_status("LHOT");
    daemon.hear_status("LHOT");
    assert_eq!(calls.recv_timeout(HANG).unwrap(), Some("schrittm-hb".to_owned()));

    stuck.store(true, Ordering::SeqCst);
    // The call that was going on, and two that found it stuck.
    while calls.try_recv().is_ok() {}
    for _ in 0..3 {
        calls.recv_timeout(HANG).unwrap();
    }
    daemon.pending();
    calls.recv_timeout(HANG).unwrap();
    assert_eq!(daemon.pending(), 0, "a heartbeat has left in spite of the function");
}

/// A daemon at an address of its own, so that no other test takes its port while it is away.
fn daemon_that_can_return(port: u16) -> Daemon {
    Daemon::at(&format!("127.0.77.1:{port}"))
}

#[test]
fn a_lost_daemon_is_told_once_for_each_loss() {
    let daemon = daemon_that_can_return(0);
    let port = daemon.port();
    let (lost, losses) = channel();
    let client = daemon
        .client()
        .daemon_address("127.0.77.1")
        .on_daemon_lost(QUICK * 5, move |client| lost.send(client.is_daemon_lost().unwrap()).unwrap())
        .build()
        .unwrap();
    client.start().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    daemon.hear();
    assert!(!client.is_daemon_lost().unwrap());
    drop(daemon);
    assert!(losses.recv_timeout(HANG).unwrap());
    let daemon = daemon_that_can_return(port);
    daemon.hear();
    daemon.hear();
    assert!(!client.is_daemon_lost().unwrap());
    assert!(losses.try_recv().is_err(), "one loss was told twice");
    drop(daemon);
    assert!(losses.recv_timeout(HANG).unwrap(), "the second loss is not told");
}

#[test]
fn an_own_loop_is_told_of_a_lost_daemon_by_dispatch() {
    let daemon = daemon_that_can_return(0);
    let (lost, losses) = channel();
    let client = daemon
        .client()
        .daemon_address("127.0.77.1")
        .on_daemon_lost(QUICK * 5, move |_| lost.send(thread::current().id()).unwrap())
        .build()
        .unwrap();
    client.start_polled().unwrap();
    client.report(CurrentState::Active, None).unwrap();
    drop(daemon);
    while losses.try_recv() != Ok(thread::current().id()) {
        wait_readable(&client);
        let _ = client.dispatch();
    }
}

#[test]
fn a_daemon_that_never_was_there_is_not_lost() {
    let port = daemon_that_can_return(0).port();
    let (lost, losses) = channel();
    let (beat, beats) = channel();
    let client = Client::builder("r1")
        .daemon_address("127.0.77.1")
        .port(port)
        .heartbeat_interval(QUICK)
        .on_heartbeat(move |client| {
            let _ = beat.send(client.do_heartbeat());
        })
        .on_daemon_lost(QUICK, move |_| lost.send(()).unwrap())
        .build()
        .unwrap();
    client.start().unwrap();
    let _ = client.report(CurrentState::Active, None);
    for _ in 0..5 {
        assert!(matches!(beats.recv_timeout(HANG).unwrap(), Err(Error::NoDaemon)));
    }
    assert!(losses.try_recv().is_err());
}

#[test]
fn without_functions_an_order_is_no_trouble() {
    let daemon = Daemon::new();
    let (told, log) = channel();
    let on_log = move |level, text: &str| told.send((level, text.to_owned())).unwrap();
    let client = daemon.client().on_log(LogLevel::Info, on_log).build().unwrap();
    client.signal_go_hot().unwrap();
    assert_eq!(client.wanted_state().unwrap(), Some(WantedState::Hot));
    assert_eq!(log.try_iter().collect::<Vec<_>>(), [(LogLevel::Info, "ordered to go hot".to_owned())]);
}
