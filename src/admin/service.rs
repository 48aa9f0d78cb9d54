//! One HTTP request: whether it may be answered, and by what.

use std::fmt::{self, Display};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Response, StatusCode};
use schrittmacher_api::{HistoryAnswer, HistoryKind};
use schrittmacher_auth::KeyId;
use schrittmacher_protocol::Time;
use tokio::sync::Semaphore;

use super::Told;
use super::browse::{self, HistoryMemory, PeerName};
use super::freeze::{FreezeOrder, FreezeOutcome};
use super::link::{NoAnswer, ProtocolThread};
use super::metrics::{self, Detail};
use super::order::{self, OperatorOrder, OrderOutcome};
use super::order_token::{Shown, TokenDoor};
use super::origin::{Denied, OwnNames};
use super::page::{self, PageNotice};
use super::probe::Probe;
use super::record::{self, Lines};
use crate::event_hook::HookEvent;
use crate::logging::{LogLevel, LostLines, RateLimited};

/// Everything a request needs.
pub(super) struct HttpService {
    pub protocol: ProtocolThread,
    pub names: OwnNames,
    pub orders: TokenDoor,
    /// The limits of the page's requests.
    pub page: Quota,
    /// The same for the control socket.
    pub control: Quota,
    pub refusals: Refusals,
    /// The turn to read the history for the page.
    pub reading: Arc<Semaphore>,
    pub host_name: String,
    pub peer_name: PeerName,
    pub memory: Arc<HistoryMemory>,
    pub facts: PageFacts,
}

/// The facts for the status that stay the same as long as the daemon runs.
#[derive(Clone, Debug)]
pub(super) struct PageFacts {
    /// `local-address`.
    pub local_address: IpAddr,
    /// `remote-address`.
    pub remote_address: IpAddr,
    /// `port`.
    pub port: u16,
    /// When the daemon started.
    pub started: Instant,
    /// The same by the wall clock.
    pub started_at: SystemTime,
    /// Orders are told here.
    pub told: Told,
    /// Which lines of the log are written.
    pub level: LogLevel,
    /// Log lines that were not written.
    pub lost: LostLines,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
    /// The page's port.
    Page {
        /// The client's address.
        address: IpAddr,
        /// The address of ours that it has connected to.
        local: IpAddr,
    },
    /// The page's port, with a token.
    Token {
        /// The client's address.
        address: IpAddr,
        /// The token's name.
        name: KeyId,
    },
    /// The control socket. File permissions have decided that this user may give orders.
    Control {
        /// Its number.
        user: u32,
    },
}

impl Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Client::Page { address, .. } => write!(f, "{address}"),
            Client::Token { address, name } => write!(f, "{address} with token {name}"),
            Client::Control { user: 0 } => f.write_str("root at the control socket"),
            Client::Control { user } => write!(f, "user {user} at the control socket"),
        }
    }
}

/// The limits of the requests of one door at a time, so that it cannot shut out the other door.
pub(super) struct Quota {
    /// Orders that wait for the protocol thread: half of its queue.
    orders: Semaphore,
    /// Records that are sent.
    records: Arc<Semaphore>,
}

impl Quota {
    pub fn new() -> Quota {
        Quota { orders: Semaphore::new(8), records: Arc::new(Semaphore::new(record::AT_ONCE)) }
    }
}

/// How long a program waits for the disk with the history: a little less than its connection may last.
const HISTORY_PATIENCE: Duration = Duration::from_secs(4);

/// A form with two names in it needs no more.
const BODY_BYTES_MAX: usize = 4096;

/// The methods of `/`. PUT means GET, as it did in the legacy program.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, OPTIONS");

/// Those of what is only read.
pub(super) const ALLOW_READING: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The page needs nothing but itself, its style and its script. It may not be put into a frame, where a hidden order could be clicked on. It tells its
/// address to itself alone, where [`super::origin`] needs it.
const HEADERS: [(header::HeaderName, HeaderValue); 6] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];

/// The paths of what only shows something.
const READ: [&str; 7] = ["/record", "/metrics", "/table", "/confirm", "/history", "/style.css", "/script.js"];

pub(super) type Answer = Response<Either<Full<Bytes>, Lines>>;

impl HttpService {
    /// Answers a request.
    pub async fn answer(&self, request: hyper::Request<Incoming>, client: Client) -> Answer {
        let (head, body) = request.into_parts();
        if head.headers.contains_key(header::TRANSFER_ENCODING) {
            // With a length beside it, two readers of the same bytes would see two requests. A form needs neither trick.
            return text(StatusCode::LENGTH_REQUIRED, "411, a body needs a Content-Length and nothing else");
        }
        let path = head.uri.path();
        if let Client::Page { local, .. } = client
            && let Err(denied) = self.names.check_host(&head, local).await
        {
            // Reading needs no right, but a foreign page must not read through a browser (door-8).
            return plain(StatusCode::FORBIDDEN, format!("403, {denied}\n"));
        }
        if path.starts_with("/api/") {
            return self.api(&head, client).await;
        }
        if let Some(probe) = Probe::parse(path) {
            return self.probe(&probe, &head).await;
        }
        let query = || head.uri.query().unwrap_or_default().as_bytes();
        let is_read = READ.contains(&path);
        let allowed = if is_read { ALLOW_READING } else { ALLOW };
        match head.method {
            Method::OPTIONS => allow(StatusCode::NO_CONTENT, allowed),
            Method::GET | Method::HEAD if is_read => self.read(path, query(), client).await,
            _ if is_read => allow(StatusCode::METHOD_NOT_ALLOWED, allowed),
            _ if path != "/" => text(StatusCode::NOT_FOUND, "404, page not found"),
            Method::GET | Method::PUT => self.obey(&head, query(), None, client).await,
            // Asking how the page would look gives no order.
            Method::HEAD => self.page(&head, client, StatusCode::OK, &[]).await,
            // Orders from the body only, as in the legacy program.
            Method::POST => match Limited::new(body, BODY_BYTES_MAX).collect().await {
                Ok(form) => {
                    let form = form.to_bytes();
                    let token = Shown::of_form(&form);
                    match FreezeOrder::of_form(&form) {
                        // The legacy program knows none, so that a link cannot give it.
                        Some(order) => self.obey_freeze(&head, order, token, client).await,
                        None => self.obey(&head, &form, token, client).await,
                    }
                }
                Err(_) => text(StatusCode::PAYLOAD_TOO_LARGE, "413, request too large"),
            },
            _ => allow(StatusCode::METHOD_NOT_ALLOWED, allowed),
        }
    }

    /// What only shows something.
    async fn read(&self, path: &str, query: &[u8], client: Client) -> Answer {
        match path {
            "/record" => self.record(query, client).await,
            "/metrics" => self.metrics(Detail::parse(query)).await,
            "/table" => self.table().await,
            "/confirm" => self.question(query, client).await,
            "/history" => self.log_page(query).await,
            "/style.css" => browse::part("text/css; charset=UTF-8", page::STYLE),
            _ => browse::part("text/javascript; charset=UTF-8", page::SCRIPT),
        }
    }

    /// Whether this client may give orders without a token.
    pub(super) fn takes_orders_from(&self, client: Client) -> Result<(), Denied> {
        let Client::Page { address, .. } = client else { return Ok(()) };
        self.orders.rights.without_token(address)
    }

    /// Whether this request may give orders, and as whom. Its `Host` has been checked. `token` is that of a form.
    pub(super) fn may_order(
        &self,
        head: &Parts,
        token: Option<Shown>,
        client: Client,
    ) -> Result<Client, Denied> {
        let Client::Page { address, .. } = client else { return Ok(client) };
        if self.orders.rights.have_tokens()
            && let Some(shown) = Shown::of_headers(&head.headers).or(token)
        {
            // No page of another site can show one, so that nothing else has to be asked.
            let name = self.orders.check(&shown, address)?;
            return Ok(Client::Token { address, name });
        }
        self.takes_orders_from(client)?;
        super::origin::check_sender(head)?;
        Ok(client)
    }

    /// Gives an order to the protocol thread, and says in the log what became of it.
    pub(super) async fn give(&self, order: OperatorOrder, client: Client) -> Result<OrderOutcome, NoAnswer> {
        let _place = self.quota(client).orders.try_acquire().map_err(|_| NoAnswer)?;
        let outcome = self.protocol.order(order.clone(), client.to_string()).await?;
        match outcome {
            // Names that do not exist are as endless as the requests of a client that makes them up.
            OrderOutcome::NoSuchResource => self.refusals.log(&order, client, &outcome),
            _ if order.dry_run => {}
            OrderOutcome::Ordered
            | OrderOutcome::Possible
            | OrderOutcome::Joined
            | OrderOutcome::Busy(_)
            | OrderOutcome::Refused(_) => {
                log::info!("{order}, asked for by {client}: {outcome}");
                self.tell_order(&order.resource, format!("{order}: {outcome}"), client);
            }
        }
        Ok(outcome)
    }

    /// The same for an order to freeze or to thaw.
    pub(super) async fn give_freeze(
        &self,
        order: &FreezeOrder,
        client: Client,
    ) -> Result<FreezeOutcome, NoAnswer> {
        let _place = self.quota(client).orders.try_acquire().map_err(|_| NoAnswer)?;
        let outcome = self.protocol.freeze(order.clone()).await?;
        match outcome {
            FreezeOutcome::NoSuchResource => self.refusals.log(order, client, &outcome),
            FreezeOutcome::BothSides | FreezeOutcome::PeerIsSilent | FreezeOutcome::ThisSideAlone => {
                log::info!("{order}, asked for by {client}: {outcome}");
                self.tell_order(&order.resource, format!("{order}: {outcome}"), client);
            }
        }
        Ok(outcome)
    }

    fn tell_order(&self, resource: &str, text: String, client: Client) {
        let by = client.to_string();
        self.facts.told.hook.tell(|| HookEvent {
            name: "order",
            resource: resource.to_owned(),
            text: text.clone(),
            details: vec![("BY", by.clone())],
        });
        self.facts.told.history.tell(resource, HistoryKind::Order, text, Some(by));
    }

    /// The history, read on a thread that may wait for the disk.
    pub(super) async fn history(&self, client: Client) -> Option<HistoryAnswer> {
        let records = Arc::clone(&self.quota(client).records);
        let _permit = records.acquire_owned().await.ok()?;
        let entries = self.entries(HISTORY_PATIENCE).await?;
        Some(HistoryAnswer { entries: entries.to_vec() })
    }

    fn quota(&self, client: Client) -> &Quota {
        match client {
            Client::Page { .. } | Client::Token { .. } => &self.page,
            Client::Control { .. } => &self.control,
        }
    }

    /// Gives the orders in `form`, if they are meant, and shows what became of them.
    async fn obey(&self, head: &Parts, form: &[u8], token: Option<Shown>, client: Client) -> Answer {
        let orders = order::parse(form);
        if orders.is_empty() {
            return self.page(head, client, StatusCode::OK, &[]).await;
        }
        let by = match self.may_order(head, token, client) {
            Ok(by) => by,
            Err(denied) => {
                orders.iter().for_each(|order| self.refusals.log(order, client, &denied));
                let notices: Vec<_> = orders.into_iter().map(|order| denied_notice(order, &denied)).collect();
                return refusal(&denied, self.page(head, client, StatusCode::FORBIDDEN, &notices).await);
            }
        };
        let mut status = StatusCode::OK;
        let mut notices = Vec::new();
        for order in orders {
            let Ok(outcome) = self.give(order.clone(), by).await else { return no_answer() };
            if status == StatusCode::OK {
                status = status_of(outcome);
            }
            notices.push(outcome_notice(order, outcome));
        }
        self.page(head, client, status, &notices).await
    }

    /// The same for a form that freezes or thaws.
    async fn obey_freeze(
        &self,
        head: &Parts,
        order: Result<FreezeOrder, String>,
        token: Option<Shown>,
        client: Client,
    ) -> Answer {
        let notice = |text: String| [PageNotice { text: page::sentence(&text), offer: None }];
        let order = match order {
            Ok(order) => order,
            Err(why) => return self.page(head, client, StatusCode::BAD_REQUEST, &notice(why)).await,
        };
        let by = match self.may_order(head, token, client) {
            Ok(by) => by,
            Err(denied) => {
                self.refusals.log(&order, client, &denied);
                let text = format!("{order}: {denied}");
                return refusal(&denied, self.page(head, client, StatusCode::FORBIDDEN, &notice(text)).await);
            }
        };
        let Ok(outcome) = self.give_freeze(&order, by).await else { return no_answer() };
        let status = match outcome {
            FreezeOutcome::NoSuchResource => StatusCode::NOT_FOUND,
            FreezeOutcome::BothSides | FreezeOutcome::PeerIsSilent | FreezeOutcome::ThisSideAlone => {
                StatusCode::OK
            }
        };
        self.page(head, client, status, &notice(format!("{order}: {outcome}"))).await
    }

    /// The flight record; reading it gives no order, so a client has to prove nothing, as with the page.
    async fn record(&self, query: &[u8], client: Client) -> Answer {
        let records = Arc::clone(&self.quota(client).records);
        let Ok(permit) = records.acquire_owned().await else { return no_answer() };
        match self.protocol.record(record::wanted(query)).await {
            Ok(Some(snapshot)) => {
                let lines = Lines::new(snapshot, &self.host_name, permit);
                let kind = HeaderValue::from_static(schrittmacher_record::CONTENT_TYPE);
                typed(StatusCode::OK, kind, Either::Right(lines))
            }
            Ok(None) => text(StatusCode::NOT_FOUND, "404, no such resource"),
            Err(NoAnswer) => no_answer(),
        }
    }

    async fn metrics(&self, detail: Detail) -> Answer {
        match self.protocol.metrics(detail, |figures| metrics::render(figures, &self.facts, detail)).await {
            Ok(page) => typed(StatusCode::OK, metrics::CONTENT_TYPE, Either::Left(Full::new(page))),
            Err(NoAnswer) => no_answer(),
        }
    }
}

/// Log lines about refused orders; any client that can reach the port can provoke them.
pub(super) struct Refusals {
    start: Instant,
    limit: Mutex<RateLimited<Client>>,
}

impl Refusals {
    pub fn new() -> Refusals {
        Refusals { start: Instant::now(), limit: Mutex::new(RateLimited::new(Duration::from_secs(60))) }
    }

    pub fn log(&self, order: &dyn Display, client: Client, why: &dyn Display) {
        let now = Time::new(self.start.elapsed());
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(suppressed) = limit.pass(client, now) {
            log::warn!("{order}, asked for by {client}: {why}{suppressed}");
        }
    }
}

fn denied_notice(order: OperatorOrder, denied: &Denied) -> PageNotice {
    let refused = format!("{order}: {denied}");
    match denied {
        Denied::CrossSite | Denied::Unproven => PageNotice {
            text: page::sentence(&format!("{refused}; press the button if you mean it")),
            offer: Some(order),
        },
        Denied::NoToken | Denied::WrongToken => {
            PageNotice { text: page::sentence(&refused), offer: Some(order) }
        }
        Denied::ForeignHost(_) | Denied::Prefetch | Denied::HttpControl(_) | Denied::TooManyTokens => {
            PageNotice { text: page::sentence(&refused), offer: None }
        }
    }
}

fn outcome_notice(order: OperatorOrder, outcome: OrderOutcome) -> PageNotice {
    let text = page::sentence(&format!("{order}: {outcome}"));
    let offer = (outcome.force_helps() && !order.force).then_some(OperatorOrder { force: true, ..order });
    PageNotice { text, offer }
}

/// An answer with the status and the headers that a refusal has by HTTP.
pub(super) fn refusal(denied: &Denied, mut answer: Answer) -> Answer {
    let (status, field) = match denied {
        Denied::NoToken | Denied::WrongToken => {
            (StatusCode::UNAUTHORIZED, Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))))
        }
        Denied::TooManyTokens => {
            (StatusCode::TOO_MANY_REQUESTS, Some((header::RETRY_AFTER, HeaderValue::from_static("60"))))
        }
        Denied::ForeignHost(_)
        | Denied::CrossSite
        | Denied::Unproven
        | Denied::Prefetch
        | Denied::HttpControl(_) => (StatusCode::FORBIDDEN, None),
    };
    // If the protocol thread did not answer, there is no page to refuse it with.
    if answer.status() == StatusCode::FORBIDDEN {
        *answer.status_mut() = status;
        answer.headers_mut().extend(field);
    }
    answer
}

pub(super) fn status_of(outcome: OrderOutcome) -> StatusCode {
    match outcome {
        OrderOutcome::Ordered | OrderOutcome::Possible | OrderOutcome::Joined => StatusCode::OK,
        OrderOutcome::Refused(_) | OrderOutcome::Busy(_) => StatusCode::CONFLICT,
        OrderOutcome::NoSuchResource => StatusCode::NOT_FOUND,
    }
}

/// An answer of any type, with the headers that all answers have.
pub(super) fn typed(status: StatusCode, kind: HeaderValue, body: Either<Full<Bytes>, Lines>) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::from_iter(HEADERS);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let html = HeaderValue::from_static("text/html; charset=UTF-8");
    typed(status, html, Either::Left(Full::new(body.into())))
}

/// For what repeats a word of the request, and for programs.
pub(super) fn plain(status: StatusCode, body: String) -> Answer {
    let kind = HeaderValue::from_static("text/plain; charset=UTF-8");
    typed(status, kind, Either::Left(Full::new(body.into())))
}

pub(super) const NO_ANSWER: &str =
    "the daemon does not answer; look at the status before you repeat an order";

pub(super) fn no_answer() -> Answer {
    text(StatusCode::SERVICE_UNAVAILABLE, format!("503, {NO_ANSWER}"))
}

pub(super) fn allow(status: StatusCode, methods: HeaderValue) -> Answer {
    let mut response = text(status, "");
    response.headers_mut().remove(header::CONTENT_TYPE);
    response.headers_mut().insert(header::ALLOW, methods);
    response
}
