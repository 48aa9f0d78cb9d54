//! `GET /metrics`: the figures for Prometheus, in its text format (H3). `docs/metrics.md` explains each of them.
//!
//! `text` has the format, `families` the metrics, `network` those of the network. Label values are names of the configuration and words of this program:
//! nothing that arrives by network makes a new series.

mod families;
mod network;
mod text;

use hyper::header::HeaderValue;

use super::service::PageFacts;
use super::snapshot::FiguresSnapshot;

/// The media type, as the older program named it too.
pub(super) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Each resource.
    Resource,
    /// The resources in numbers alone: for thousands of them.
    Node,
}

impl Detail {
    /// `detail=node` in a query.
    pub fn parse(query: &[u8]) -> Detail {
        let mut values = form_urlencoded::parse(query);
        if values.any(|(key, value)| key == "detail" && value == "node") {
            Detail::Node
        } else {
            Detail::Resource
        }
    }
}

/// The whole answer.
pub(super) fn render(snapshot: &FiguresSnapshot, facts: &PageFacts, detail: Detail) -> String {
    families::write(snapshot, facts, detail)
}

/// Figures for a state: as many as it has resources.
#[cfg(test)]
pub(super) fn example(status: super::snapshot::StatusSnapshot) -> FiguresSnapshot {
    let resources = status.resources.iter().map(|_| crate::figures::ResourceFigures::default()).collect();
    FiguresSnapshot { status, resources, ..FiguresSnapshot::default() }
}

#[cfg(test)]
mod tests;
