//! Addresses and connections: bounded in number, size and time, so that no client can matter (H4).

use std::io;
use std::net::{SocketAddr, TcpListener as BoundListener};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Settings;
use super::link::{Link, Request, Wake};
use super::origin::OwnNames;
use super::record;
use super::service::{Refusals, Service};

/// What clients get of us at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time; further ones wait in the kernel.
    pub connections: usize,
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

pub(super) fn spawn(
    settings: Settings,
    limits: Limits,
    requests: SyncSender<Request>,
    wake: Wake,
) -> io::Result<()> {
    let host_name = nix::unistd::gethostname()?.to_string_lossy().into_owned();
    let service = Arc::new(Service {
        link: Link::new(requests, wake, limits.answer),
        names: OwnNames::new(&host_name, &settings.host_names),
        records: Arc::new(Semaphore::new(record::AT_ONCE)),
        host_name,
        refusals: Refusals::new(),
    });
    let slots = Arc::new(Semaphore::new(limits.connections));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(1)
        .build()?;

    // Tried here once, so that a caller who goes on finds the page there. Binding never waits.
    let addresses = settings.addresses.into_iter().map(|ip| SocketAddr::new(ip, settings.port));
    let doors: Vec<_> = addresses
        .map(|address| (address, bind(address)))
        .filter(|(address, bound)| is_worth_trying(*address, bound))
        .map(|(address, bound)| {
            let door = Door { address, limits, slots: Arc::clone(&slots), service: Arc::clone(&service) };
            door.run(bound.ok())
        })
        .collect();

    thread::Builder::new().name("admin".to_owned()).spawn(move || {
        runtime.block_on(async {
            let doors: Vec<_> = doors.into_iter().map(tokio::spawn).collect();
            for door in doors {
                // A door never closes; its end could only be a panic, which ends the process.
                let _: Result<(), tokio::task::JoinError> = door.await;
            }
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

/// A kernel without IPv6: nothing to wait for, nothing that anybody has asked for.
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

/// One address.
struct Door {
    address: SocketAddr,
    limits: Limits,
    slots: Arc<Semaphore>,
    service: Arc<Service>,
}

impl Door {
    async fn run(self, first_try: Option<BoundListener>) {
        let listener = self.listener(first_try).await;
        log::info!("admin page on http://{}/", self.address);
        let mut told: Option<Instant> = None;
        loop {
            let (stream, client) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: it will not be better at once.
                    if told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) {
                        log::warn!("admin page takes no connections: {error}; trying again each second");
                        told = Some(Instant::now());
                    }
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
            tokio::spawn(serve(stream, client, self.limits, Arc::clone(&self.service), slot));
        }
    }

    async fn listener(&self, mut bound: Option<BoundListener>) -> TcpListener {
        loop {
            if let Some(listener) = bound.and_then(|bound| TcpListener::from_std(bound).ok()) {
                return listener;
            }
            tokio::time::sleep(RETRY).await;
            bound = bind(self.address).ok();
        }
    }
}

/// One connection, one request, as the legacy server had it.
async fn serve(
    stream: TcpStream,
    client: SocketAddr,
    limits: Limits,
    service: Arc<Service>,
    _slot: OwnedSemaphorePermit,
) {
    let Ok(local) = stream.local_addr() else { return };
    let answer = service_fn(|request| {
        let service = &service;
        async move { Ok::<_, std::convert::Infallible>(service.answer(request, client, local.ip()).await) }
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
    // What clients do wrong is their business.
    let _: Result<hyper::Result<()>, tokio::time::error::Elapsed> =
        timeout(limits.connection, connection).await;
}
