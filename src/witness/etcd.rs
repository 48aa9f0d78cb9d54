//! etcd's JSON gateway, as it is since 3.4: transactions, over a connection that is kept.

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
use schrittmacher_config::{Witness as Settings, WitnessLogin};
use schrittmacher_protocol::Time;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::tls;
use super::votes::LOT;
use crate::event_loop::clock;

/// The longest answer that is read: a lot of keys with long names.
const ANSWER_MAX: usize = 256 * 1024;
/// Of what a refusal says.
const REASON_MAX: usize = 200;

/// What etcd says of a token that it knows no more, in its versions: 3.4 and later, an older store of users, none at all.
const STALE_TOKENS: [&str; 4] = [
    "invalid auth token",
    "revision of auth store is old",
    "revision in header is old",
    "user name is empty",
];
/// A user may be configured before etcd demands one.
const NO_USERS: &str = "authentication is not enabled";
/// With a smaller `--max-txn-ops` than usual.
const TOO_MANY: &str = "too many operations";

type Sender = SendRequest<Full<Bytes>>;

/// The members of a cluster.
pub(super) struct Etcd {
    endpoints: Vec<SocketAddr>,
    /// The one that answered last.
    current: usize,
    runtime: Runtime,
    connection: Option<Sender>,
    tls: Option<TlsConnector>,
    login: Option<WitnessLogin>,
    /// What it has given for the password; empty if it wants none.
    token: Option<String>,
    /// Keys in one transaction.
    most: usize,
}

/// What is wanted of one key. No two of one transaction may be for the same.
#[derive(Debug)]
pub(super) struct Wish {
    pub key: String,
    /// The value to write, if the key has this revision, 0: if it is not there. `None`: only show it.
    pub write: Option<(u64, String)>,
}

/// What an answer says of the cluster.
#[derive(Debug)]
pub(super) struct Header {
    pub cluster: String,
    pub revision: u64,
}

impl Header {
    /// Whether it is of the same cluster, which was not set back.
    pub fn follows(&self, before: &Header) -> bool {
        self.cluster == before.cluster && self.revision >= before.revision
    }
}

/// What it says of one key.
#[derive(Debug)]
pub(super) struct Reply {
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
    #[error("{0}: another etcd answers than a moment ago, or it was set back")]
    Mixed(SocketAddr),
}

impl Failed {
    fn is_refusal_with(&self, words: &[&str]) -> bool {
        matches!(self, Failed::Refused(_, why) if words.iter().any(|word| why.contains(word)))
    }
}

impl Etcd {
    pub fn new(settings: &Settings) -> io::Result<Etcd> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let mut etcd = Etcd {
            endpoints: settings.endpoints.clone(),
            current: 0,
            runtime,
            connection: None,
            tls: None,
            login: None,
            token: None,
            most: LOT,
        };
        etcd.configure(settings).map_err(io::Error::other)?;
        Ok(etcd)
    }

    /// Takes other files and another user. The next question goes over a new connection.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        let tls = settings.tls.as_ref().map(tls::connector).transpose().map_err(|note| note.message)?;
        self.tls = tls;
        self.login = settings.login.clone();
        (self.connection, self.token) = (None, None);
        Ok(())
    }

    /// Grants wishes, each for itself: one that fails hinders no other. A transaction for all that fit into it. None at all shows
    /// the cluster.
    ///
    /// Each transaction reads `folder` as well. etcd 3.4 looks at permissions and tokens for that, but not in a transaction within
    /// another one.
    ///
    /// All of them are answered by one cluster, which is in the header: with another one in the middle the whole fails.
    pub fn exchange(
        &mut self,
        folder: &str,
        wishes: &[Wish],
        until: Time,
    ) -> Result<(Header, Vec<Reply>), Failed> {
        let mut replies = Vec::with_capacity(wishes.len());
        let mut before: Option<Header> = None;
        loop {
            let lot = &wishes[replies.len()..wishes.len().min(replies.len() + self.most)];
            let folder = json!({ "request_range": { "key": BASE64.encode(folder) } });
            let operations: Vec<Value> = std::iter::once(folder).chain(lot.iter().map(operation)).collect();
            let header = match self.ask("/v3/kv/txn", &json!({ "success": operations }), until) {
                Ok((header, answer)) => {
                    if before.is_some_and(|before| !header.follows(&before)) {
                        return Err(Failed::Mixed(self.endpoints[self.current]));
                    }
                    let answers = lot.iter().zip(1..);
                    let of_lot: Option<Vec<Reply>> = answers
                        .map(|(wish, at)| reply(wish, answer["responses"].get(at)?, header.revision))
                        .collect();
                    replies.extend(of_lot.ok_or(Failed::Nonsense(self.endpoints[self.current]))?);
                    header
                }
                Err(failed) if self.most > 1 && failed.is_refusal_with(&[TOO_MANY]) => {
                    self.most /= 2;
                    continue;
                }
                Err(failed) => return Err(failed),
            };
            if replies.len() == wishes.len() {
                return Ok((header, replies));
            }
            before = Some(header);
        }
    }

    /// What the member that has answered last tells of alarms, like a full disk. `None`: there is none.
    ///
    /// No other member is asked, and one that refuses to say keeps its connection: a user may be without the right to ask this.
    pub fn alarms(&mut self, until: Time) -> Result<Option<String>, Failed> {
        let time = until.since(clock::now());
        if time.is_zero() {
            return Err(Failed::Late);
        }
        let (_, answer) = self.ask_member("/v3/maintenance/status", &json!({}), time)?;
        let errors = answer["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let errors = errors.map(str::trim).collect::<Vec<_>>().join(", ");
        Ok((!errors.is_empty()).then(|| schrittmacher_text::beginning(errors, REASON_MAX)))
    }

    /// Asks each member in turn, beginning with the one that answered last. A member gets its part of the time.
    fn ask(&mut self, path: &str, body: &Value, until: Time) -> Result<(Header, Value), Failed> {
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
    fn ask_member(&mut self, path: &str, body: &Value, time: Duration) -> Result<(Header, Value), Failed> {
        let member = Member {
            endpoint: self.endpoints[self.current],
            tls: self.tls.as_ref(),
            login: self.login.as_ref(),
        };
        let (kept, token) = (self.connection.take(), &mut self.token);
        let work = async {
            // The member may have closed it meanwhile, which shows when it is used. The question can be asked again: it names the
            // revisions that it replaces.
            if let Some(mut sender) = kept {
                match member.ask(&mut sender, path, body, token).await {
                    Err(Failed::Network(..)) => {}
                    result => return Ok((sender, result)),
                }
            }
            let mut sender = member.connect().await?;
            let result = member.ask(&mut sender, path, body, token).await;
            Ok((sender, result))
        };
        let (sender, result) =
            self.runtime.block_on(async { timeout(time, work).await }).map_err(|_| Failed::Late)??;
        // A refusal is a whole answer, after which the connection is good for the next question.
        if matches!(result, Ok(_) | Err(Failed::Refused(..))) {
            self.connection = Some(sender);
        }
        let answer = result?;
        let header = header(&answer).ok_or(Failed::Nonsense(member.endpoint))?;
        Ok((header, answer))
    }
}

/// One of the members, for one question.
struct Member<'a> {
    endpoint: SocketAddr,
    tls: Option<&'a TlsConnector>,
    login: Option<&'a WitnessLogin>,
}

impl Member<'_> {
    async fn connect(&self) -> Result<Sender, Failed> {
        let connected = async {
            let stream = TcpStream::connect(self.endpoint).await?;
            stream.set_nodelay(true)?;
            match self.tls {
                None => begin(stream).await,
                Some(connector) => {
                    let secured = connector.connect(self.endpoint.ip().into(), stream).await;
                    begin(secured.map_err(tls::handshake_error)?).await
                }
            }
        };
        connected.await.map_err(|error| Failed::Network(self.endpoint, tls::reason(&error)))
    }

    /// The answer. Each member knows a token for some minutes, a new one none, and one with another store of users none of the old.
    async fn ask(
        &self,
        sender: &mut Sender,
        path: &str,
        body: &Value,
        token: &mut Option<String>,
    ) -> Result<Value, Failed> {
        let result = self.ask_with_token(sender, path, body, token).await;
        let is_stale = |failed: &Failed| failed.is_refusal_with(&STALE_TOKENS);
        if self.login.is_none() || !result.as_ref().is_err_and(is_stale) {
            return result;
        }
        *token = None;
        self.ask_with_token(sender, path, body, token).await
    }

    async fn ask_with_token(
        &self,
        sender: &mut Sender,
        path: &str,
        body: &Value,
        token: &mut Option<String>,
    ) -> Result<Value, Failed> {
        if let (Some(login), None) = (self.login, &token) {
            *token = Some(self.authenticate(sender, login).await?);
        }
        self.post(sender, path, body, token.as_deref().unwrap_or_default()).await
    }

    /// A token for the user.
    async fn authenticate(&self, sender: &mut Sender, login: &WitnessLogin) -> Result<String, Failed> {
        let body = json!({ "name": login.user, "password": login.password.text.as_str() });
        match self.post(sender, "/v3/auth/authenticate", &body, "").await {
            Ok(answer) => answer["token"].as_str().map(str::to_owned).ok_or(Failed::Nonsense(self.endpoint)),
            Err(failed) if failed.is_refusal_with(&[NO_USERS]) => Ok(String::new()),
            Err(Failed::Refused(endpoint, why)) => Err(Failed::Refused(
                endpoint,
                format!("user {}: {why}", schrittmacher_text::one_line(&login.user)),
            )),
            Err(failed) => Err(failed),
        }
    }

    async fn post(
        &self,
        sender: &mut Sender,
        path: &str,
        body: &Value,
        token: &str,
    ) -> Result<Value, Failed> {
        let network =
            |error: &(dyn std::error::Error + 'static)| Failed::Network(self.endpoint, tls::reason(error));
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", self.endpoint.to_string())
            .header("content-type", "application/json");
        if !token.is_empty() {
            request = request.header("authorization", token);
        }
        let request =
            request.body(Full::new(Bytes::from(body.to_string()))).map_err(|error| network(&error))?;
        sender.ready().await.map_err(|error| network(&error))?;
        let response = sender.send_request(request).await.map_err(|error| network(&error))?;
        let status = response.status();
        let bytes = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        let bytes = bytes.map_err(|error| network(&*error))?.to_bytes();
        let value: Result<Value, _> = serde_json::from_slice(&bytes);
        match value {
            Ok(value) if status.is_success() => Ok(value),
            Err(_) if status.is_success() => Err(Failed::Nonsense(self.endpoint)),
            // Some refusals are a line of text.
            value => {
                let value = value.unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                let why = value["message"].as_str().or(value["error"].as_str()).unwrap_or(text.trim());
                let why = if why.is_empty() { status.as_str() } else { why };
                let why = schrittmacher_text::beginning(schrittmacher_text::one_line(why), REASON_MAX);
                Err(Failed::Refused(self.endpoint, why))
            }
        }
    }
}

async fn begin(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<Sender> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Its end is seen by the next request.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// One operation of a transaction; a transaction in itself, where the key's revision matters.
fn operation(Wish { key, write }: &Wish) -> Value {
    let key = BASE64.encode(key);
    let Some((revision, value)) = write else { return json!({ "request_range": { "key": key } }) };
    json!({ "request_txn": {
        "compare": [{ "key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision.to_string() }],
        "success": [{ "request_put": { "key": key, "value": BASE64.encode(value) } }],
        "failure": [{ "request_range": { "key": key } }],
    } })
}

/// What came of it. `None`: the answer is not to this.
fn reply(wish: &Wish, answer: &Value, revision: u64) -> Option<Reply> {
    let range = match &wish.write {
        None => answer.get("response_range")?,
        Some((_, value)) => {
            let txn = answer.get("response_txn")?;
            // The gateway leaves out what is false.
            if txn["succeeded"].as_bool().unwrap_or(false) {
                return Some(Reply { is_taken: true, key_revision: revision, value: value.clone() });
            }
            &txn["responses"][0]["response_range"]
        }
    };
    Some(with_key(&range["kvs"][0]))
}

fn with_key(key: &Value) -> Reply {
    let value = key["value"].as_str().and_then(|coded| BASE64.decode(coded).ok());
    let value = value.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    Reply { is_taken: false, key_revision: number(&key["mod_revision"]).unwrap_or(0), value }
}

fn header(answer: &Value) -> Option<Header> {
    let header = &answer["header"];
    Some(Header {
        cluster: header["cluster_id"].as_str()?.to_owned(),
        revision: number(&header["revision"])?,
    })
}

/// The gateway writes 64 bits as text.
fn number(value: &Value) -> Option<u64> {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64())
}
