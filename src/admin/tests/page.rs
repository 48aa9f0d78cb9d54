//! The page for browsers, and the legacy requests beside it.

use super::*;

/// What a browser sends when somebody types an address or presses a button.
const BROWSER: &str =
    "User-Agent: Mozilla/5.0 Chrome/140.0\r\nAccept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n";

fn browse(address: SocketAddr, target: &str) -> String {
    exchange(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n{BROWSER}\r\n"))
}

fn press(address: SocketAddr, form: &str, origin: &str) -> String {
    let length = form.len();
    exchange(
        address,
        &format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\n{BROWSER}Origin: {origin}\r\nContent-Length: {length}\r\n\r\n{form}"
        ),
    )
}

/// Name, request, the body of a POST, and what came back.
const RECORDED: [(&str, &str, &str, &str); 7] = [
    ("get_root", "GET / HTTP/1.1", "", include_str!("../../../tests/data/http/get_root.txt")),
    ("get_root_http10", "GET / HTTP/1.0", "", include_str!("../../../tests/data/http/get_root_http10.txt")),
    ("get_unknown", "GET /unknown HTTP/1.1", "", include_str!("../../../tests/data/http/get_unknown.txt")),
    (
        "get_takeover_beta",
        "GET /?takeover=beta HTTP/1.1",
        "",
        include_str!("../../../tests/data/http/get_takeover_beta.txt"),
    ),
    (
        "get_failover_alpha",
        "GET /?failover=alpha HTTP/1.1",
        "",
        include_str!("../../../tests/data/http/get_failover_alpha.txt"),
    ),
    (
        "post_root_takeover_body",
        "POST / HTTP/1.1",
        "takeover=beta",
        include_str!("../../../tests/data/http/post_root_takeover_body.txt"),
    ),
    // Answered since: with 200 and without a body.
    ("head_root", "HEAD / HTTP/1.1", "", include_str!("../../../tests/data/http/head_root.txt")),
];

/// Name and state of each row, as a script cuts them out.
fn rows(page: &str) -> Vec<(&str, &str)> {
    page.split("<tr><td>")
        .skip(1)
        .filter_map(|row| {
            let (name, rest) = row.split_once("</td><td>")?;
            Some((name, rest.split_once("</td>")?.0))
        })
        .collect()
}

/// Each recorded request of a legacy script: the status, the type, and what the table says (H1).
#[test]
fn legacy_requests_have_their_answers() {
    for (name, request, form, recorded) in RECORDED {
        let recorded = recorded.replace("\r\n", "\n");
        let (head, table) = recorded.split_once("\n\n").unwrap();
        let now = rows(table);
        let resources = now.iter().map(|(name, state)| {
            let state = [State::Hot, State::Standby, State::ToHot, State::Failed]
                .into_iter()
                .find(|known| known.legacy_str() == *state)
                .unwrap();
            ResourceStatus::example(name, state)
        });
        let snapshot = StatusSnapshot { resources: resources.collect(), ..StatusSnapshot::default() };
        let (address, seen) = page(Limits::default(), OrderOutcome::Ordered, snapshot);
        let length =
            format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len());
        let length = if form.is_empty() { "" } else { &length };
        let answer = exchange(address, &format!("{request}\r\nHost: {address}\r\n{length}\r\n{form}"));
        let field = |field: &str| head.lines().find_map(|line| line.strip_prefix(field)).map(str::to_owned);
        let is_head = name == "head_root";
        assert_eq!(status_of(&answer), if is_head { 200 } else { status_of(&recorded) }, "{name}");
        assert_eq!(header(&answer, "Content-Type").map(str::to_owned), field("Content-Type: "), "{name}");
        assert_eq!(rows(body(&answer)), if is_head { vec![] } else { now }, "{name}");
        if name == "get_unknown" {
            assert_eq!(Some(body(&answer)), table.lines().next());
        }
        let order = |target, resource: &str| OperatorOrder { target, ..failover(resource) };
        let expected = match name {
            "get_failover_alpha" => vec![failover("alpha")],
            "get_takeover_beta" | "post_root_takeover_body" => vec![order(Target::ThisSide, "beta")],
            _ => vec![],
        };
        assert_eq!(orders(&seen), expected, "{name}");
    }
}

#[test]
fn a_browser_gets_the_page_and_a_script_the_table() {
    let (address, _seen) = default_page();
    let shown = browse(address, "/");
    assert!(body(&shown).contains("<h2>sp ace</h2>"), "{shown}");
    assert_eq!(header(&shown, "Vary"), Some("Accept"));
    let policy = header(&shown, "Content-Security-Policy").unwrap();
    assert!(!policy.contains("unsafe") && policy.starts_with("default-src 'none'"), "{policy}");
    for accept in ["", "Accept: */*\r\n", "Accept: text/plain\r\n"] {
        let told = exchange(address, &format!("GET / HTTP/1.1\r\nHost: {address}\r\n{accept}\r\n"));
        assert!(body(&told).contains("<td>sp ace</td><td>Hot</td>"), "{accept}: {told}");
    }
    assert!(body(&browse(address, "/table")).contains("<td>sp ace</td><td>Hot</td>"));
    for (part, kind) in
        [("/style.css", "text/css; charset=UTF-8"), ("/script.js", "text/javascript; charset=UTF-8")]
    {
        assert_eq!(header(&browse(address, part), "Content-Type"), Some(kind));
    }
}

#[test]
fn the_button_asks_once_and_then_the_form_orders() {
    let (address, seen) = page(Limits::default(), OrderOutcome::Possible, one_hot_resource());
    let asked = browse(address, "/confirm?failover=sp+ace");
    assert_eq!(status_of(&asked), 200);
    assert!(body(&asked).contains("<button class=\"go\" name=\"failover\" value=\"sp ace\">"), "{asked}");
    assert_eq!(orders(&seen), [OperatorOrder { dry_run: true, ..failover("sp ace") }]);

    let own = format!("http://{address}");
    let answer = press(address, "failover=sp+ace", &own);
    assert!(body(&answer).contains("<section id=\"notices\""), "{answer}");
    assert_eq!(orders(&seen), [failover("sp ace")]);
    for path in ["/confirm", "/confirm?explode=x"] {
        assert_eq!(status_of(&browse(address, path)), 404);
    }
    assert_eq!(status_of(&press(address, "failover=sp+ace", "http://evil.example")), 403);
    assert_eq!(orders(&seen), []);
}

#[test]
fn a_form_freezes_and_a_link_does_not() {
    let (address, seen) = default_page();
    let own = format!("http://{address}");
    let frozen = |seen: &Receiver<Asked>| {
        let order = |asked| if let Asked::Freeze(order) = asked { Some(order) } else { None };
        seen.try_iter().filter_map(order).collect::<Vec<_>>()
    };
    let answer = press(address, "freeze=sp+ace&minutes=60&reason=kernel+%3Cb%3E", &own);
    assert_eq!(status_of(&answer), 200);
    assert!(body(&answer).contains("Freeze of sp ace for 1 h: ordered"), "{answer}");
    let order = FreezeOrder {
        resource: "sp ace".into(),
        length: Duration::from_secs(3600),
        reason: "kernel <b>".into(),
    };
    assert_eq!(frozen(&seen), [order]);
    assert_eq!(status_of(&press(address, "thaw=sp+ace", &own)), 200);
    assert_eq!(frozen(&seen)[0].length, Duration::ZERO);
    for form in ["freeze=sp+ace", "freeze=sp+ace&minutes=0", "freeze=sp+ace&minutes=99999999999999999999"] {
        assert_eq!(status_of(&press(address, form, &own)), 400, "{form}");
    }
    assert_eq!(status_of(&press(address, "thaw=sp+ace", "http://evil.example")), 403);
    assert_eq!(status_of(&browse(address, "/?freeze=sp+ace&minutes=60")), 200);
    assert_eq!(frozen(&seen), []);
}

/// The history is there without a folder for it: a sentence says so.
#[test]
fn a_page_without_history_is_a_page() {
    let (address, _seen) = default_page();
    assert!(body(&browse(address, "/history")).contains("cannot be read"));
    assert!(!body(&browse(address, "/")).contains("Whole history"));
}
