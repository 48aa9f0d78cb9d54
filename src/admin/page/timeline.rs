//! The last states of a resource on this side as a drawing: a bar for each, the shape says the state as well as the colour.

use jiff::{Timestamp, Zoned};
use schrittmacher_api::HistoryEntry;
use schrittmacher_text::span;

/// The last changes that are drawn.
const BARS: usize = 12;
/// The width of the whole, in units of its own.
const WIDTH: f64 = 600.0;

/// A drawing, and the same in words.
pub(super) struct Timeline {
    pub bars: Vec<Bar>,
    /// When the first bar begins.
    pub begins: String,
    pub words: String,
}

/// A time in one state.
pub(super) struct Bar {
    pub x: String,
    pub width: String,
    pub class: &'static str,
    /// For the one who points at it.
    pub title: String,
}

/// Draws the states that these entries, oldest first, tell of; `None` if there is none.
pub(super) fn draw(entries: &[&HistoryEntry], now: &Zoned) -> Option<Timeline> {
    let mut states: Vec<(&str, Timestamp)> = entries
        .iter()
        .rev()
        .filter_map(|entry| Some((entry.state.as_deref()?, entry.time.parse().ok()?)))
        .take(BARS)
        .collect();
    states.reverse();
    let ends = states.iter().skip(1).map(|(_, at)| *at).chain([now.timestamp()]);
    let lengths: Vec<_> =
        states.iter().zip(ends).map(|((_, begin), end)| end.duration_since(*begin).unsigned_abs()).collect();
    // A switch of milliseconds is to be seen beside a month: not to scale, but in order.
    let weights: Vec<f64> = lengths.iter().map(|length| (2.0 + length.as_secs_f64()).ln()).collect();
    let all: f64 = weights.iter().sum();
    let mut x = 0.0;
    let mut bars = Vec::new();
    for ((state, begin), (length, weight)) in states.iter().zip(lengths.iter().zip(weights)) {
        let width = weight / all * WIDTH;
        let title = format!("{state} from {} for {}", moment(*begin, now), span(*length));
        bars.push(Bar { x: format!("{x:.1}"), width: format!("{width:.1}"), class: class(state), title });
        x += width;
    }
    let (_, first) = states.first()?;
    let words: Vec<&str> = bars.iter().map(|bar| bar.title.as_str()).collect();
    Some(Timeline { begins: moment(*first, now), words: words.join(", "), bars })
}

/// The class of a state's colour and shape.
pub(super) fn class(state: &str) -> &'static str {
    match state {
        "hot" => "hot",
        "standby" => "standby",
        "failed" => "failed",
        "unknown" => "unknown",
        _ => "between",
    }
}

/// A time of today, or the date with it.
pub(super) fn moment(at: Timestamp, now: &Zoned) -> String {
    let at = at.to_zoned(now.time_zone().clone());
    let form = if at.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    at.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use schrittmacher_api::HistoryKind;

    use super::*;

    fn entry(time: &str, state: Option<&str>) -> HistoryEntry {
        HistoryEntry {
            time: time.into(),
            resource: "smsc".into(),
            kind: HistoryKind::State,
            state: state.map(str::to_owned),
            text: String::new(),
            by: None,
        }
    }

    fn now() -> Zoned {
        "2026-11-28T12:00:00+00:00[UTC]".parse().unwrap()
    }

    #[test]
    fn each_state_has_its_bar_up_to_the_next() {
        let entries = [
            entry("2026-11-27T12:00:00Z", Some("standby")),
            entry("2026-11-28T11:00:00Z", Some("hot")),
            entry("2026-11-28T11:00:00Z", None),
            entry("nonsense", Some("failed")),
        ];
        let drawn = draw(&entries.iter().collect::<Vec<_>>(), &now()).unwrap();
        let classes: Vec<_> = drawn.bars.iter().map(|bar| bar.class).collect();
        assert_eq!(classes, ["standby", "hot"]);
        assert_eq!(drawn.words, "standby from 2026-11-27 12:00:00 for 23 h, hot from 11:00:00 for 1 h");
        let ends: f64 = drawn.bars.iter().map(|bar| bar.width.parse::<f64>().unwrap()).sum();
        assert!((ends - WIDTH).abs() < 1.0, "{ends}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing_and_never_more_than_a_few_bars() {
        assert!(draw(&[], &now()).is_none());
        let many: Vec<_> = (0..1000).map(|_| entry("2026-11-29T00:00:00Z", Some("leaving"))).collect();
        let drawn = draw(&many.iter().collect::<Vec<_>>(), &now()).unwrap();
        assert_eq!(drawn.bars.len(), BARS);
    }
}
