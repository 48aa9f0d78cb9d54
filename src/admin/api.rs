//! `/api/v1`: the same facts and orders as the page, for programs. `docs/http-api.md` is its reference.

use std::fmt::Display;
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use schrittmacher_api::{HISTORY, LOG, OrderAnswer, OrderWord, Problem, RELOAD, RESOURCES, STATUS};
use serde::Serialize;

use super::freeze::{FreezeOrder, FreezeOutcome};
use super::link::NoAnswer;
use super::order::{self, OperatorOrder, OrderOutcome, Target};
use super::origin::Denied;
use super::service::{
    ALLOW_READING, Answer, Client, HttpService, NO_ANSWER, allow, refusal, status_of, typed,
};
use super::status;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The methods of what changes something.
const ALLOW_ORDERS: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

const ALLOW_LOG: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");

/// The meaning of a path.
enum Route {
    Status,
    Resource(String),
    History,
    Log,
    Reload,
    Order(OperatorOrder),
    Freeze(Result<FreezeOrder, String>),
}

impl HttpService {
    pub(super) async fn api(&self, head: &Parts, client: Client) -> Answer {
        let Some(route) = route(head) else {
            return problem(StatusCode::NOT_FOUND, "there is no such path; docs/http-api.md has them all");
        };
        let allowed = match route {
            Route::Status | Route::Resource(_) | Route::History => ALLOW_READING,
            Route::Log => ALLOW_LOG,
            Route::Reload | Route::Order(_) | Route::Freeze(_) => ALLOW_ORDERS,
        };
        match (route, &head.method) {
            (_, &Method::OPTIONS) => allow(StatusCode::NO_CONTENT, allowed),
            (Route::Status, &Method::GET | &Method::HEAD) => match self.protocol.status().await {
                Ok(seen) => {
                    let render = || {
                        pretty(&status::daemon(
                            &seen.snapshot,
                            &self.facts,
                            &self.host_name,
                            self.peer_name.get(),
                        ))
                    };
                    let text = seen.json.get_or_init(render).clone();
                    typed(StatusCode::OK, JSON, Either::Left(Full::new(text)))
                }
                Err(NoAnswer) => no_answer(),
            },
            (Route::Resource(name), &Method::GET | &Method::HEAD) => match self.protocol.status().await {
                Ok(seen) => match status::one(&seen.snapshot, &name) {
                    Some(one) => json(StatusCode::OK, &one),
                    None => problem(StatusCode::NOT_FOUND, "there is no such resource"),
                },
                Err(NoAnswer) => no_answer(),
            },
            (Route::History, &Method::GET | &Method::HEAD) => match self.history(client).await {
                Some(answer) => json(StatusCode::OK, &answer),
                None => problem(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "`state-directory` cannot be used: there is no history",
                ),
            },
            (Route::Log, &Method::GET | &Method::HEAD | &Method::POST) => self.log(head, client),
            (Route::Reload, &Method::POST) => self.reload(head, client).await,
            (Route::Order(order), &Method::POST) => self.order(head, order, client).await,
            (Route::Freeze(Ok(order)), &Method::POST) => self.freeze(head, order, client).await,
            (Route::Freeze(Err(why)), &Method::POST) => problem(StatusCode::BAD_REQUEST, &why),
            _ => allow(StatusCode::METHOD_NOT_ALLOWED, allowed),
        }
    }

    /// The answer shows lines of the file, and a reload costs a read of the disk: not for any client that
    /// reaches the port.
    async fn reload(&self, head: &Parts, client: Client) -> Answer {
        if !matches!(client, Client::Control { .. }) {
            return problem(
                StatusCode::FORBIDDEN,
                "a reload needs the control socket: schrittmacherctl reload",
            );
        }
        let dry_run = order::says_yes(head.uri.query().unwrap_or_default().as_bytes(), "dry-run");
        if !dry_run {
            log::info!("reload, asked for by {client}");
        }
        match self.protocol.reload(dry_run).await {
            Ok(answer) if answer.errors.is_empty() => json(StatusCode::OK, &answer),
            Ok(answer) => json(StatusCode::UNPROCESSABLE_ENTITY, &answer),
            Err(NoAnswer) => no_answer(),
        }
    }

    async fn order(&self, head: &Parts, order: OperatorOrder, client: Client) -> Answer {
        let by = match self.may_order(head, None, client) {
            Ok(by) => by,
            Err(denied) => return self.deny(&order, client, &denied),
        };
        let force = order.force;
        let Ok(outcome) = self.give(order.clone(), by).await else { return no_answer() };
        let answer = OrderAnswer {
            outcome: match outcome {
                OrderOutcome::Ordered => OrderWord::Ordered,
                OrderOutcome::Possible => OrderWord::Possible,
                OrderOutcome::Joined => OrderWord::Joined,
                OrderOutcome::Refused(_) | OrderOutcome::Busy(_) => OrderWord::Refused,
                OrderOutcome::NoSuchResource => OrderWord::NoSuchResource,
            },
            message: format!("{order}: {outcome}"),
            force_helps: outcome.force_helps() && !force,
        };
        json(status_of(outcome), &answer)
    }
}

impl HttpService {
    fn deny(&self, order: &dyn Display, client: Client, denied: &Denied) -> Answer {
        self.refusals.log(order, client, denied);
        refusal(denied, problem(StatusCode::FORBIDDEN, &denied.to_string()))
    }

    async fn freeze(&self, head: &Parts, order: FreezeOrder, client: Client) -> Answer {
        let by = match self.may_order(head, None, client) {
            Ok(by) => by,
            Err(denied) => return self.deny(&order, client, &denied),
        };
        let Ok(outcome) = self.give_freeze(&order, by).await else { return no_answer() };
        let (status, word) = match outcome {
            FreezeOutcome::NoSuchResource => (StatusCode::NOT_FOUND, OrderWord::NoSuchResource),
            FreezeOutcome::BothSides | FreezeOutcome::PeerIsSilent | FreezeOutcome::ThisSideAlone => {
                (StatusCode::OK, OrderWord::Ordered)
            }
        };
        let message = format!("{order}: {outcome}");
        json(status, &OrderAnswer { outcome: word, message, force_helps: false })
    }
}

fn route(head: &Parts) -> Option<Route> {
    let path = head.uri.path();
    match path {
        STATUS => return Some(Route::Status),
        HISTORY => return Some(Route::History),
        LOG => return Some(Route::Log),
        RELOAD => return Some(Route::Reload),
        _ => {}
    }
    let rest = path.strip_prefix(RESOURCES)?.strip_prefix('/').filter(|rest| !rest.is_empty())?;
    let named = |name| percent_decode_str(name).decode_utf8_lossy().into_owned();
    let Some((name, action)) = rest.split_once('/') else { return Some(Route::Resource(named(rest))) };
    let resource = named(name);
    let query = head.uri.query().unwrap_or_default().as_bytes();
    match action {
        "freeze" => return Some(Route::Freeze(FreezeOrder::parse(resource, query))),
        "thaw" => {
            let thaw = FreezeOrder { resource, length: Duration::ZERO, reason: String::new() };
            return Some(Route::Freeze(Ok(thaw)));
        }
        _ => {}
    }
    let target =
        [Target::OtherSide, Target::ThisSide].into_iter().find(|target| target.as_str() == action)?;
    let (force, dry_run) = (order::says_yes(query, "force"), order::says_yes(query, "dry-run"));
    Some(Route::Order(OperatorOrder { target, resource, force, dry_run }))
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    typed(status, JSON, Either::Left(Full::new(pretty(value))))
}

fn pretty(value: &impl Serialize) -> Bytes {
    #[expect(clippy::unwrap_used, reason = "all keys are strings, and no value refuses to be serialised")]
    let mut text = serde_json::to_vec_pretty(value).unwrap();
    text.push(b'\n');
    text.into()
}

pub(super) fn problem(status: StatusCode, error: &str) -> Answer {
    json(status, &Problem { error: error.to_owned() })
}

fn no_answer() -> Answer {
    problem(StatusCode::SERVICE_UNAVAILABLE, NO_ANSWER)
}
