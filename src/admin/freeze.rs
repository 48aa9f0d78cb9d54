//! The orders to freeze a resource and to thaw it.

use std::fmt;
use std::time::Duration;

use schrittmacher_text::span;
use schrittmacher_wire::FREEZE_MAX;

/// An order to freeze one resource, or to thaw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreezeOrder {
    /// The resource-id as it was asked for.
    pub resource: String,
    /// For how long; zero thaws.
    pub length: Duration,
    /// The operator's reason. May hold anything.
    pub reason: String,
}

/// The outcome of such an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeOutcome {
    /// This side obeys, and the other one as soon as it hears it.
    BothSides,
    /// This side obeys; the other one is not heard now, and will hear it when it is there if it is one of ours.
    PeerIsSilent,
    /// This side obeys; the other one is an older program, which knows no freeze.
    ThisSideAlone,
    /// There is no resource of this name.
    NoSuchResource,
}

impl FreezeOrder {
    /// The order in a query: `seconds=7200&reason=kernel`. Without a time it is an error.
    pub(super) fn parse(resource: String, query: &[u8]) -> Result<FreezeOrder, String> {
        let (mut length, mut reason) = (None, String::new());
        for (key, value) in form_urlencoded::parse(query) {
            match &*key {
                "seconds" => {
                    length = value.parse().ok().and_then(|text| Duration::try_from_secs_f64(text).ok());
                }
                "reason" => reason = value.into_owned(),
                _ => {}
            }
        }
        FreezeOrder::checked(resource, length, reason)
            .ok_or_else(|| format!("seconds= has to say for how long, at most {}", FREEZE_MAX.as_secs()))
    }

    /// The order in the page's form: `freeze=NAME&minutes=120&reason=kernel`, or `thaw=NAME`. `None`: it is another form.
    pub(super) fn of_form(form: &[u8]) -> Option<Result<FreezeOrder, String>> {
        let field = |key: &str| {
            let mut found = form_urlencoded::parse(form).filter(|(found, _)| found == key);
            found.next().map(|(_, value)| value.into_owned())
        };
        if let Some(resource) = field("thaw") {
            return Some(Ok(FreezeOrder { resource, length: Duration::ZERO, reason: String::new() }));
        }
        let resource = field("freeze")?;
        let minutes: Option<u64> = field("minutes").and_then(|minutes| minutes.parse().ok());
        let length = minutes.and_then(|minutes| minutes.checked_mul(60)).map(Duration::from_secs);
        let order = FreezeOrder::checked(resource, length, field("reason").unwrap_or_default());
        Some(order.ok_or_else(|| {
            format!("minutes= has to say for how long, at most {}", FREEZE_MAX.as_secs() / 60)
        }))
    }

    fn checked(resource: String, length: Option<Duration>, reason: String) -> Option<FreezeOrder> {
        let length = length.filter(|length| !length.is_zero() && *length <= FREEZE_MAX)?;
        Some(FreezeOrder { resource, length, reason })
    }
}

impl fmt::Display for FreezeOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length.is_zero() {
            return write!(f, "thaw of {}", self.resource);
        }
        write!(f, "freeze of {} for {}", self.resource, span(self.length))
    }
}

impl fmt::Display for FreezeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FreezeOutcome::BothSides => "ordered, on both sides",
            FreezeOutcome::PeerIsSilent => {
                "ordered on this side; the peer is not heard now, and is told when it is heard"
            }
            FreezeOutcome::ThisSideAlone => {
                "ordered on THIS SIDE ALONE; the peer is an older program and goes on switching by itself"
            }
            FreezeOutcome::NoSuchResource => "refused: there is no resource of this name",
        })
    }
}
