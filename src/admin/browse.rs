//! The pages for people, and the table for scripts at the same path.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use form_urlencoded::parse;
use http_body_util::{Either, Full};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, HeaderValue, VARY};
use hyper::http::request::Parts;
use jiff::Zoned;
use schrittmacher_api::HistoryEntry;

use super::link::NoAnswer;
use super::origin::Denied;
use super::page::{self, LogPage, OrderDoor, Page, PageNotice, Question, QuestionPage, Scene, Wish};
use super::service::{Answer, Client, HttpService, no_answer, text, typed};
use super::status;
use crate::kept::{self, Stamp, StateFolder};

/// How long the page waits for the disk with the history before it does without.
const HISTORY_WAIT: Duration = Duration::from_millis(500);

/// Whether this client is shown the page. Programs that take anything, like curl, get the table.
pub(super) fn wants_page(head: &Parts) -> bool {
    let mut kinds = head.headers.get_all(ACCEPT).iter();
    kinds.any(|kinds| String::from_utf8_lossy(kinds.as_bytes()).contains("text/html"))
}

impl HttpService {
    /// The page or the table, with what became of an order.
    pub(super) async fn page(
        &self,
        head: &Parts,
        client: Client,
        status: StatusCode,
        notices: &[PageNotice],
    ) -> Answer {
        let Ok(seen) = self.protocol.status().await else { return no_answer() };
        if !wants_page(head) {
            return varies(text(status, page::table(&seen.snapshot, notices)));
        }
        let facts = status::daemon(&seen.snapshot, &self.facts, &self.host_name, self.peer_name.get());
        let history = self.entries(HISTORY_WAIT).await;
        let wish = Wish::parse(head.uri.query().unwrap_or_default().as_bytes());
        let scene = Scene {
            status: &facts,
            history: history.as_deref().map(Vec::as_slice),
            door: self.order_door(client),
            notices,
            wish: &wish,
            now: &Zoned::now(),
        };
        varies(html(status, &Page::new(&scene)))
    }

    fn order_door(&self, client: Client) -> OrderDoor {
        match self.takes_orders_from(client) {
            Ok(()) => OrderDoor::Open,
            Err(Denied::NoToken) => OrderDoor::Token,
            Err(denied) => OrderDoor::Closed(denied.to_string()),
        }
    }

    /// The table for scripts whatever the client says it takes.
    pub(super) async fn table(&self) -> Answer {
        match self.protocol.status().await {
            Ok(seen) => text(StatusCode::OK, page::table(&seen.snapshot, &[])),
            Err(NoAnswer) => no_answer(),
        }
    }

    /// What an order would do. It gives none.
    pub(super) async fn question(&self, query: &[u8], client: Client) -> Answer {
        let Some(question) = Question::parse(query) else {
            return text(StatusCode::NOT_FOUND, "404, page not found");
        };
        let Ok(seen) = self.protocol.status().await else { return no_answer() };
        let facts = status::daemon(&seen.snapshot, &self.facts, &self.host_name, self.peer_name.get());
        let door = self.order_door(client);
        let outcome = match &question {
            Question::Switch(order) if !matches!(door, OrderDoor::Closed(_)) => {
                match self.give(order.clone(), client).await {
                    Ok(outcome) => Some(outcome),
                    Err(NoAnswer) => return no_answer(),
                }
            }
            Question::Switch(_) | Question::Freeze(_) | Question::Thaw(_) => None,
        };
        html(StatusCode::OK, &QuestionPage::new(&question, &facts, outcome, door))
    }

    /// The history as a page.
    pub(super) async fn log_page(&self, query: &[u8]) -> Answer {
        let find = parse(query).find(|(key, _)| key == "find").map(|(_, find)| find.trim().to_owned());
        let entries = self.entries(HISTORY_WAIT).await;
        let entries = entries.as_deref().map(Vec::as_slice);
        let page = LogPage::new(&self.host_name, &find.unwrap_or_default(), entries, &Zoned::now());
        html(StatusCode::OK, &page)
    }

    /// The history, if the disk gives it within this time. One request reads at a time: a disk that hangs takes one thread.
    pub(super) async fn entries(&self, patience: Duration) -> Option<Arc<Vec<HistoryEntry>>> {
        let folder = self.facts.told.folder.clone()?;
        let memory = Arc::clone(&self.memory);
        let reading = async {
            let turn = Arc::clone(&self.reading).acquire_owned().await.ok()?;
            let read = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                memory.read(&folder)
            });
            read.await.ok()
        };
        tokio::time::timeout(patience, reading).await.ok()?
    }
}

/// A style or a script.
pub(super) fn part(kind: &'static str, content: &'static str) -> Answer {
    typed(
        StatusCode::OK,
        HeaderValue::from_static(kind),
        Either::Left(Full::new(Bytes::from_static(content.as_bytes()))),
    )
}

fn html(status: StatusCode, page: &impl Template) -> Answer {
    match page.render() {
        Ok(html) => text(status, html),
        // Writing to a String cannot fail.
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("500, {error}")),
    }
}

fn varies(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    answer
}

/// The history as it was read last: a page that is fetched each second costs no read of the disk.
#[derive(Debug, Default)]
pub(super) struct HistoryMemory(Mutex<Option<(Stamp, Arc<Vec<HistoryEntry>>)>>);

impl HistoryMemory {
    fn read(&self, folder: &StateFolder) -> Arc<Vec<HistoryEntry>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Before it is read: what is added meanwhile is seen the next time.
        let stamp = kept::stamp(folder);
        if let Some((of, entries)) = &*known
            && *of == stamp
        {
            return Arc::clone(entries);
        }
        let entries = Arc::new(kept::entries(folder));
        *known = Some((stamp, Arc::clone(&entries)));
        entries
    }
}

/// How long the peer's name, or that it has none, is believed.
const NAME_AGE: Duration = Duration::from_secs(600);

/// The name of the peer's host by the name service, which nobody waits for.
#[derive(Debug)]
pub(super) struct PeerName {
    address: IpAddr,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    asked: Option<Instant>,
    /// A thread waits for the name service. If that hangs, one such thread is enough.
    is_asking: bool,
    name: Option<String>,
}

impl PeerName {
    pub fn new(address: IpAddr) -> PeerName {
        PeerName { address, known: Arc::default() }
    }

    /// The name, if it is known by now.
    pub fn get(&self) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = known.asked.is_none_or(|asked| asked.elapsed() > NAME_AGE);
        if is_old && !known.is_asking && !self.address.is_loopback() {
            known.asked = Some(Instant::now());
            known.is_asking = true;
            let (address, memory) = (self.address, Arc::clone(&self.known));
            tokio::task::spawn_blocking(move || {
                let name = dns_lookup::lookup_addr(&address).ok();
                let name = name.filter(|name| name.parse::<IpAddr>().is_err());
                let mut known = memory.lock().unwrap_or_else(PoisonError::into_inner);
                known.name = name;
                known.is_asking = false;
            });
        }
        known.name.clone()
    }
}
