//! `/api/v1`, at the page's port and at the control socket.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use schrittmacher_api::{DaemonStatus, OrderAnswer, OrderWord, ReloadAnswer, ResourceState};
use schrittmacher_config::ControlSocket;

use super::*;

/// A control socket with a protocol thread behind it, and the page beside it.
pub(super) struct Control {
    pub _folder: tempfile::TempDir,
    pub door: ControlDoor,
    pub page: SocketAddr,
    pub seen: Receiver<Asked>,
}

pub(super) fn control(limits: Limits, outcome: OrderOutcome, http_control: HttpControl) -> Control {
    with_rights(limits, outcome, rights(http_control))
}

pub(super) fn with_rights(limits: Limits, outcome: OrderOutcome, rights: OrderRights) -> Control {
    let folder = tempfile::tempdir().unwrap();
    let socket = ControlSocket { path: folder.path().join("run/x.sock"), group: None };
    let door = ControlDoor::open(&socket).unwrap();
    let page = free_address();
    let control = Some(door.listener().unwrap());
    let doors = Doors { page: Some(page_at(page)), control, rights, ..doors() };
    let (requests, queue) = sync_channel(16);
    server::spawn(doors, limits, requests, Box::new(|| {})).unwrap();
    let (asked, seen) = channel();
    thread::spawn(move || play(&queue, &asked, outcome, &one_hot_resource()));
    Control { _folder: folder, door, page, seen }
}

fn open(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(GUARD)).unwrap();
    stream
}

pub(super) fn ask(path: &Path, request: &str) -> String {
    let mut stream = open(path);
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(super) fn post(address: SocketAddr, target: &str, headers: &str) -> String {
    exchange(address, &format!("POST {target} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n"))
}

#[test]
fn both_doors_tell_the_same_status() {
    let Control { door, page, _folder, .. } =
        control(Limits::default(), OrderOutcome::Ordered, HttpControl::All);
    for answer in [ask(door.path(), "GET /api/v1/status"), get(page, "/api/v1/status")] {
        assert_eq!(status_of(&answer), 200);
        assert_eq!(header(&answer, "Content-Type"), Some("application/json"));
        let status: DaemonStatus = serde_json::from_str(body(&answer)).unwrap();
        assert_eq!(
            (status.resources[0].name.as_str(), status.resources[0].state.as_str()),
            ("sp ace", "hot")
        );
        assert_eq!((status.summary.resources, status.summary.unprotected), (1, 1));
    }
}

#[test]
fn one_resource_has_its_own_path() {
    let Control { door, page, _folder, .. } =
        control(Limits::default(), OrderOutcome::Ordered, HttpControl::All);
    for answer in
        [ask(door.path(), "GET /api/v1/resources/sp%20ace"), get(page, "/api/v1/resources/sp%20ace")]
    {
        assert_eq!(status_of(&answer), 200);
        let one: ResourceState = serde_json::from_str(body(&answer)).unwrap();
        assert_eq!((one.name.as_str(), one.state.as_str()), ("sp ace", "hot"));
    }
    for target in ["/api/v1/resources/nobody", "/api/v1/resources/", "/api/v1/resources"] {
        assert_eq!(status_of(&get(page, target)), 404, "{target}");
    }
}

/// What a load balancer asks. HAProxy asks by OPTIONS if it is told no method.
#[test]
fn a_probe_is_answered_by_its_status_code() {
    let (address, seen) = default_page();
    let ask = |method: &str, target: &str| exchange(address, &format!("{method} {target} HTTP/1.0\r\n\r\n"));
    for method in ["GET", "HEAD", "OPTIONS"] {
        for (target, expected) in [
            ("/healthz", 200),
            ("/ready", 200),
            ("/hot/sp%20ace", 200),
            ("/standby/sp%20ace", 503),
            ("/hot/x", 404),
        ] {
            let answer = ask(method, target);
            assert_eq!(status_of(&answer), expected, "{method} {target}: {answer}");
            assert_eq!(header(&answer, "Content-Type"), Some("text/plain; charset=UTF-8"));
        }
    }
    assert_eq!(body(&ask("GET", "/standby/sp%20ace")), "hot\n");
    assert_eq!(status_of(&ask("POST", "/hot/sp%20ace")), 405);
    assert_eq!(orders(&seen), []);
}

/// A loop that hangs is not alive.
#[test]
fn without_the_event_loop_a_probe_says_no() {
    let limits = Limits { answer: Duration::from_millis(100), ..Limits::default() };
    let (address, _queue) = start(limits);
    for target in ["/healthz", "/ready", "/hot/x"] {
        assert_eq!(status_of(&get(address, target)), 503, "{target}");
    }
}

#[test]
fn an_order_is_a_path_and_its_answer_a_word() {
    let Control { door, seen, _folder, .. } =
        control(Limits::default(), OrderOutcome::Ordered, HttpControl::None);
    let answer = ask(door.path(), "POST /api/v1/resources/sp%20ace/failover");
    assert_eq!(status_of(&answer), 200);
    let order: OrderAnswer = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!((order.outcome, order.message.as_str()), (OrderWord::Ordered, "failover of sp ace: ordered"));
    ask(door.path(), "POST /api/v1/resources/a%2Fb/takeover?force=yes");
    let forced =
        OperatorOrder { target: Target::ThisSide, resource: "a/b".into(), force: true, dry_run: false };
    assert_eq!(orders(&seen), [failover("sp ace"), forced]);

    // Nothing that only looks gives an order.
    assert_eq!(status_of(&ask(door.path(), "GET /api/v1/resources/a/failover")), 405);
    assert_eq!(status_of(&ask(door.path(), "POST /api/v1/resources/a/explode")), 404);
    assert_eq!(status_of(&ask(door.path(), "POST /api/v1/resources/a")), 405);
    assert_eq!(status_of(&ask(door.path(), "POST /api/v1/status")), 405);
    assert_eq!(orders(&seen), []);
}

#[test]
fn a_refusal_says_whether_force_helps() {
    let refused = |outcome, target: &str| {
        let Control { door, _folder, .. } = control(Limits::default(), outcome, HttpControl::All);
        let answer = ask(door.path(), &format!("POST /api/v1/resources/x/{target}"));
        (status_of(&answer), serde_json::from_str::<OrderAnswer>(body(&answer)).unwrap())
    };
    let (status, answer) = refused(OrderOutcome::Refused(Refusal::NoPeer), "failover");
    assert_eq!((status, answer.outcome, answer.force_helps), (409, OrderWord::Refused, true));
    let (status, answer) = refused(OrderOutcome::Refused(Refusal::AlreadyHot), "takeover");
    assert_eq!((status, answer.outcome, answer.force_helps), (409, OrderWord::Refused, false));
    let (status, answer) = refused(OrderOutcome::NoSuchResource, "takeover");
    assert_eq!((status, answer.outcome), (404, OrderWord::NoSuchResource));
    let (status, answer) = refused(OrderOutcome::Busy(Target::ThisSide), "failover");
    assert_eq!((status, answer.force_helps), (409, true));
    assert_eq!(answer.message, "failover of x: refused: a switch to this side is under way");
}

#[test]
fn a_reload_is_answered_at_the_control_socket_alone() {
    let Control { door, page, seen, _folder } =
        control(Limits::default(), OrderOutcome::Ordered, HttpControl::All);
    assert_eq!(status_of(&post(page, "/api/v1/reload", "")), 403);
    assert_eq!(seen.try_iter().count(), 0);
    let answer = ask(door.path(), "POST /api/v1/reload");
    assert_eq!(status_of(&answer), 422);
    let reload: ReloadAnswer = serde_json::from_str(body(&answer)).unwrap();
    assert!(!reload.in_force);
    assert_eq!(reload.errors[0].message, "nothing to reload here");
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [Asked::Reload { dry_run: false }]);
    ask(door.path(), "POST /api/v1/reload?dry-run=yes");
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [Asked::Reload { dry_run: true }]);
}

/// `http-control`: reading goes on, orders do not (door-8).
#[test]
fn the_page_takes_orders_as_the_configuration_says() {
    let Control { page, seen, _folder, .. } =
        control(Limits::default(), OrderOutcome::Ordered, HttpControl::None);
    for refused in [
        get(page, "/?failover=x"),
        post(page, "/api/v1/resources/x/failover", ""),
        post(page, "/", "Content-Length: 0\r\n"),
    ] {
        assert!(status_of(&refused) == 403 || !body(&refused).contains("rdered"), "{refused}");
    }
    assert!(body(&get(page, "/?failover=x")).contains("http-control = none"));
    assert_eq!(status_of(&get(page, "/")), 200);
    assert_eq!(orders(&seen), []);
    // A client from here is this host.
    let Control { page, seen, _folder, .. } =
        control(Limits::default(), OrderOutcome::Ordered, HttpControl::Loopback);
    assert_eq!(status_of(&get(page, "/?failover=x")), 200);
    assert_eq!(orders(&seen), [failover("x")]);
}

/// A browser on which another site's form posts to the API.
#[test]
fn other_sites_order_nothing_by_the_api() {
    let Control { page, seen, _folder, .. } =
        control(Limits::default(), OrderOutcome::Ordered, HttpControl::All);
    let browser = "User-Agent: Mozilla/5.0\r\nOrigin: http://evil.example\r\n";
    assert_eq!(status_of(&post(page, "/api/v1/resources/x/failover", browser)), 403);
    assert_eq!(orders(&seen), []);
}

/// door-7: whatever happens at the page, the control socket answers.
#[test]
fn slow_clients_of_the_page_do_not_shut_out_the_control_socket() {
    let limits = Limits { header: 10 * GUARD, connection: 10 * GUARD, ..Limits::default() };
    let Control { door, page, _folder, .. } = control(limits, OrderOutcome::Ordered, HttpControl::All);
    let slow: Vec<_> = (0..150).map(|_| connect(page)).collect();
    assert_eq!(status_of(&ask(door.path(), "GET /api/v1/status")), 200);
    drop(slow);
}

#[test]
fn paths_that_do_not_exist_are_404_in_json() {
    let Control { door, _folder, .. } = control(Limits::default(), OrderOutcome::Ordered, HttpControl::All);
    let path: PathBuf = door.path().into();
    for target in ["/api/v1", "/api/v2/status", "/api/v1/status/", "/api/v1/resources//failover/x"] {
        let answer = ask(&path, &format!("GET {target}"));
        assert_eq!(status_of(&answer), 404, "{target}");
        assert!(body(&answer).contains("\"error\""), "{answer}");
    }
}

/// docs/http-api.md names every field of the answers.
#[test]
fn the_reference_has_every_field() {
    fn fields(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    found.push(key.clone());
                    fields(value, found);
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let reference = include_str!("../../../docs/http-api.md");
    let Control { door, _folder, .. } = control(Limits::default(), OrderOutcome::Ordered, HttpControl::All);
    for request in
        ["GET /api/v1/status", "POST /api/v1/reload", "POST /api/v1/resources/x/failover", "GET /api/v1/none"]
    {
        let answer = ask(door.path(), request);
        let mut found = Vec::new();
        fields(&serde_json::from_str(body(&answer)).unwrap(), &mut found);
        assert!(!found.is_empty());
        for field in found {
            let written = [format!("`{field}`"), format!(".{field}`"), format!("\"{field}\"")];
            assert!(
                written.iter().any(|form| reference.contains(form)),
                "{request}: {field} is not explained"
            );
        }
    }
}

#[test]
fn a_freeze_says_for_how_long() {
    let (address, seen) = default_page();
    let post = |target: &str| {
        exchange(address, &format!("POST {target} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: curl/8\r\n\r\n"))
    };
    for nonsense in ["", "?seconds=0", "?seconds=-1", "?seconds=NaN", "?seconds=604801", "?reason=x"] {
        let answer = post(&format!("/api/v1/resources/sp%20ace/freeze{nonsense}"));
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("seconds= has to say"),
            "{nonsense}: {answer}"
        );
    }
    let answer = post("/api/v1/resources/sp%20ace/freeze?seconds=7200&reason=kernel+update");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("THIS SIDE ALONE"), "{answer}");
    let frozen = FreezeOrder {
        resource: "sp ace".into(),
        length: Duration::from_secs(7200),
        reason: "kernel update".into(),
    };
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [Asked::Freeze(frozen)]);
}
