//! One HTTP request: which page, which orders, which status.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Response, StatusCode};
use schrittmacher_protocol::{Refusal, Time};
use tokio::sync::Semaphore;

use super::link::Link;
use super::order::{self, Order, Outcome};
use super::origin::{Denied, OwnNames};
use super::page::{self, Notice};
use super::record::{self, Lines};
use crate::logging::RateLimited;

/// Everything a request needs.
pub(super) struct Service {
    pub link: Link,
    pub names: OwnNames,
    pub refusals: Refusals,
    pub host_name: String,
    pub records: Arc<Semaphore>,
}

/// A form with two names in it needs no more.
const BODY_BYTES_MAX: usize = 4096;

/// The methods of `/`. PUT means GET, as it did in the legacy program.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, OPTIONS");

/// Those of `/record`, which takes no orders.
const ALLOW_RECORD: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The page needs nothing but itself, may not be put into a frame (somebody could be made to click on an
/// order unseen), and tells its address to itself alone, where [`super::origin`] needs it.
const HEADERS: [(header::HeaderName, HeaderValue); 6] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

type Answer = Response<Either<Full<Bytes>, Lines>>;

impl Service {
    /// Answers a request of `client` that came in on the address `local`.
    pub async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        client: SocketAddr,
        local: IpAddr,
    ) -> Answer {
        let (head, body) = request.into_parts();
        let query = || head.uri.query().unwrap_or_default().as_bytes();
        let is_record = head.uri.path() == "/record";
        let allowed = if is_record { ALLOW_RECORD } else { ALLOW };
        match head.method {
            Method::OPTIONS => allow(StatusCode::NO_CONTENT, allowed),
            Method::GET | Method::HEAD if is_record => self.record(query()).await,
            _ if is_record => allow(StatusCode::METHOD_NOT_ALLOWED, allowed),
            _ if head.uri.path() != "/" => text(StatusCode::NOT_FOUND, "404, page not found"),
            Method::GET | Method::PUT => self.obey(&head, query(), client, local).await,
            // Asking how the page would look gives no order.
            Method::HEAD => self.page(StatusCode::OK, &[]).await,
            // Orders from the body only, as in the legacy program.
            Method::POST => match Limited::new(body, BODY_BYTES_MAX).collect().await {
                Ok(form) => self.obey(&head, &form.to_bytes(), client, local).await,
                Err(_) => text(StatusCode::PAYLOAD_TOO_LARGE, "413, request too large"),
            },
            _ => allow(StatusCode::METHOD_NOT_ALLOWED, allowed),
        }
    }

    /// Gives the orders in `form`, if they are meant, and shows what became of them.
    async fn obey(&self, head: &Parts, form: &[u8], client: SocketAddr, local: IpAddr) -> Answer {
        let orders = order::parse(form);
        if orders.is_empty() {
            return self.page(StatusCode::OK, &[]).await;
        }
        if let Err(denied) = self.names.check(head, local).await {
            orders.iter().for_each(|order| self.refusals.log(order, client, &denied));
            let notices: Vec<_> = orders.into_iter().map(|order| denied_notice(order, &denied)).collect();
            return self.page(StatusCode::FORBIDDEN, &notices).await;
        }
        let mut status = StatusCode::OK;
        let mut notices = Vec::new();
        for order in orders {
            let Ok(outcome) = self.link.order(order.clone()).await else { return no_answer() };
            match outcome {
                // Names that do not exist are as endless as the requests of whoever makes them up.
                Outcome::NoSuchResource => self.refusals.log(&order, client, &outcome),
                Outcome::Ordered | Outcome::Refused(_) => {
                    log::info!("{order}, asked for by {}: {outcome}", client.ip());
                }
            }
            if status == StatusCode::OK {
                status = status_of(outcome);
            }
            notices.push(outcome_notice(order, outcome));
        }
        self.page(status, &notices).await
    }

    /// The flight record; reading it gives no order, so nobody has to prove anything, as with the page.
    async fn record(&self, query: &[u8]) -> Answer {
        let Ok(permit) = Arc::clone(&self.records).acquire_owned().await else { return no_answer() };
        match self.link.record(record::wanted(query)).await {
            Ok(Some(snapshot)) => {
                let lines = Lines::new(snapshot, &self.host_name, permit);
                let mut response = Response::new(Either::Right(lines));
                *response.headers_mut() = HeaderMap::from_iter(HEADERS);
                let kind = HeaderValue::from_static(record::CONTENT_TYPE);
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
            Ok(None) => text(StatusCode::NOT_FOUND, "404, no such resource"),
            Err(_) => no_answer(),
        }
    }

    async fn page(&self, status: StatusCode, notices: &[Notice]) -> Answer {
        match self.link.status().await {
            Ok(snapshot) => text(status, page::render(&snapshot, notices)),
            Err(_) => no_answer(),
        }
    }
}

/// Log lines about refused orders; whoever can reach the port can provoke them.
pub(super) struct Refusals {
    start: Instant,
    limit: Mutex<RateLimited<IpAddr>>,
}

impl Refusals {
    pub fn new() -> Refusals {
        Refusals { start: Instant::now(), limit: Mutex::new(RateLimited::new(Duration::from_secs(60))) }
    }

    fn log(&self, order: &Order, client: SocketAddr, why: &dyn Display) {
        let client = client.ip();
        let now = Time::new(self.start.elapsed());
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = limit.pass(client, now) {
            log::warn!("{order}, asked for by {client}: {why}{suppressed}");
        }
    }
}

fn denied_notice(order: Order, denied: &Denied) -> Notice {
    let refused = format!("{order}: {denied}");
    match denied {
        Denied::CrossSite | Denied::Unproven => Notice {
            text: sentence(&format!("{refused}; press the button if you mean it")),
            offer: Some(order),
        },
        Denied::ForeignHost(_) | Denied::Prefetch => Notice { text: sentence(&refused), offer: None },
    }
}

fn outcome_notice(order: Order, outcome: Outcome) -> Notice {
    let text = sentence(&format!("{order}: {outcome}"));
    let offer = match (order, outcome) {
        (
            Order::Failover { resource, force: false },
            Outcome::Refused(Refusal::NoPeer | Refusal::PeerFailed),
        ) => Some(Order::Failover { resource, force: true }),
        _ => None,
    };
    Notice { text, offer }
}

fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| format!("{}{}.", first.to_uppercase(), rest.as_str())).unwrap_or_default()
}

fn status_of(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Ordered => StatusCode::OK,
        Outcome::Refused(_) => StatusCode::CONFLICT,
        Outcome::NoSuchResource => StatusCode::NOT_FOUND,
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::from_iter(HEADERS);
    response
}

fn no_answer() -> Answer {
    text(
        StatusCode::SERVICE_UNAVAILABLE,
        "503, the daemon does not answer; look at the status before you repeat an order",
    )
}

fn allow(status: StatusCode, methods: HeaderValue) -> Answer {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::ALLOW, methods);
    response
}
