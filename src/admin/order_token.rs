//! Whose orders the page takes: those of `http-control`, and those with a token (`order-token-file`).
//!
//! A wrong token costs its sender's host a try; when ten are used up within a minute, nothing of that host is compared until
//! the minute is over. The control socket needs no token, so that nobody can keep the operator out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use schrittmacher_auth::{KeyId, Keys};
use schrittmacher_config::{Core, HttpControl};

use super::origin::Denied;

/// Wrong tokens that one host may show in [`PERIOD`].
const TRIES: u32 = 10;
const PERIOD: Duration = Duration::from_secs(60);
/// Hosts whose tries are counted. Beyond, the one that began first is forgotten.
const HOSTS_MAX: usize = 1024;

/// Whose orders the page takes. A reload exchanges it.
#[derive(Clone, Debug)]
pub struct OrderRights(Arc<RwLock<Rights>>);

#[derive(Debug)]
struct Rights {
    /// Whose without a token.
    without: HttpControl,
    tokens: Option<Keys>,
}

impl OrderRights {
    /// Those of a configuration.
    pub fn new(core: &Core) -> OrderRights {
        OrderRights(Arc::new(RwLock::new(Rights::new(core))))
    }

    /// Puts those of another configuration in force.
    pub fn put(&self, core: &Core) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Rights::new(core);
    }

    fn read(&self) -> RwLockReadGuard<'_, Rights> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a client may give orders without a token.
    pub(super) fn without_token(&self, client: IpAddr) -> Result<(), Denied> {
        let rights = self.read();
        let word = match rights.without {
            HttpControl::None => "none",
            HttpControl::Loopback if !client.is_loopback() => "loopback",
            HttpControl::Loopback | HttpControl::All => return Ok(()),
        };
        Err(if rights.tokens.is_some() { Denied::NoToken } else { Denied::HttpControl(word) })
    }

    /// Whether there are tokens.
    pub(super) fn have_tokens(&self) -> bool {
        self.read().tokens.is_some()
    }

    fn whose(&self, shown: &str) -> Option<KeyId> {
        self.read().tokens.as_ref()?.whose(shown.trim().as_bytes())
    }
}

impl Rights {
    fn new(core: &Core) -> Rights {
        let tokens = core.order_tokens.as_ref().map(|tokens| tokens.tokens.clone());
        Rights { without: core.http_control, tokens }
    }
}

/// A token that a request shows. Never one in its address, which logs and histories of browsers keep.
pub(super) struct Shown(String);

impl Shown {
    /// That in `Authorization: Bearer TOKEN`.
    pub fn of_headers(headers: &HeaderMap) -> Option<Shown> {
        let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Shown(token.to_owned()))
    }

    /// That in the field `token` of the page's form.
    pub fn of_form(form: &[u8]) -> Option<Shown> {
        let mut fields = form_urlencoded::parse(form);
        let (_, token) = fields.find(|(key, token)| key == "token" && !token.trim().is_empty())?;
        Some(Shown(token.into_owned()))
    }
}

/// Compares tokens, and counts the wrong ones.
#[derive(Debug)]
pub(super) struct TokenDoor {
    pub rights: OrderRights,
    tries: Mutex<Tries>,
}

impl TokenDoor {
    pub fn new(rights: OrderRights) -> TokenDoor {
        TokenDoor { rights, tries: Mutex::default() }
    }

    /// The name of the token that a client shows.
    pub fn check(&self, shown: &Shown, client: IpAddr) -> Result<KeyId, Denied> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let (host, now) = (host(client), Instant::now());
        if tries.are_used_up(host, now) {
            return Err(Denied::TooManyTokens);
        }
        self.rights.whose(&shown.0).ok_or_else(|| {
            tries.count(host, now);
            Denied::WrongToken
        })
    }
}

/// The wrong tokens of each host: since when, and how many.
#[derive(Debug, Default)]
struct Tries(HashMap<IpAddr, (Instant, u32)>);

impl Tries {
    fn are_used_up(&self, host: IpAddr, now: Instant) -> bool {
        self.0.get(&host).is_some_and(|(since, count)| *count >= TRIES && now.duration_since(*since) < PERIOD)
    }

    fn count(&mut self, host: IpAddr, now: Instant) {
        if self.0.len() >= HOSTS_MAX {
            self.0.retain(|_, (since, _)| now.duration_since(*since) < PERIOD);
        }
        if self.0.len() >= HOSTS_MAX
            && !self.0.contains_key(&host)
            && let Some(first) = self.0.iter().min_by_key(|(_, (since, _))| *since).map(|(host, _)| *host)
        {
            self.0.remove(&first);
        }
        let (since, count) = self.0.entry(host).or_insert((now, 0));
        if now.duration_since(*since) >= PERIOD {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}

/// The network of an IPv6 client: a host there has as many addresses as it likes.
fn host(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_tokens_of_a_host_in_a_minute_and_others_are_heard_all_the_same() {
        let mut tries = Tries::default();
        let (one, other) = (host([10, 0, 0, 1].into()), host([10, 0, 0, 2].into()));
        let start = Instant::now();
        for _ in 0..TRIES {
            assert!(!tries.are_used_up(one, start));
            tries.count(one, start);
        }
        assert!(tries.are_used_up(one, start) && !tries.are_used_up(other, start));
        let later = start + PERIOD;
        assert!(!tries.are_used_up(one, later));
        tries.count(one, later);
        assert!(!tries.are_used_up(one, later), "the count has begun anew");
    }

    #[test]
    fn a_host_has_one_count_and_the_table_an_end() {
        let at = |text: &str| host(text.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        let (mut tries, start) = (Tries::default(), Instant::now());
        for number in 0..u32::try_from(3 * HOSTS_MAX).unwrap() {
            tries.count(Ipv6Addr::from(u128::from(number) << 64).into(), start);
        }
        assert_eq!(tries.0.len(), HOSTS_MAX);
    }

    #[test]
    fn a_token_is_in_the_header_or_in_the_form_and_nowhere_else() {
        let shown = |value: &str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            Shown::of_headers(&headers).map(|shown| shown.0)
        };
        assert_eq!(shown("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(shown("bearer abc").as_deref(), Some("abc"));
        assert_eq!(shown("Basic abc"), None);
        assert_eq!(shown("abc"), None);
        let form = |text: &str| Shown::of_form(text.as_bytes()).map(|shown| shown.0);
        assert_eq!(form("failover=x&token=abc").as_deref(), Some("abc"));
        assert_eq!(form("failover=x&token=+&force=yes"), None);
    }
}
