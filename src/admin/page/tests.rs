use askama::Template;
use jiff::Zoned;
use schrittmacher_api::{
    ApplicationState, DaemonStatus, Frozen, HistoryEntry, HistoryKind, LastSwitch, PeerLink, PeerNode,
    PeerProof, ResourceState, ServiceLevel, SwitchDirection,
};
use schrittmacher_testkit::status::{daemon as status, resource as one};

use super::*;
use crate::admin::order::{OrderOutcome, Target};

const EVIL: &str = "<script>alert('1')</script>\"&amp;\0\u{202e}";

fn protected(name: &str) -> ResourceState {
    one(name, "hot", Some("standby"), ServiceLevel::Protected)
}

fn failed_peer(name: &str) -> ResourceState {
    one(name, "hot", Some("failed"), ServiceLevel::Unprotected)
}

fn now() -> Zoned {
    "2026-11-28T12:00:00+00:00[UTC]".parse().unwrap()
}

fn render(status: &DaemonStatus, history: &[HistoryEntry], wish: &Wish) -> String {
    let scene =
        Scene { status, history: Some(history), door: OrderDoor::Open, notices: &[], wish, now: &now() };
    Page::new(&scene).render().unwrap()
}

fn shown(resources: Vec<ResourceState>) -> String {
    render(&status(resources), &[], &Wish::default())
}

/// The text without tags, and one space between words.
fn words(html: &str) -> String {
    let text: String =
        html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn both_sides_are_told_with_names_ages_and_words() {
    let mut status = status(vec![protected("smsc-1")]);
    status.peer.link =
        Some(PeerLink { round_trip_seconds: Some(0.000_43), recently_sent: 1500, recently_lost: 2 });
    let html = words(&render(&status, &[], &Wish::default()));
    for text in [
        "host-a peer host-b ✓ heard 0.1 s ago",
        "security legacy round trip 0.4 ms, loss 2 of 1500 the peer has to name this run up",
        "✓ the resource is protected",
        "smsc-1 ● hot host-a, here for 12 d 4 h ○ standby host-b for 3 min ✓ protected Switch to host-b…",
        "Last switch: 11:59:00 hot here: the peer handed over",
    ] {
        assert!(html.contains(text), "{text}: {html}");
    }
}

#[test]
fn problems_come_first_and_at_the_top_in_a_sentence() {
    let mut held = protected("held");
    held.troubles = vec!["`start-action` has failed".into()];
    let both = one("both", "hot", Some("hot"), ServiceLevel::BothHot);
    let html = shown(vec![protected("calm"), held, failed_peer("billing"), both]);
    let place = |name: &str| html.find(&format!("<h2>{name}</h2>")).unwrap();
    assert!(place("both") < place("billing"));
    assert!(place("billing") < place("held"));
    assert!(place("held") < place("calm"));
    let words = words(&html);
    assert!(words.contains("✕ 2 of 4 not protected, 1 hot on both sides"), "{words}");
    assert!(
        words.contains("billing is not protected: the peer&#39;s application has failed. If host-a fails now, nobody takes over."),
        "{words}"
    );
    assert!(words.contains("held `start-action` has failed."), "{words}");
    assert!(!words.contains("calm is"), "{words}");
}

#[test]
fn a_peer_that_is_not_heard_is_one_warning() {
    let silent = |number| one(&format!("r{number}"), "hot", None, ServiceLevel::Unprotected);
    let mut status = status((0..300).map(silent).collect());
    status.peer = PeerNode {
        heard: false,
        heard_seconds_ago: Some(180.0),
        program: None,
        link: None,
        paths: Vec::new(),
        proof: PeerProof::Run,
    };
    let html = words(&render(&status, &[], &Wish::default()));
    assert!(
        html.contains("host-b has not been heard for 3 min. If host-a fails now, nobody takes over."),
        "{html}"
    );
    assert!(!html.contains("r7 is not protected"), "{html}");
}

#[test]
fn an_order_is_a_question_first_and_only_if_it_can_be_meant() {
    let html = shown(vec![protected("a b&c")]);
    assert!(html.contains("href=\"/confirm?failover=a+b%26c\""), "{html}");
    assert!(!html.contains("method=\"post\""), "{html}");
    let html = shown(vec![failed_peer("billing")]);
    assert!(words(&html).contains("no healthy peer"), "{html}");
    let html = shown(vec![one("x", "standby", Some("hot"), ServiceLevel::Protected)]);
    assert!(html.contains("href=\"/confirm?takeover=x\""), "{html}");

    let status = status(vec![protected("x")]);
    let (now, wish) = (now(), Wish::default());
    let with = |door| {
        let scene = Scene { status: &status, history: None, door, notices: &[], wish: &wish, now: &now };
        Page::new(&scene).render().unwrap()
    };
    let html = with(OrderDoor::Closed("http-control = none".to_owned()));
    assert!(!html.contains("/confirm"), "{html}");
    assert!(html.contains("No orders from here: http-control = none."), "{html}");
    let html = with(OrderDoor::Token);
    assert!(html.contains("/confirm") && html.contains("An order needs a token."), "{html}");
}

#[test]
fn the_question_says_what_would_happen_and_offers_force_only_where_it_helps() {
    use schrittmacher_protocol::Refusal;
    let status = status(vec![protected("smsc")]);
    let at = |query: &str, outcome, door| {
        let question = Question::parse(query.as_bytes()).unwrap();
        QuestionPage::new(&question, &status, outcome, door).render().unwrap()
    };
    let ask = |query: &str, outcome, denied: Option<String>| {
        at(query, outcome, denied.map_or(OrderDoor::Open, OrderDoor::Closed))
    };
    let html = ask("failover=smsc", Some(OrderOutcome::Possible), None);
    assert!(
        html.contains("<button class=\"go\" name=\"failover\" value=\"smsc\">Switch to host-b</button>"),
        "{html}"
    );
    assert!(html.contains("smsc is hot on host-a; standby on host-b, heard 100 ms ago."), "{html}");
    assert!(!html.contains("force") && !html.contains("token"), "{html}");
    let html = at("failover=smsc", Some(OrderOutcome::Possible), OrderDoor::Token);
    assert!(html.contains("name=\"token\" type=\"password\"") && html.contains("class=\"go\""), "{html}");
    let html = ask("failover=smsc", Some(OrderOutcome::Refused(Refusal::NoPeer)), None);
    assert!(html.contains("name=\"force\" value=\"yes\""), "{html}");
    assert!(html.contains("Switch to host-b by force"), "{html}");
    for (query, outcome, denied) in [
        ("takeover=smsc", Some(OrderOutcome::Refused(Refusal::AlreadyHot)), None),
        ("takeover=smsc", Some(OrderOutcome::Joined), None),
        ("takeover=nobody", Some(OrderOutcome::NoSuchResource), None),
        ("freeze=nobody", None, None),
        ("failover=smsc", None, Some("http-control = none".to_owned())),
    ] {
        let html = ask(query, outcome, denied);
        assert!(!html.contains("<form"), "{query}: {html}");
        assert!(html.contains("class=\"refused\""), "{query}: {html}");
    }
    assert!(ask("freeze=smsc", None, None).contains("name=\"freeze\" value=\"smsc\""));
    assert!(ask("thaw=smsc", None, None).contains("name=\"thaw\" value=\"smsc\""));
    assert_eq!(Question::parse(b"explode=smsc"), None);
}

#[test]
fn many_resources_are_filtered_and_come_in_parts() {
    let mut all: Vec<_> = (0..1200).map(|number| protected(&format!("r{number}"))).collect();
    all[1100] = failed_peer("r1100");
    let status = status(all);
    let count = |wish: &Wish| {
        let html = render(&status, &[], wish);
        (html.matches("<article").count(), html)
    };
    let (cards, html) = count(&Wish::default());
    assert_eq!(cards, 500);
    assert!(words(&html).contains("1 to 500 of 1200 resources next"), "{}", words(&html));
    assert!(html.find("<h2>r1100</h2>").unwrap() < html.find("<h2>r0</h2>").unwrap());
    let (cards, html) = count(&Wish { skip: 1000, ..Wish::default() });
    assert_eq!(cards, 200);
    assert!(words(&html).contains("1001 to 1200 of 1200 resources previous"));
    assert_eq!(count(&Wish { problems: true, ..Wish::default() }).0, 1);
    assert_eq!(count(&Wish { find: "R119".into(), ..Wish::default() }).0, 11);
    let (cards, html) = count(&Wish { find: "nothing".into(), ..Wish::default() });
    assert_eq!(cards, 0);
    assert!(html.contains("No resource is like that."));
}

#[test]
fn the_history_is_with_its_resource_and_survives_the_last_switch() {
    let entry = |time: &str, kind, state: Option<&str>, text: &str, by: Option<&str>| HistoryEntry {
        time: time.into(),
        resource: "smsc".into(),
        kind,
        state: state.map(str::to_owned),
        text: text.into(),
        by: by.map(str::to_owned),
    };
    let entries = [
        entry("2026-11-27T12:00:00Z", HistoryKind::State, Some("hot"), "going-hot -> hot: it is hot", None),
        entry("2026-11-27T12:00:01Z", HistoryKind::Service, None, "hot here, 25 ms later", None),
        entry("2026-11-28T11:00:00Z", HistoryKind::Order, None, "failover of smsc: refused", Some("user 0")),
    ];
    let mut resource = protected("smsc");
    resource.last_switch = None;
    let page = words(&render(&status(vec![resource]), &entries, &Wish::default()));
    assert!(page.contains("Last switch: 2026-11-27 12:00:01 hot here, 25 ms later"), "{page}");
    assert!(page.contains("2026-11-28 11:00:00.000 failover of smsc: refused (by user 0)"), "{page}");

    let log = LogPage::new("host-a", "", Some(&entries), &now()).render().unwrap();
    let place = |text: &str| log.find(text).unwrap();
    assert!(place("refused") < place("25 ms later"), "newest first");
    assert!(LogPage::new("host-a", "", None, &now()).render().unwrap().contains("cannot be read"));
    let none = LogPage::new("host-a", "other", Some(&entries), &now()).render().unwrap();
    assert!(none.contains("Nothing is kept."), "{none}");
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let mut resource = one(EVIL, EVIL, Some("failed"), ServiceLevel::NobodyHot);
    resource.explanation = Some(EVIL.into());
    resource.troubles = vec![EVIL.into()];
    resource.frozen = Some(Frozen { seconds_left: 60.0, reason: Some(EVIL.into()) });
    resource.peer.reason = Some(EVIL.into());
    resource.application = ApplicationState {
        failed: true,
        heard_seconds_ago: Some(1.0),
        state: Some(EVIL.into()),
        reason: Some(EVIL.into()),
    };
    resource.last_switch = Some(LastSwitch {
        direction: SwitchDirection::Away,
        cause: EVIL.into(),
        by: Some(EVIL.into()),
        without_service_seconds: Some(f64::INFINITY),
        seconds_ago: f64::NAN,
    });
    resource.address = Some(schrittmacher_api::ServiceAddress {
        addresses: vec![EVIL.into()],
        interface: EVIL.into(),
        up: Some(true),
    });
    let entry = |kind, state: Option<&str>| HistoryEntry {
        time: "2026-11-27T12:00:00Z".into(),
        resource: EVIL.into(),
        kind,
        state: state.map(str::to_owned),
        text: EVIL.into(),
        by: Some(EVIL.into()),
    };
    let mut strange = entry(HistoryKind::Order, None);
    strange.time = EVIL.into();
    let entries = [entry(HistoryKind::State, Some(EVIL)), entry(HistoryKind::Service, None), strange];
    let mut status = status(vec![resource]);
    status.host = EVIL.into();
    status.remote_host = Some(EVIL.into());
    let order =
        OperatorOrder { target: Target::OtherSide, resource: EVIL.into(), force: true, dry_run: false };
    let notices = [PageNotice { text: EVIL.into(), offer: Some(order) }];
    let wish = Wish { find: EVIL.into(), ..Wish::default() };
    let (now, door) = (now(), OrderDoor::Closed(EVIL.to_owned()));
    let scene =
        Scene { status: &status, history: Some(&entries), door, notices: &notices, wish: &wish, now: &now };
    let pages = [
        Page::new(&scene).render().unwrap(),
        Page::new(&Scene { wish: &Wish::default(), door: OrderDoor::Open, ..scene }).render().unwrap(),
        LogPage::new(EVIL, "", Some(&entries), &now).render().unwrap(),
        LogPage::new(EVIL, EVIL, Some(&entries), &now).render().unwrap(),
    ];
    let asked = ["failover", "takeover", "freeze", "thaw"].map(|key| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair(key, EVIL).finish();
        let question = Question::parse(query.as_bytes()).unwrap();
        QuestionPage::new(&question, &status, None, OrderDoor::Open).render().unwrap()
    });
    for html in pages.iter().chain(&asked) {
        let own = "<script src=\"/script.js\" defer></script>";
        assert!(!html.replace(own, "").contains("<script"), "{html}");
        assert!(!html.contains("alert('1')"), "{html}");
        assert!(!html.contains(['\0', '\u{202e}']), "{html}");
        assert!(
            html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;amp;\u{fffd}\u{fffd}"),
            "{html}"
        );
        // Nothing that the page's policy would forbid, so that no rule has to be loosened.
        assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains("onclick"), "{html}");
    }
}

/// Ten thousand resources are no more than one page of them.
#[test]
fn a_page_is_bounded() {
    let status = status((0..10_000).map(|number| failed_peer(&format!("r{number}"))).collect());
    let begun = std::time::Instant::now();
    let html = render(&status, &[], &Wish::default());
    println!("{} bytes in {:?}", html.len(), begun.elapsed());
    assert!(html.len() < 2_000_000, "{}", html.len());
}
