//! Orders at the page's port by a token.

use schrittmacher_config::Config;

use super::api::{Control, ask, post, with_rights};
use super::*;

const TOKEN: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "f00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ORDER: &str = "/api/v1/resources/sp%20ace/failover";

/// A strict configuration whose token file has this token, under the name `operator`.
fn config(token: &str) -> Config {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = |name: &str, line: String| {
        let path = folder.path().join(name);
        fs::write(&path, line).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let key = secret("peer.key", format!("key00001 {}\n", "7b".repeat(31) + "7c"));
    let tokens = secret("order.token", format!("operator {token}\n"));
    let text = format!(
        "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\nsecurity = strict\n\
         auth-key-file = {key}\norder-token-file = {tokens}\ngroup = resource\nname = r\n"
    );
    schrittmacher_config::load_text("x.conf".as_ref(), &text).unwrap_or_else(|error| panic!("{error}")).config
}

/// The doors of a strict daemon with [`TOKEN`], and whose orders it takes.
fn strict() -> (Control, OrderRights) {
    let core = config(TOKEN).core;
    assert_eq!(core.http_control, HttpControl::None);
    let rights = OrderRights::new(&core);
    let doors = with_rights(Limits::default(), OrderOutcome::Ordered, rights.clone());
    (doors, rights)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn form(address: SocketAddr, form: &str) -> String {
    let length = form.len();
    exchange(
        address,
        &format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nContent-Length: {length}\r\n\r\n{form}"
        ),
    )
}

#[test]
fn in_strict_an_order_at_the_page_needs_a_token() {
    let (Control { page, seen, door, _folder }, _) = strict();
    let refused = [
        post(page, ORDER, ""),
        post(page, ORDER, &bearer(OTHER)),
        post(page, ORDER, &bearer(&TOKEN[2..])),
        post(page, ORDER, &format!("Authorization: Basic {TOKEN}\r\n")),
        post(page, &format!("{ORDER}?token={TOKEN}"), ""),
        post(page, "/api/v1/resources/sp%20ace/freeze?seconds=60", ""),
        get(page, "/?failover=sp%20ace"),
        get(page, &format!("/?failover=sp%20ace&token={TOKEN}")),
        form(page, "failover=sp+ace"),
        form(page, &format!("failover=sp+ace&token={OTHER}")),
        form(page, &format!("freeze=sp+ace&minutes=1&token={OTHER}")),
    ];
    for answer in refused {
        assert_eq!(status_of(&answer), 401, "{answer}");
        assert_eq!(header(&answer, "WWW-Authenticate"), Some("Bearer"), "{answer}");
        assert!(!answer.contains(TOKEN), "{answer}");
    }
    assert_eq!(seen.try_iter().filter(|asked| *asked != Asked::Status).count(), 0);

    assert_eq!(status_of(&post(page, ORDER, &bearer(TOKEN))), 200);
    assert_eq!(status_of(&form(page, &format!("failover=sp+ace&token={TOKEN}"))), 200);
    let scripted = format!("GET /?failover=sp%20ace HTTP/1.1\r\nHost: {page}\r\n{}\r\n", bearer(TOKEN));
    assert_eq!(status_of(&exchange(page, &scripted)), 200);
    assert_eq!(orders(&seen), [failover("sp ace"), failover("sp ace"), failover("sp ace")]);
    // A reload shows lines of the file: no token opens it.
    assert_eq!(status_of(&post(page, "/api/v1/reload", &bearer(TOKEN))), 403);
    assert_eq!(status_of(&ask(door.path(), &format!("POST {ORDER}"))), 200);
}

/// The page asks for the token in its own form.
#[test]
fn the_page_asks_for_the_token() {
    let (Control { page, _folder, .. }, _) = strict();
    let browse = |target: &str| {
        exchange(page, &format!("GET {target} HTTP/1.1\r\nHost: {page}\r\nAccept: text/html\r\n\r\n"))
    };
    assert!(body(&browse("/")).contains("An order needs a token."));
    assert!(body(&browse("/confirm?freeze=sp+ace")).contains("name=\"token\" type=\"password\""));
    // One that forgot it gets another chance there.
    let refused = form(page, "failover=sp+ace");
    let (notice, _) = body(&refused).split_once("Back to the status").unwrap();
    assert!(notice.contains("name=\"token\"") && notice.contains("name=\"failover\""), "{notice}");
}

#[test]
fn wrong_tokens_are_limited_and_the_control_socket_goes_on() {
    let (Control { page, seen, door, _folder }, _) = strict();
    for _ in 0..10 {
        assert_eq!(status_of(&post(page, ORDER, &bearer(OTHER))), 401);
    }
    for token in [OTHER, TOKEN] {
        let answer = post(page, ORDER, &bearer(token));
        assert_eq!((status_of(&answer), header(&answer, "Retry-After")), (429, Some("60")), "{answer}");
    }
    assert_eq!(status_of(&get(page, "/")), 200, "reading goes on");
    assert_eq!(orders(&seen), []);
    assert_eq!(status_of(&ask(door.path(), &format!("POST {ORDER}"))), 200);
    assert_eq!(orders(&seen), [failover("sp ace")]);
}

#[test]
fn a_reload_exchanges_the_tokens() {
    let (Control { page, _folder, .. }, rights) = strict();
    rights.put(&config(OTHER).core);
    assert_eq!(status_of(&post(page, ORDER, &bearer(TOKEN))), 401);
    assert_eq!(status_of(&post(page, ORDER, &bearer(OTHER))), 200);
}
