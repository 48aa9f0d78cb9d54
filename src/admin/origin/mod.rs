//! Is an order meant, or did some other page make the operator's browser send it? (H2, D43)
//!
//! Orders by GET are part of the legacy interface: scripts call them with curl or wget. A browser, however, follows any
//! address that any page names. These tell the two apart:
//!
//! * `Sec-Fetch-Site` says it outright, but browsers send it only over TLS and to localhost.
//! * `Origin` and `Referer` name the page; a hostile page can suppress the `Referer` of a GET.
//! * So a browser that names no origin at all gets no order through, but a button to confirm it. Browsers
//!   are known by the `Mozilla/` that each of them has in `User-Agent` and no page can remove.
//! * `Host` is the browser's partner in its own view. If it is no name of ours, another name was pointed at our address,
//!   and "same origin" means nothing (DNS rebinding).

use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use hyper::Uri;
use hyper::header::{HOST, HeaderName, ORIGIN, REFERER, USER_AGENT};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// Why an order is not even looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// `Host` is none of our names.
    ForeignHost(String),
    /// A browser says that another site sent it.
    CrossSite,
    /// A browser does not say who sent it.
    Unproven,
    /// A browser fetches a link that was not clicked yet.
    Prefetch,
    /// `http-control` has this value.
    HttpControl(&'static str),
    /// The same, and a token would do.
    NoToken,
    /// The token is none of ours.
    WrongToken,
    /// Too many of its host were wrong.
    TooManyTokens,
}

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused: ")?;
        match self {
            Denied::ForeignHost(host) => {
                write!(f, "\"{host}\" is no name of this node; if it should be, add http-host = {host}")
            }
            Denied::CrossSite => f.write_str("another site sent the browser here"),
            Denied::Unproven => f.write_str("the browser does not say which page it comes from"),
            Denied::Prefetch => f.write_str("the browser asked in advance, nobody has clicked"),
            Denied::HttpControl(word) => {
                write!(f, "http-control = {word} in the configuration; use schrittmacherctl on the host")
            }
            Denied::NoToken => f.write_str(
                "an order needs a token here (order-token-file); schrittmacherctl on the host needs none",
            ),
            Denied::WrongToken => f.write_str("this token is not in order-token-file"),
            Denied::TooManyTokens => {
                f.write_str("too many wrong tokens came from this host; nothing is compared for a minute")
            }
        }
    }
}

/// The names under which this node may be addressed.
pub(super) struct OwnNames {
    host_name: String,
    listed: Vec<String>,
    canonical: Mutex<Canonical>,
}

/// How long an answer about our own canonical name is believed, and how long it is waited for.
const CANONICAL_AGE: Duration = Duration::from_secs(10);
const CANONICAL_WAIT: Duration = Duration::from_secs(2);

/// The fully qualified name of this host.
#[derive(Default)]
struct Canonical {
    /// When it was last asked for, and what it was.
    known: Option<(Instant, Option<String>)>,
    /// A thread that still asks. If the name service hangs, one such thread is enough.
    lookup: Option<JoinHandle<Option<String>>>,
}

impl OwnNames {
    /// `listed` are the names of `http-host`.
    pub fn new(host_name: &str, listed: &[String]) -> OwnNames {
        OwnNames {
            host_name: normal(host_name),
            listed: listed.iter().map(|name| normal(name)).collect(),
            canonical: Mutex::default(),
        }
    }

    /// Whether a request that came in on the address `local` is meant for this node.
    pub async fn check_host(&self, request: &Parts, local: IpAddr) -> Result<(), Denied> {
        if let Some(authority) = addressed(request)? {
            let host = normal(authority.host());
            if !self.is_ours(&host, local).await {
                return Err(Denied::ForeignHost(host));
            }
        }
        Ok(())
    }

    async fn is_ours(&self, host: &str, local: IpAddr) -> bool {
        if let Ok(address) = IpAddr::from_str(host) {
            // A loopback address names the client's own host: ours, or the near end of an SSH tunnel.
            return address.is_loopback() || address == local || self.listed.iter().any(|name| name == host);
        }
        let short = self.host_name.split('.').next().unwrap_or_default();
        host == "localhost"
            || host == self.host_name
            || host == short
            || self.listed.iter().any(|name| name == host)
            || self.canonical().await.is_some_and(|name| name == host)
    }

    /// Asked for when it is needed and not at start: name service may come up after us.
    async fn canonical(&self) -> Option<String> {
        let mut canonical = self.canonical.lock().await;
        if let Some((at, name)) = &canonical.known
            && at.elapsed() < CANONICAL_AGE
        {
            return name.clone();
        }
        let lookup = canonical.lookup.get_or_insert_with(|| {
            let host_name = self.host_name.clone();
            tokio::task::spawn_blocking(move || canonical_name(&host_name))
        });
        let name = match tokio::time::timeout(CANONICAL_WAIT, lookup).await {
            Ok(done) => {
                canonical.lookup = None;
                done.ok().flatten()
            }
            Err(_) => None,
        };
        canonical.known = Some((Instant::now(), name.clone()));
        name
    }
}

/// The output of `hostname --fqdn`.
fn canonical_name(host_name: &str) -> Option<String> {
    let hints = dns_lookup::AddrInfoHints { flags: libc::AI_CANONNAME, ..Default::default() };
    let mut found = dns_lookup::getaddrinfo(Some(host_name), None, Some(hints)).ok()?;
    found.find_map(|entry| entry.ok()?.canonname).map(|name| normal(&name))
}

/// The authority in the request target if there is one, else `Host`. A request with neither cannot come
/// from a browser (and is one line with netcat, which is how some legacy checks are written).
fn addressed(request: &Parts) -> Result<Option<Authority>, Denied> {
    if let Some(authority) = request.uri.authority() {
        return Ok(Some(authority.clone()));
    }
    let mut hosts = request.headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else { return Ok(None) };
    let text = String::from_utf8_lossy(host.as_bytes());
    match (Authority::from_str(&text), hosts.next()) {
        // No `Host` has a user before its name (RFC 9110, 7.2).
        (Ok(authority), None) if !text.contains('@') => Ok(Some(authority)),
        _ => Err(Denied::ForeignHost(text.into_owned())),
    }
}

/// Whether a request that is meant for this node may give orders.
pub(super) fn check_sender(request: &Parts) -> Result<(), Denied> {
    let headers = &request.headers;
    let addressed = addressed(request)?;
    let text = |name: HeaderName| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let header = |name| text(HeaderName::from_static(name));

    // The newest first; old Firefox has the last one.
    let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"].map(header);
    if purposes.into_iter().flatten().any(|purpose| purpose.to_ascii_lowercase().contains("prefetch")) {
        return Err(Denied::Prefetch);
    }

    // Each witness that speaks has to speak for us, and a browser needs at least one.
    let fetch_site = header("sec-fetch-site").map(|site| site == "same-origin" || site == "none");
    let is_same = |url: &str| {
        let page = Uri::from_str(url).ok();
        // With a scheme only: the opaque origin is the word "null", which would do as an authority.
        page.is_some_and(|page| page.scheme().is_some() && page.authority() == addressed.as_ref())
    };
    let origin = text(ORIGIN).map(|origin| is_same(&origin));
    let referer = text(REFERER).map(|referer| is_same(&referer));
    let witnesses = [fetch_site, origin, referer];

    let is_browser = text(USER_AGENT).is_some_and(|agent| agent.contains("Mozilla/"));
    if witnesses.contains(&Some(false)) {
        Err(Denied::CrossSite)
    } else if is_browser && !witnesses.contains(&Some(true)) {
        Err(Denied::Unproven)
    } else {
        Ok(())
    }
}

/// Lower case, without the brackets of an IPv6 address and the dot after a full name.
fn normal(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
