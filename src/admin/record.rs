//! `GET /record`: the flight record, one resource after the other, so that no answer is ever whole in our memory.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::OwnedSemaphorePermit;

use schrittmacher_record::{Header, RecordedResource, ResourceRecord, Snapshot};

/// Records that are sent at a time, each at the pace of its reader; others wait.
pub(super) const AT_ONCE: usize = 4;

/// The lines still to send.
pub(super) struct Lines {
    header: Option<Header>,
    resources: std::vec::IntoIter<RecordedResource>,
    _permit: OwnedSemaphorePermit,
}

impl Lines {
    pub fn new(snapshot: Snapshot, host: &str, permit: OwnedSemaphorePermit) -> Lines {
        let header = Some(Header::new(&snapshot, host));
        Lines { header, resources: snapshot.resources.into_iter(), _permit: permit }
    }
}

impl Body for Lines {
    type Data = Bytes;
    type Error = serde_json::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, serde_json::Error>>> {
        let lines = self.get_mut();
        let line = match lines.header.take() {
            Some(header) => Some(schrittmacher_record::line(&header)),
            None => lines
                .resources
                .next()
                .map(|resource| schrittmacher_record::line(&ResourceRecord::new(resource))),
        };
        Poll::Ready(line.map(|line| line.map(|line| Frame::data(line.into()))))
    }
}

/// The names in `resource=NAME`, which may be repeated; other keys mean nothing.
pub(super) fn wanted(query: &[u8]) -> BTreeSet<String> {
    let named = form_urlencoded::parse(query).filter(|(key, _)| key == "resource");
    named.map(|(_, name)| name.into_owned()).collect()
}
