use std::time::{Duration, UNIX_EPOCH};

use schrittmacher_protocol::StateName as State;
use schrittmacher_wire::{AppCode, PeerCode};

use super::super::snapshot::{PEER_TIMEOUT, app_word, peer_word};
use super::*;

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
    ResourceStatus {
        name: name.into(),
        state,
        last_local,
        last_remote,
        may_failover: state == State::Hot,
        may_takeover: state == State::Standby,
    }
}

fn doors(resources: Vec<ResourceStatus>) -> Snapshot {
    let door = |message: &str| DoorStatus { last_error: None, last_message: Some(message.into()) };
    Snapshot { resources, local: door("Zed: LUNK"), peer: door("Zed: FAIL") }
}

/// A page of the legacy program with the differences that are meant: no Lock column, text escaped, no time
/// where nothing was received.
fn legacy(recorded: &str) -> String {
    let (_, body) = recorded.split_once("\n\n").unwrap();
    let body = body.strip_suffix("\n<<closed by server>>\n").unwrap();
    let mut page = body.replace("<th>Lock</th>\n", "").replace("remote <b>", "remote &lt;b&gt;");
    while let Some(lock) = page.find("<td><UMMutex") {
        let end = lock + page[lock..].find("</td>").unwrap() + "</td>".len();
        page.replace_range(lock..end, "");
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
    let recorded = include_str!("../../../tests/data/http/get_root.txt").replace("\r\n", "\n");
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
    let recorded = include_str!("../../../tests/data/http/get_failover_alpha.txt").replace("\r\n", "\n");
    assert_eq!(inner(&render(&snapshot, &[])), legacy(&recorded));
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let evil = "<script>alert('1')</script>\"&amp;\0";
    let mut resource = row(evil, State::Hot, heard("hot", UNIX_EPOCH, evil), heard("hot", UNIX_EPOCH, evil));
    resource.may_takeover = true;
    let door = DoorStatus { last_error: Some(evil.into()), last_message: Some(evil.into()) };
    let snapshot = Snapshot { resources: vec![resource], local: door.clone(), peer: door };
    let notice =
        |force| Notice { text: evil.into(), offer: Some(Order::Failover { resource: evil.into(), force }) };
    let html = render(&snapshot, &[notice(false), notice(true)]);

    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains('\0'));
    let text = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;amp;\u{fffd}";
    // Name, two reasons, four in the doors, two notices with a value and a label each.
    assert_eq!(html.matches(text).count(), 7 + 2 * 3, "{html}");
    let link = "<a href=/?failover=%3Cscript%3Ealert%28%271%27%29%3C%2Fscript%3E%22%26amp%3B%00>failover</a>";
    assert!(html.contains(link), "{html}");
}

#[test]
fn links_lead_back_to_the_name() {
    let name = "sp ace/é+&=%<>#?";
    let html = render(&doors(vec![row(name, State::Standby, None, None)]), &[]);
    let (_, rest) = html.split_once("<a href=/?").unwrap();
    let (query, _) = rest.split_once('>').unwrap();
    let orders = super::super::order::parse(query.as_bytes());
    assert_eq!(orders, [Order::Takeover { resource: name.into() }]);
}

#[test]
fn after_an_order_there_is_a_way_back_that_does_not_repeat_it() {
    let notice = || Notice { text: "Failover of a: ordered.".into(), offer: None };
    assert!(render(&Snapshot::default(), &[notice()]).contains("<a href=\"/\">"));
    assert!(!render(&Snapshot::default(), &[]).contains("<a href=\"/\">"));
}

#[test]
fn a_time_that_no_calendar_has_is_a_dash() {
    assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(1 << 60)), "-");
}
