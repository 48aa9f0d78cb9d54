//! The orders of operators, and their forms in a URL or a form.

use std::fmt;

use schrittmacher_protocol::Refusal;

use schrittmacher_text::wording;

/// An order to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorOrder {
    /// Which side shall be hot.
    pub target: Target,
    /// The resource-id as it was asked for.
    pub resource: String,
    /// Override the refusals of S8, and a switch that is under way.
    pub force: bool,
    /// Only say what would become of it.
    pub dry_run: bool,
}

/// The side that shall be hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The order is a failover.
    OtherSide,
    /// The order is a takeover.
    ThisSide,
}

/// The outcome of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderOutcome {
    /// The switch has begun.
    Ordered,
    /// The switch would begin, if the order was no dry run.
    Possible,
    /// The same switch is under way already; the order adds nothing to it.
    Joined,
    /// A switch in the other direction is under way.
    Busy(Target),
    /// The protocol does not carry it out.
    Refused(Refusal),
    /// There is no resource of this name.
    NoSuchResource,
}

impl Target {
    /// The key in a URL and the end of a path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Target::OtherSide => "failover",
            Target::ThisSide => "takeover",
        }
    }
}

impl OrderOutcome {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderOutcome::Ordered => "ordered",
            OrderOutcome::Possible => "possible",
            OrderOutcome::Joined => "joined",
            OrderOutcome::Busy(_) | OrderOutcome::Refused(_) => "refused",
            OrderOutcome::NoSuchResource => "no-such-resource",
        }
    }

    /// Whether the same order by force would be carried out.
    pub fn force_helps(self) -> bool {
        match self {
            OrderOutcome::Busy(_)
            | OrderOutcome::Refused(
                Refusal::Held
                | Refusal::NoPeer
                | Refusal::PeerFailed
                | Refusal::PeerMayServe
                | Refusal::NotReleased,
            ) => true,
            OrderOutcome::Ordered
            | OrderOutcome::Possible
            | OrderOutcome::Joined
            | OrderOutcome::Refused(
                Refusal::Frozen
                | Refusal::PeerHeld
                | Refusal::AppFailed
                | Refusal::CutOff
                | Refusal::Isolated
                | Refusal::AlreadyHot
                | Refusal::NotHot
                | Refusal::HandingOver,
            )
            | OrderOutcome::NoSuchResource => false,
        }
    }
}

impl fmt::Display for OperatorOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forced = if self.force { "forced " } else { "" };
        write!(f, "{forced}{} of {}", self.target.as_str(), self.resource)
    }
}

impl fmt::Display for OrderOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OrderOutcome::Ordered => "ordered",
            OrderOutcome::Possible => "would be carried out",
            OrderOutcome::Joined => "this switch is under way already",
            OrderOutcome::Busy(Target::OtherSide) => "refused: a switch to the other side is under way",
            OrderOutcome::Busy(Target::ThisSide) => "refused: a switch to this side is under way",
            OrderOutcome::NoSuchResource => "refused: there is no resource of this name",
            OrderOutcome::Refused(refusal) => return write!(f, "refused: {}", wording::refusal(*refusal)),
        })
    }
}

/// The orders in a query string or a form: `failover=NAME` or `takeover=NAME`, with or without `force=yes`.
///
/// As in the legacy program the failover comes first, the last of two equal keys counts, and an empty name
/// is no order. Unlike there names are decoded (H1).
pub(super) fn parse(form: &[u8]) -> Vec<OperatorOrder> {
    let (mut failover, mut takeover) = (None, None);
    for (key, value) in form_urlencoded::parse(form).filter(|(_, value)| !value.is_empty()) {
        match &*key {
            "failover" => failover = Some(value.into_owned()),
            "takeover" => takeover = Some(value.into_owned()),
            _ => {}
        }
    }
    let force = is_forced(form);
    let order = |target| move |resource| OperatorOrder { target, resource, force, dry_run: false };
    let failover = failover.map(order(Target::OtherSide));
    let takeover = takeover.map(order(Target::ThisSide));
    failover.into_iter().chain(takeover).collect()
}

/// Whether `force=yes` is in a query string or a form.
fn is_forced(form: &[u8]) -> bool {
    says_yes(form, "force")
}

/// Whether `key=yes` is in a query string or a form.
pub(super) fn says_yes(form: &[u8], key: &str) -> bool {
    let values = form_urlencoded::parse(form).filter(|(found, value)| found == key && !value.is_empty());
    values.last().is_some_and(|(_, value)| value == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failover(resource: &str, force: bool) -> OperatorOrder {
        OperatorOrder { target: Target::OtherSide, resource: resource.into(), force, dry_run: false }
    }

    fn takeover(resource: &str) -> OperatorOrder {
        OperatorOrder { target: Target::ThisSide, resource: resource.into(), force: false, dry_run: false }
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
        assert_eq!(parse(b"takeover=a&force=yes"), [OperatorOrder { force: true, ..takeover("a") }]);
    }
}
