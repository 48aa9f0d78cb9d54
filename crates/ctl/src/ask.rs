//! Asks a daemon by HTTP, at its control socket or its page.

use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use schrittmacher_api::Problem;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::CtlError;
use super::daemon::{Place, places};
use super::options::DaemonArgs;
use schrittmacher_record::CONTENT_TYPE;
use schrittmacher_text::Escaped;
use schrittmacher_text::exit_code;

/// For a connection, and for each piece of the answer: a little more than the daemon takes to give up.
const PATIENCE: Duration = Duration::from_secs(10);
/// For a reload, which waits for a disk.
const RELOAD_PATIENCE: Duration = Duration::from_secs(40);
/// The beginning of an unexpected answer that is shown, in bytes.
const SHOWN: u64 = 200;
/// The longest answer in JSON, in bytes: a thousand resources have less than a tenth of it.
const JSON_MAX: u64 = 16 * 1024 * 1024;

/// The flight record of these resources, of all if none is named, as the daemon sends it.
pub(super) fn record(daemon: &DaemonArgs, resources: &[String]) -> Result<AnswerBody, CtlError> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(resources.iter().map(|name| ("resource", name)));
    let target = format!("/record?{}", query.finish());
    let mut answer = send(&places(daemon)?, &Method::GET, &target, None, PATIENCE)?;
    if answer.status == StatusCode::OK && answer.kind == CONTENT_TYPE {
        return Ok(answer.body);
    }
    Err(answer.unexpected())
}

/// An answer in JSON: its text, and what the text means.
pub(super) struct JsonAnswer<T> {
    pub text: String,
    pub value: T,
}

/// Asks for a value.
pub(super) fn get<T: DeserializeOwned>(daemon: &DaemonArgs, target: &str) -> Result<JsonAnswer<T>, CtlError> {
    send(&places(daemon)?, &Method::GET, target, None, PATIENCE)?.json()
}

/// Gives an order.
pub(super) fn post<T: DeserializeOwned>(
    daemon: &DaemonArgs,
    target: &str,
) -> Result<JsonAnswer<T>, CtlError> {
    let token = daemon.token_file.as_deref().map(token).transpose()?;
    send(&places(daemon)?, &Method::POST, target, token.as_deref(), PATIENCE)?.json()
}

/// Orders a reload, which only the control socket takes.
pub(super) fn reload<T: DeserializeOwned>(
    daemon: &DaemonArgs,
    target: &str,
) -> Result<JsonAnswer<T>, CtlError> {
    let mut places = places(daemon)?;
    if places.iter().any(|place| matches!(place, Place::Socket(_))) {
        places.retain(|place| matches!(place, Place::Socket(_)));
    }
    send(&places, &Method::POST, target, None, RELOAD_PATIENCE)?.json()
}

/// The token that is shown at the page.
fn token(path: &Path) -> Result<String, CtlError> {
    schrittmacher_config::token_to_show(path).map_err(|error| {
        CtlError::new(
            exit_code::NOPERM,
            &format_args!("the token file {} cannot be used: {error}", path.display()),
        )
    })
}

/// Asks at the first place that can be reached. If there is none, the first one says why. Nothing is asked twice.
fn send(
    places: &[Place],
    method: &Method,
    target: &str,
    token: Option<&str>,
    patience: Duration,
) -> Result<DaemonAnswer, CtlError> {
    let system = |error| CtlError::new(exit_code::OSERR, &format_args!("can't ask the daemon: {error}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(system)?;
    let mut first_error = None;
    for place in places {
        let asked = runtime.block_on(async {
            let answer = timeout(patience, ask(place, method.clone(), target, token)).await;
            answer.unwrap_or_else(|_| {
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {} s", patience.as_secs()),
                ))
            })
        });
        match asked {
            Ok(response) => return Ok(DaemonAnswer::new(runtime, place, response)),
            Err(error) => {
                first_error.get_or_insert_with(|| place.unreachable(&error));
                if error.kind() == io::ErrorKind::TimedOut {
                    // The other places are doors of the same daemon, which may still take what it was asked.
                    break;
                }
            }
        }
    }
    Err(first_error.unwrap_or_else(|| CtlError::new(exit_code::UNAVAILABLE, &"the daemon has no address")))
}

async fn ask(
    place: &Place,
    method: Method,
    target: &str,
    token: Option<&str>,
) -> io::Result<Response<Incoming>> {
    let request = Request::builder().method(method).uri(target);
    match place {
        // A Unix socket has no host. The word is one that every daemon takes for its own name.
        Place::Socket(path) => {
            exchange(UnixStream::connect(path).await?, request.header(header::HOST, "localhost")).await
        }
        Place::Page(address) => {
            let mut request = request.header(header::HOST, address.to_string());
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            exchange(TcpStream::connect(address).await?, request).await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: request::Builder,
) -> io::Result<Response<Incoming>> {
    let broken = |error: hyper::Error| io::Error::other(error);
    let (mut requests, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    requests.send_request(request).await.map_err(broken)
}

/// The answer of a daemon.
struct DaemonAnswer {
    place: String,
    status: StatusCode,
    kind: String,
    body: AnswerBody,
}

impl DaemonAnswer {
    fn new(runtime: Runtime, place: &Place, response: Response<Incoming>) -> DaemonAnswer {
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        let status = response.status();
        let body = AnswerBody { runtime, body: response.into_body(), rest: Bytes::new() };
        DaemonAnswer { place: place.to_string(), status, kind, body }
    }

    /// The answer as a value. An answer that is none of the API is an error.
    fn json<T: DeserializeOwned>(mut self) -> Result<JsonAnswer<T>, CtlError> {
        if self.kind != "application/json" {
            return Err(self.unexpected());
        }
        let mut text = String::new();
        self.body.by_ref().take(JSON_MAX).read_to_string(&mut text).map_err(|error| {
            let why = format!("the answer of {} breaks off: {error}", self.place);
            CtlError::new(exit_code::UNAVAILABLE, &why)
        })?;
        if let Ok(value) = serde_json::from_str(&text) {
            return Ok(JsonAnswer { text, value });
        }
        let code = match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                exit_code::NOPERM
            }
            _ => exit_code::UNAVAILABLE,
        };
        let why = match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => problem.error,
            Err(error) => format!("an answer of another version: {error}"),
        };
        Err(CtlError::new(code, &format_args!("{}: {}", self.place, Escaped(&why))))
    }

    /// The complaint about an answer that should not come.
    fn unexpected(&mut self) -> CtlError {
        let mut said = String::new();
        // A broken answer is shown as far as it came, beside its status.
        let _: io::Result<usize> = self.body.by_ref().take(SHOWN).read_to_string(&mut said);
        let first = said.lines().next().filter(|line| !line.is_empty());
        let said = Escaped(first.or(self.status.canonical_reason()).unwrap_or_default());
        let place = &self.place;
        match self.status {
            StatusCode::OK => CtlError::new(
                exit_code::UNAVAILABLE,
                &format_args!("what answers at {place} is no schrittmacher of this version"),
            ),
            StatusCode::NOT_FOUND => {
                CtlError::new(exit_code::NOINPUT, &format_args!("{place} answers: {said}"))
            }
            status => {
                let why = format!("{place} answers {}: {said}", status.as_u16());
                CtlError::new(exit_code::UNAVAILABLE, &why)
            }
        }
    }
}

/// The body of an answer.
pub(super) struct AnswerBody {
    runtime: Runtime,
    body: Incoming,
    rest: Bytes,
}

impl Read for AnswerBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            let frame = async { timeout(PATIENCE, self.body.frame()).await };
            match self.runtime.block_on(frame) {
                Ok(Some(Ok(frame))) => self.rest = frame.into_data().unwrap_or_default(),
                Ok(Some(Err(error))) => return Err(io::Error::other(error)),
                Ok(None) => return Ok(0),
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}
