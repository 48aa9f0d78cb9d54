//! Questions of load balancers and supervisors: the status code is the answer, a line of text says why.

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use schrittmacher_protocol::StateName;
use schrittmacher_text::wording;

use super::link::NoAnswer;
use super::service::{ALLOW_READING, Answer, HttpService, allow, plain};
use super::snapshot::StatusSnapshot;

/// A question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Whether the event loop answers.
    Alive,
    /// Whether this host can serve every resource.
    Ready,
    /// Whether this side of a resource is in a state.
    Is(StateName, String),
}

impl Probe {
    pub fn parse(path: &str) -> Option<Probe> {
        let is =
            |state, name: &str| Probe::Is(state, percent_decode_str(name).decode_utf8_lossy().into_owned());
        match path {
            "/healthz" => Some(Probe::Alive),
            "/ready" => Some(Probe::Ready),
            _ => {
                let hot = path.strip_prefix("/hot/").map(|name| is(StateName::Hot, name));
                hot.or_else(|| path.strip_prefix("/standby/").map(|name| is(StateName::Standby, name)))
            }
        }
    }

    fn answer(&self, seen: &StatusSnapshot) -> (StatusCode, String) {
        match self {
            Probe::Alive => (StatusCode::OK, "alive".to_owned()),
            Probe::Ready => {
                let is_ready = |state| matches!(state, StateName::Hot | StateName::Standby);
                let mut unfit = seen.resources.iter().filter(|one| !is_ready(one.state));
                match (unfit.next(), unfit.count()) {
                    (None, _) => (StatusCode::OK, "ready".to_owned()),
                    (Some(one), more) => {
                        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
                        let text = format!("not ready: {} is {}{more}", one.name, wording::state(one.state));
                        (StatusCode::SERVICE_UNAVAILABLE, text)
                    }
                }
            }
            Probe::Is(state, name) => match seen.resources.iter().find(|one| one.name == *name) {
                Some(one) if one.state == *state => (StatusCode::OK, wording::state(*state).to_owned()),
                Some(one) => (StatusCode::SERVICE_UNAVAILABLE, wording::state(one.state).to_owned()),
                None => (StatusCode::NOT_FOUND, "no such resource".to_owned()),
            },
        }
    }
}

impl HttpService {
    /// OPTIONS is answered as GET is: HAProxy asks so if it is told no method, and would take a mere list of methods for yes.
    pub(super) async fn probe(&self, probe: &Probe, head: &Parts) -> Answer {
        if !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return allow(StatusCode::METHOD_NOT_ALLOWED, ALLOW_READING);
        }
        let (status, text) = match self.protocol.status().await {
            Ok(seen) => probe.answer(&seen.snapshot),
            Err(NoAnswer) => (StatusCode::SERVICE_UNAVAILABLE, "the event loop does not answer".to_owned()),
        };
        plain(status, text + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::ResourceStatus;
    use super::*;

    fn seen(states: &[(&str, StateName)]) -> StatusSnapshot {
        let resources = states.iter().map(|(name, state)| ResourceStatus::example(name, *state)).collect();
        StatusSnapshot { resources, ..StatusSnapshot::default() }
    }

    fn ask(path: &str, seen: &StatusSnapshot) -> (u16, String) {
        let (status, text) = Probe::parse(path).unwrap().answer(seen);
        (status.as_u16(), text)
    }

    #[test]
    fn one_path_is_one_question() {
        for nothing in ["/", "/hot", "/ready/", "/healthz/x", "/standby", "/hots/x"] {
            assert_eq!(Probe::parse(nothing), None, "{nothing}");
        }
        let seen = seen(&[("a b/c", StateName::Hot), ("x", StateName::Failed), ("y", StateName::Releasing)]);
        for (path, status, text) in [
            ("/healthz", 200, "alive"),
            ("/hot/a%20b%2Fc", 200, "hot"),
            ("/standby/a%20b/c", 503, "hot"),
            ("/hot/x", 503, "failed"),
            ("/hot/y", 503, "releasing"),
            ("/hot/z", 404, "no such resource"),
            ("/hot/", 404, "no such resource"),
            ("/ready", 503, "not ready: x is failed, and 1 more"),
        ] {
            assert_eq!(ask(path, &seen), (status, text.to_owned()), "{path}");
        }
    }

    #[test]
    fn a_host_that_can_serve_everything_is_ready() {
        use StateName::{Hot, Standby, Unknown};
        assert_eq!(ask("/ready", &seen(&[("a", Hot), ("b", Standby)])).0, 200);
        assert_eq!(ask("/ready", &seen(&[("a", Hot), ("b", Unknown)])).0, 503);
        assert_eq!(ask("/standby/b", &seen(&[("b", Standby)])), (200, "standby".to_owned()));
    }
}
