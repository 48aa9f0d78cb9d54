//! What an operator can order, and how it stands in a URL or a form.

use std::fmt;

use schrittmacher_protocol::Refusal;

use crate::wording;

/// An order to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The other side shall be hot.
    Failover {
        /// The resource-id as it was asked for.
        resource: String,
        /// Even with no peer in sight or a failed one (S8).
        force: bool,
    },
    /// This side shall be hot.
    Takeover {
        /// The resource-id as it was asked for.
        resource: String,
    },
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is under way.
    Ordered,
    /// It is not carried out.
    Refused(Refusal),
    /// There is no resource of this name.
    NoSuchResource,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Failover { resource, force: false } => write!(f, "failover of {resource}"),
            Order::Failover { resource, force: true } => write!(f, "forced failover of {resource}"),
            Order::Takeover { resource } => write!(f, "takeover of {resource}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Ordered => "ordered",
            Outcome::NoSuchResource => "refused: there is no resource of this name",
            Outcome::Refused(refusal) => return write!(f, "refused: {}", wording::refusal(*refusal)),
        })
    }
}

/// The orders in a query string or a form: `failover=NAME` with or without `force=yes`, `takeover=NAME`.
///
/// As in the legacy program the failover comes first, the last of two equal keys counts, and an empty name
/// is no order. Unlike there names are decoded (H1).
pub(super) fn parse(form: &[u8]) -> Vec<Order> {
    let (mut failover, mut takeover, mut force) = (None, None, false);
    for (key, value) in form_urlencoded::parse(form).filter(|(_, value)| !value.is_empty()) {
        match &*key {
            "failover" => failover = Some(value.into_owned()),
            "takeover" => takeover = Some(value.into_owned()),
            "force" => force = value == "yes",
            _ => {}
        }
    }
    let failover = failover.map(|resource| Order::Failover { resource, force });
    let takeover = takeover.map(|resource| Order::Takeover { resource });
    failover.into_iter().chain(takeover).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failover(resource: &str, force: bool) -> Order {
        Order::Failover { resource: resource.into(), force }
    }

    fn takeover(resource: &str) -> Order {
        Order::Takeover { resource: resource.into() }
    }

    #[test]
    fn names_are_decoded() {
        assert_eq!(parse(b"failover=sp%20ace"), [failover("sp ace", false)]);
        assert_eq!(parse(b"takeover=sp+ace"), [takeover("sp ace")]);
        assert_eq!(parse("takeover=%c3%a9%2B%26%3d".as_bytes()), [takeover("é+&=")]);
        assert_eq!(parse(b"takeover=100%"), [takeover("100%")]);
        assert_eq!(parse(b"takeover=%ff"), [takeover("\u{fffd}")]);
    }

    #[test]
    fn failover_first_last_key_wins_empty_is_none() {
        assert_eq!(parse(b"takeover=a&failover=b&failover=c"), [failover("c", false), takeover("a")]);
        assert_eq!(parse(b"failover=&takeover=&x=y&&="), []);
        assert_eq!(parse(b""), []);
    }

    #[test]
    fn force_is_said_in_full() {
        assert_eq!(parse(b"failover=a&force=yes"), [failover("a", true)]);
        assert_eq!(parse(b"force=no&failover=a"), [failover("a", false)]);
    }
}
