//! etcd's JSON gateway, as it is since 3.4: two requests, over a connection that is kept.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use schrittmacher_protocol::Time;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::event_loop::clock;

/// The longest answer that is read.
const ANSWER_MAX: usize = 64 * 1024;

/// The members of a cluster.
pub(super) struct Etcd {
    endpoints: Vec<SocketAddr>,
    /// The one that answered last.
    current: usize,
    runtime: Runtime,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// The part of an answer that matters.
#[derive(Debug)]
pub(super) struct Reply {
    pub cluster: String,
    pub revision: u64,
    /// The key was written.
    pub is_taken: bool,
    /// The revision of the key's last change; 0: it is not there.
    pub key_revision: u64,
    pub value: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("no answer in time")]
    Late,
    #[error("{0}: {1}")]
    Network(SocketAddr, String),
    #[error("{0}: {1}")]
    Refused(SocketAddr, String),
    #[error("{0}: an answer that is not etcd's")]
    Nonsense(SocketAddr),
}

impl Etcd {
    pub fn new(endpoints: Vec<SocketAddr>) -> io::Result<Etcd> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Etcd { endpoints, current: 0, runtime, connection: None })
    }

    /// Writes a key if it has this revision, 0: if it is not there. Else shows it.
    pub fn take(&mut self, key: &str, revision: u64, value: &str, until: Time) -> Result<Reply, Failed> {
        let coded = BASE64.encode(key);
        let body = json!({
            "compare": [{ "key": coded, "target": "MOD", "result": "EQUAL", "mod_revision": revision.to_string() }],
            "success": [{ "request_put": { "key": coded, "value": BASE64.encode(value) } }],
            "failure": [{ "request_range": { "key": coded } }],
        });
        let (reply, answer) = self.ask("/v3/kv/txn", &body, until)?;
        let is_taken = answer["succeeded"].as_bool().unwrap_or(false);
        if is_taken {
            return Ok(Reply { is_taken, key_revision: reply.revision, value: value.to_owned(), ..reply });
        }
        Ok(with_key(reply, &answer["responses"][0]["response_range"]["kvs"][0]))
    }

    /// Shows a key.
    pub fn look(&mut self, key: &str, until: Time) -> Result<Reply, Failed> {
        let (reply, answer) = self.ask("/v3/kv/range", &json!({ "key": BASE64.encode(key) }), until)?;
        Ok(with_key(reply, &answer["kvs"][0]))
    }

    /// Asks each member in turn, beginning with the one that answered last. A member gets its part of the time.
    fn ask(&mut self, path: &str, body: &Value, until: Time) -> Result<(Reply, Value), Failed> {
        let mut result = Err(Failed::Late);
        for left in (1..=self.endpoints.len()).rev() {
            let time = until.since(clock::now()) / u32::try_from(left).unwrap_or(1);
            if time.is_zero() {
                return result;
            }
            result = self.ask_member(path, body, time);
            if result.is_ok() {
                return result;
            }
            self.connection = None;
            self.current = (self.current + 1) % self.endpoints.len();
        }
        result
    }

    /// The answer of the current member, and what its header says.
    fn ask_member(&mut self, path: &str, body: &Value, time: Duration) -> Result<(Reply, Value), Failed> {
        let endpoint = self.endpoints[self.current];
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", endpoint.to_string())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|error| Failed::Network(endpoint, error.to_string()))?;
        let connection = self.connection.take();
        let network = |error: &dyn std::fmt::Display| Failed::Network(endpoint, error.to_string());
        let work = async {
            // One that the server has closed meanwhile is made anew.
            let mut sender = match still_open(connection).await {
                Some(sender) => sender,
                None => connect(endpoint).await.map_err(|error| network(&error))?,
            };
            let response = sender.send_request(request).await.map_err(|error| network(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
            let bytes = body.map_err(|error| network(&error))?.to_bytes();
            let value: Value = serde_json::from_slice(&bytes).map_err(|_| Failed::Nonsense(endpoint))?;
            if !status.is_success() {
                let why = value["message"].as_str().or(value["error"].as_str()).unwrap_or(status.as_str());
                return Err(Failed::Refused(endpoint, schrittmacher_text::beginning(why.to_owned(), 200)));
            }
            let reply = header(&value).ok_or(Failed::Nonsense(endpoint))?;
            Ok((sender, reply, value))
        };
        let (sender, reply, value) =
            self.runtime.block_on(async { timeout(time, work).await }).map_err(|_| Failed::Late)??;
        self.connection = Some(sender);
        Ok((reply, value))
    }
}

async fn still_open(connection: Option<SendRequest<Full<Bytes>>>) -> Option<SendRequest<Full<Bytes>>> {
    let mut sender = connection?;
    sender.ready().await.is_ok().then_some(sender)
}

async fn connect(endpoint: SocketAddr) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(endpoint).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Its end is seen by the next request.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn header(answer: &Value) -> Option<Reply> {
    let header = &answer["header"];
    Some(Reply {
        cluster: header["cluster_id"].as_str()?.to_owned(),
        revision: number(&header["revision"])?,
        is_taken: false,
        key_revision: 0,
        value: String::new(),
    })
}

fn with_key(reply: Reply, key: &Value) -> Reply {
    let key_revision = number(&key["mod_revision"]).unwrap_or(0);
    let value = key["value"].as_str().and_then(|coded| BASE64.decode(coded).ok());
    let value = value.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    Reply { key_revision, value, ..reply }
}

/// The gateway writes 64 bits as text.
fn number(value: &Value) -> Option<u64> {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64())
}
