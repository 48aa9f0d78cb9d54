//! Addresses and connections: bounded in number, size and time, so that no client can matter (H4).

use std::io;
use std::net::{SocketAddr, TcpListener as BoundListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener as BoundUnixListener;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::browse::PeerName;
use super::link::{AdminRequest, ProtocolThread, RELOAD_PATIENCE, WakeLoop};
use super::order_token::{OrderRights, TokenDoor};
use super::origin::OwnNames;
use super::places::Places;
use super::service::{Client, HttpService, PageFacts, Quota, Refusals, no_answer};
use schrittmacher_config::Page;

/// The limits of clients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections to the page at a time; see [`Places`].
    pub connections: usize,
    /// Connections to the control socket at a time; further ones wait in the kernel.
    pub control_connections: usize,
    /// From the connection to the end of the request's header.
    pub header: Duration,
    /// From the connection to its end, whatever happens on it.
    pub connection: Duration,
    /// The wait for the protocol thread.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 64,
            control_connections: 16,
            header: Duration::from_secs(3),
            connection: Duration::from_secs(5),
            answer: Duration::from_secs(2),
        }
    }
}

/// Request line and headers together; also what hyper buffers at most.
const HEADER_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
const BACKLOG: i32 = 128;

/// How often an address that is not free is tried, and the pause after an error in accepting.
const RETRY: Duration = Duration::from_secs(1);
/// How often such an error is told at most.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// The service, and the facts for its answers.
pub(super) struct Doors {
    /// The page and the API by TCP.
    pub page: Option<Page>,
    /// The same by the control socket.
    pub control: Option<BoundUnixListener>,
    /// Whose orders the page takes.
    pub rights: OrderRights,
    /// The facts of this daemon for the status.
    pub facts: PageFacts,
}

pub(super) fn spawn(
    doors: Doors,
    limits: Limits,
    requests: SyncSender<AdminRequest>,
    wake: WakeLoop,
) -> io::Result<()> {
    let host_name = nix::unistd::gethostname()?.to_string_lossy().into_owned();
    let names = doors.page.iter().flat_map(|page| page.host_names.clone()).collect::<Vec<_>>();
    let service = Arc::new(HttpService {
        protocol: ProtocolThread::new(requests, wake, limits.answer),
        names: OwnNames::new(&host_name, &names),
        orders: TokenDoor::new(doors.rights),
        page: Quota::new(),
        control: Quota::new(),
        peer_name: PeerName::new(doors.facts.remote_address),
        memory: Arc::default(),
        facts: doors.facts,
        host_name,
        refusals: Refusals::new(),
        reading: Arc::new(Semaphore::new(1)),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // The host's name, the peer's name, and the history: a name service that hangs keeps none of the others.
        .max_blocking_threads(3)
        .build()?;
    // Tried here once, so that a caller who goes on finds the page there. Binding never waits.
    let pages = Pages::new(limits, &service);
    let addresses = doors.page.into_iter().flat_map(|page| {
        let port = page.port;
        page.addresses.into_iter().map(move |address| SocketAddr::new(address, port))
    });
    let bound: Vec<_> = addresses
        .map(|address| (address, bind(address)))
        .filter(|(address, bound)| is_worth_trying(*address, bound))
        .map(|(address, bound)| pages.clone().run(address, bound.ok()))
        .collect();
    let control = doors.control;

    thread::Builder::new().name("admin".to_owned()).spawn(move || {
        runtime.block_on(async {
            if let Some(listener) = control {
                tokio::spawn(serve_control(listener, limits, Arc::clone(&service)));
            }
            bound.into_iter().for_each(|door| drop(tokio::spawn(door)));
            // No door ever closes. A panic in one ends the process.
            std::future::pending::<()>().await;
        });
    })?;
    Ok(())
}

/// Says what is wrong with an address, once; `false` if it can never become better.
fn is_worth_trying(address: SocketAddr, bound: &io::Result<BoundListener>) -> bool {
    match bound {
        Ok(_) => true,
        Err(error) if has_no_family(error) && address.ip().is_unspecified() => {
            log::debug!("no admin page on {address}: {error}");
            false
        }
        Err(error) => {
            log::warn!("no admin page on {address} yet: {error}; trying again each second");
            true
        }
    }
}

/// A kernel without IPv6: waiting would not help, and no configuration asked for it.
fn has_no_family(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

fn bind(address: SocketAddr) -> io::Result<BoundListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        // Else `::` would take the IPv4 port too, or not, depending on a sysctl.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The page's addresses, and the places that their connections share.
#[derive(Clone)]
struct Pages {
    limits: Limits,
    places: Arc<Places>,
    service: Arc<HttpService>,
}

impl Pages {
    fn new(limits: Limits, service: &Arc<HttpService>) -> Pages {
        Pages { limits, places: Places::new(limits.connections), service: Arc::clone(service) }
    }

    /// Serves one address.
    async fn run(self, address: SocketAddr, first_try: Option<BoundListener>) {
        let listener = self.listener(address, first_try).await;
        log::info!("admin page on http://{address}/");
        let mut trouble = Trouble::new("admin page");
        loop {
            let (stream, client) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    trouble.pause(&error).await;
                    continue;
                }
            };
            let Ok(local) = stream.local_addr() else { continue };
            // A client that holds too many connections already loses this one: the others get theirs.
            let Some(place) = self.places.take(client.ip()).await else { continue };
            let client = Client::Page { address: client.ip().to_canonical(), local: local.ip() };
            // By TCP nobody can tell a client that has gone from one that has closed its half.
            tokio::spawn(serve(stream, client, || true, self.limits, Arc::clone(&self.service), place));
        }
    }

    async fn listener(&self, address: SocketAddr, mut bound: Option<BoundListener>) -> TcpListener {
        loop {
            if let Some(listener) = bound.and_then(|bound| TcpListener::from_std(bound).ok()) {
                return listener;
            }
            tokio::time::sleep(RETRY).await;
            bound = bind(address).ok();
        }
    }
}

/// Serves the control socket. Its places are its own: whatever happens at the page, an operator is heard.
async fn serve_control(listener: BoundUnixListener, limits: Limits, service: Arc<HttpService>) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return log::error!("the control socket can't be served: {error}"),
    };
    let slots = Arc::new(Semaphore::new(limits.control_connections));
    // A reload may take its time.
    let limits = Limits { connection: limits.connection + RELOAD_PATIENCE, ..limits };
    let mut trouble = Trouble::new("control socket");
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                trouble.pause(&error).await;
                continue;
            }
        };
        let Ok(user) = stream.peer_cred() else { continue };
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let client = Client::Control { user: user.uid() };
        let client_end = stream.as_fd().try_clone_to_owned().ok();
        let is_here = move || client_end.as_ref().is_none_or(|end| !has_hung_up(end));
        tokio::spawn(serve(stream, client, is_here, limits, Arc::clone(&service), slot));
    }
}

/// Errors in accepting: out of descriptors, mostly. It will not be better at once.
struct Trouble {
    what: &'static str,
    told: Option<Instant>,
}

impl Trouble {
    fn new(what: &'static str) -> Trouble {
        Trouble { what, told: None }
    }

    async fn pause(&mut self, error: &io::Error) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) {
            log::warn!("{} takes no connections: {error}; trying again each second", self.what);
            self.told = Some(Instant::now());
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Whether both directions of a Unix connection are closed: its other end is gone.
fn has_hung_up(end: &OwnedFd) -> bool {
    let mut poll_end = [PollFd::new(end.as_fd(), PollFlags::empty())];
    // It never waits.
    poll(&mut poll_end, PollTimeout::ZERO).is_ok()
        && poll_end[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP))
}

/// One connection, one request, as the legacy server had it. `_place` is free again when it is over.
async fn serve<P>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    is_here: impl Fn() -> bool,
    limits: Limits,
    service: Arc<HttpService>,
    _place: P,
) {
    let (service, is_here) = (&service, &is_here);
    let answer = service_fn(|request| async move {
        // This process may have been stopped for minutes, and its client has been told so. Nothing is ordered any more.
        let answer = if is_here() { service.answer(request, client).await } else { no_answer() };
        Ok::<_, std::convert::Infallible>(answer)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .keep_alive(false)
        // `printf … | nc` closes its half before it reads.
        .half_close(true)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer);
    // Mistakes of clients are their own business.
    let _: Result<hyper::Result<()>, tokio::time::error::Elapsed> =
        timeout(limits.connection, connection).await;
}
