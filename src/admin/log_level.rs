//! `/api/v1/log`: which lines of the log are written, and another level for some time.

use std::time::Duration;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use schrittmacher_api::{LogAnswer, LogPlace};

use super::api::{json, problem};
use super::service::{Answer, Client, HttpService};
use crate::logging::{OTHER_LEVEL_MAX, level_name, level_named};

impl HttpService {
    /// A finer log costs disk, and a coarser one hides what happens: not for any client that reaches the port.
    pub(super) fn log(&self, head: &Parts, client: Client) -> Answer {
        let level = &self.facts.level;
        if head.method == Method::POST {
            if !matches!(client, Client::Control { .. }) {
                let why = "the log's level needs the control socket: schrittmacherctl logs --level";
                return problem(StatusCode::FORBIDDEN, why);
            }
            match wanted(head.uri.query().unwrap_or_default().as_bytes()) {
                Ok((other, length)) => {
                    let name = level_name(other);
                    log::warn!(
                        "log level {name} for {}, asked for by {client}",
                        schrittmacher_text::span(length)
                    );
                    level.set(other, length);
                }
                Err(why) => return problem(StatusCode::BAD_REQUEST, why),
            }
        }
        let lost = &self.facts.lost;
        let answer = LogAnswer {
            level: level_name(level.now()).to_owned(),
            configured_level: level_name(level.configured()).to_owned(),
            seconds_left: level.other().map(|(_, left)| left.as_secs_f64()),
            places: lost
                .by_place()
                .map(|(place, count)| LogPlace { place: place.to_owned(), lost_lines: count })
                .collect(),
            left_out_lines: lost.left_out(),
        };
        json(StatusCode::OK, &answer)
    }
}

fn wanted(query: &[u8]) -> Result<(log::LevelFilter, Duration), &'static str> {
    let last = |key: &str| {
        let values = form_urlencoded::parse(query).filter(|(found, _)| found == key);
        values.last().map(|(_, value)| value.into_owned())
    };
    let level = last("level").as_deref().and_then(level_named);
    let level = level.ok_or("level=… has to be debug, info, warning or major")?;
    let length = last("seconds")
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match length.filter(|length| !length.is_zero() && *length <= OTHER_LEVEL_MAX) {
        Some(length) => Ok((level, length)),
        None => Err("seconds=… has to be a time of at most a day"),
    }
}
