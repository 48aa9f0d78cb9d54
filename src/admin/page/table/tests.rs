use std::time::{Duration, UNIX_EPOCH};

use schrittmacher_protocol::StateName as State;
use schrittmacher_wire::{AppCode, PeerCode};

use super::*;
use crate::admin::snapshot::{PEER_TIMEOUT, app_word, peer_word};

/// A moment of 2026-11-23, as the recorded pages have them.
fn at(hms: (u64, u64, u64), micros: u64) -> SystemTime {
    let midnight = 1_795_392_000;
    UNIX_EPOCH
        + Duration::from_secs(midnight + hms.0 * 3600 + hms.1 * 60 + hms.2)
        + Duration::from_micros(micros)
}

fn heard(word: &'static str, at: SystemTime, reason: &str) -> Option<Heard> {
    Some(Heard { word, reason: reason.into(), at })
}

fn row(name: &str, state: State, last_local: Option<Heard>, last_remote: Option<Heard>) -> ResourceStatus {
    ResourceStatus { last_local, last_remote, ..ResourceStatus::example(name, state) }
}

fn doors(resources: Vec<ResourceStatus>) -> StatusSnapshot {
    let door = |message: &str| DoorStatus { last_error: None, last_message: Some(message.into()) };
    StatusSnapshot {
        resources,
        local: door("Zed: LUNK"),
        peer: door("Zed: FAIL"),
        ..StatusSnapshot::default()
    }
}

/// A page of the legacy program with the intended differences: no Lock column, text escaped, no time where nothing was
/// received, orders by buttons.
fn legacy(recorded: &str) -> String {
    let (_, body) = recorded.split_once("\n\n").unwrap();
    let body = body.strip_suffix("\n<<closed by server>>\n").unwrap();
    let mut page = body.replace("<th>Lock</th>\n", "").replace("remote <b>", "remote &lt;b&gt;");
    while let Some(lock) = page.find("<td><UMMutex") {
        let end = lock + page[lock..].find("</td>").unwrap() + "</td>".len();
        page.replace_range(lock..end, "");
    }
    while let Some(start) = page.find("<a href=/?") {
        let end = start + page[start..].find("</a>").unwrap();
        let (order, _) = page[start + "<a href=/?".len()..end].split_once('>').unwrap();
        let (key, value) = order.split_once('=').unwrap();
        let button = format!(
            "<form method=\"post\" action=\"/\"><button name=\"{key}\" value=\"{value}\">{key}</button></form>\n"
        );
        page.replace_range(start..end + "</a>".len(), &button);
    }
    let nothing = "<i>nothing received yet</i><br>";
    let times: Vec<_> = page.match_indices(nothing).map(|(start, _)| start + nothing.len()).collect();
    for time in times.into_iter().rev() {
        page.replace_range(time..time + "2026-11-23 04:12:09.146811".len(), "-");
    }
    page
}

/// Ours without what stands around the legacy part.
fn inner(page: &str) -> String {
    let start = page.find("<H1>").unwrap();
    page[start..].strip_suffix("\n</body>\n</html>\n").unwrap().to_owned()
}

#[test]
fn the_page_is_the_recorded_one() {
    let t = |micros| at((4, 12, 9), micros);
    let snapshot = doors(vec![
        row(
            "Zed",
            State::ToHot,
            heard(app_word(AppCode::Lunk), t(446_313), ""),
            heard(peer_word(PeerCode::Fail), t(146_486), "remote <b>"),
        ),
        row("alpha", State::Hot, heard(app_word(AppCode::Lhot), t(446_189), ""), None),
        row("beta", State::Standby, heard(app_word(AppCode::Lsby), t(446_270), ""), None),
    ]);
    let recorded = include_str!("../../../../tests/data/http/get_root.txt").replace("\r\n", "\n");
    assert_eq!(inner(&render(&snapshot, &[])), legacy(&recorded));
}

#[test]
fn the_page_after_a_failover_is_the_recorded_one() {
    let silence = "eventRemoteTimeout issued due to outstanding remote heartbeats";
    let remote = |micros| heard(PEER_TIMEOUT, at((4, 12, 19), micros), silence);
    let local = |word, micros| heard(word, at((4, 12, 19), micros), "");
    let snapshot = doors(vec![
        row(
            "Zed",
            State::ToHot,
            local("unknown", 642_024),
            heard(PEER_TIMEOUT, at((4, 12, 9), 146_486), silence),
        ),
        row("alpha", State::Failed, local("hot", 644_384), remote(644_382)),
        row(
            "beta",
            State::ToHot,
            local("standby", 641_939),
            heard(PEER_TIMEOUT, at((4, 12, 18), 859_295), silence),
        ),
    ]);
    let recorded = include_str!("../../../../tests/data/http/get_failover_alpha.txt").replace("\r\n", "\n");
    assert_eq!(inner(&render(&snapshot, &[])), legacy(&recorded));
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let evil = "<script>alert('1')</script>\"&amp;\0\u{202e}";
    let mut resource = row(evil, State::Hot, heard("hot", UNIX_EPOCH, evil), heard("hot", UNIX_EPOCH, evil));
    resource.may_takeover = true;
    let door = DoorStatus { last_error: Some(evil.into()), last_message: Some(evil.into()) };
    let snapshot = StatusSnapshot {
        resources: vec![resource],
        local: door.clone(),
        peer: door,
        ..StatusSnapshot::default()
    };
    let order =
        |force| OperatorOrder { target: Target::OtherSide, resource: evil.into(), force, dry_run: false };
    let notice = |force| PageNotice { text: evil.into(), offer: Some(order(force)) };
    let html = render(&snapshot, &[notice(false), notice(true)]);

    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains('\0'));
    let text = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;amp;\u{fffd}\u{fffd}";
    // Name, two reasons, four in the doors, two notices with a value and a label each, two buttons' values.
    assert_eq!(html.matches(text).count(), 7 + 2 * 3 + 2, "{html}");
}

/// Nothing that follows links gives an order by that (door-8).
#[test]
fn orders_are_buttons_and_not_links() {
    let resources = vec![row("a", State::Hot, None, None), row("b", State::Standby, None, None)];
    let html = render(&doors(resources), &[]);
    assert!(!html.contains("href"), "{html}");
    assert!(html.contains("<button name=\"failover\" value=\"a\">failover</button>"), "{html}");
    assert!(html.contains("<button name=\"takeover\" value=\"b\">takeover</button>"), "{html}");
}

#[test]
fn after_an_order_there_is_a_way_back_that_does_not_repeat_it() {
    let notice = || PageNotice { text: "Failover of a: ordered.".into(), offer: None };
    assert!(render(&StatusSnapshot::default(), &[notice()]).contains("<a href=\"/\">"));
    assert!(!render(&StatusSnapshot::default(), &[]).contains("<a href=\"/\">"));
}

#[test]
fn a_time_that_no_calendar_has_is_a_dash() {
    assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(1 << 60)), "-");
}
