//! The page's thread on a real socket, against a protocol thread that is played.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use schrittmacher_config::HttpControl;
use schrittmacher_protocol::{Refusal, StateName as State};

use super::server::{Doors, Limits};
use super::service::PageFacts;
use super::snapshot::{ResourceStatus, StatusSnapshot};
use super::*;

mod api;
mod limits;
mod page;
mod record;
mod tokens;

/// A hang guard, never a wait.
const GUARD: Duration = Duration::from_secs(20);

/// A place for a listener that no other test has, in this process or another.
fn free_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = (std::process::id() % 0x4000 + 0x4000).to_be_bytes();
    SocketAddr::from(([127, high, low, NEXT.fetch_add(1, Ordering::Relaxed)], 17790))
}

fn page_at(address: SocketAddr) -> Page {
    Page { addresses: vec![address.ip()], port: address.port(), host_names: vec![] }
}

fn start(limits: Limits) -> (SocketAddr, Receiver<AdminRequest>) {
    let address = free_address();
    let (requests, queue) = sync_channel(16);
    spawn_page(page_at(address), limits, requests, || {});
    (address, queue)
}

fn spawn_page(
    page: Page,
    limits: Limits,
    requests: SyncSender<AdminRequest>,
    wake: impl Fn() + Send + Sync + 'static,
) {
    server::spawn(Doors { page: Some(page), ..doors() }, limits, requests, Box::new(wake)).unwrap();
}

fn doors() -> Doors {
    let (local_address, remote_address) = ([127, 0, 0, 2].into(), [127, 0, 0, 3].into());
    let facts = PageFacts {
        local_address,
        remote_address,
        port: 7700,
        started: Instant::now(),
        started_at: SystemTime::now(),
        told: Told::default(),
        level: LogLevel::default(),
        lost: LostLines::default(),
    };
    Doors { page: None, control: None, rights: rights(HttpControl::All), facts }
}

/// The page takes these clients' orders; there are no tokens.
fn rights(http_control: HttpControl) -> OrderRights {
    let text = format!(
        "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\nsecurity = legacy\n\
         http-control = {http_control}\ngroup = resource\nname = r\n"
    );
    OrderRights::new(&schrittmacher_config::load_text("x.conf".as_ref(), &text).unwrap().config.core)
}

/// The request to the played protocol thread.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Status,
    Order(OperatorOrder),
    Freeze(FreezeOrder),
    Reload { dry_run: bool },
}

/// A page with a protocol thread behind it that answers every order with `outcome`.
fn page(limits: Limits, outcome: OrderOutcome, snapshot: StatusSnapshot) -> (SocketAddr, Receiver<Asked>) {
    let (address, queue) = start(limits);
    let (asked, seen) = channel();
    thread::spawn(move || play(&queue, &asked, outcome, &snapshot));
    (address, seen)
}

fn play(
    queue: &Receiver<AdminRequest>,
    asked: &Sender<Asked>,
    outcome: OrderOutcome,
    snapshot: &StatusSnapshot,
) {
    for request in queue {
        match request {
            AdminRequest::Status(reply) => {
                let _ = asked.send(Asked::Status);
                reply.send(snapshot.clone());
            }
            AdminRequest::Figures(reply) => reply.send(metrics::example(snapshot.clone())),
            AdminRequest::Record(..) => panic!("a record was asked for"),
            AdminRequest::Freeze(order, reply) => {
                let _ = asked.send(Asked::Freeze(order));
                reply.send(FreezeOutcome::ThisSideAlone);
            }
            AdminRequest::Reload(ReloadRequest { dry_run, reply }) => {
                let _ = asked.send(Asked::Reload { dry_run });
                reply.send(crate::event_loop::reloader::refused("nothing to reload here"));
            }
            AdminRequest::Order(order, _, reply) => {
                assert!(reply.is_wanted());
                let _ = asked.send(Asked::Order(order));
                reply.send(outcome);
            }
        }
    }
}

fn one_hot_resource() -> StatusSnapshot {
    let resource = ResourceStatus::example("sp ace", State::Hot);
    StatusSnapshot { resources: vec![resource], ..StatusSnapshot::default() }
}

fn default_page() -> (SocketAddr, Receiver<Asked>) {
    page(Limits::default(), OrderOutcome::Ordered, one_hot_resource())
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(GUARD)).unwrap();
    stream
}

/// Everything until the server closes; a reset ends it as well.
fn read_all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("the server does not close: {error}"),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    read_all(stream)
}

fn get(address: SocketAddr, target: &str) -> String {
    exchange(address, &format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: curl/8.14.1\r\n\r\n"))
}

fn status_of(response: &str) -> u16 {
    response.split(' ').nth(1).unwrap_or_else(|| panic!("no status: {response:?}")).parse().unwrap()
}

/// A header's value; names compare without case.
fn header<'a>(response: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = response.split_once("\r\n\r\n")?;
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

fn orders(seen: &Receiver<Asked>) -> Vec<OperatorOrder> {
    let order = |asked| if let Asked::Order(order) = asked { Some(order) } else { None };
    seen.try_iter().filter_map(order).collect()
}

fn failover(resource: &str) -> OperatorOrder {
    OperatorOrder { target: Target::OtherSide, resource: resource.into(), force: false, dry_run: false }
}

#[test]
fn the_status_page() {
    let (address, _seen) = default_page();
    let response = get(address, "/");
    assert_eq!(status_of(&response), 200);
    assert_eq!(header(&response, "Content-Type"), Some("text/html; charset=UTF-8"));
    assert_eq!(header(&response, "Connection"), Some("close"));
    assert_eq!(header(&response, "Cache-Control"), Some("no-store"));
    assert!(header(&response, "Content-Security-Policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(header(&response, "Referrer-Policy"), Some("same-origin"));
    assert_eq!(header(&response, "Content-Length"), Some(body(&response).len().to_string().as_str()));
    assert!(body(&response).contains("<td>sp ace</td><td>Hot</td>"), "{response}");
    assert!(body(&response).contains("<button name=\"failover\" value=\"sp ace\">"), "{response}");
}

#[test]
fn old_and_simple_clients() {
    let (address, _seen) = default_page();
    assert_eq!(status_of(&exchange(address, "GET / HTTP/1.0\r\n\r\n")), 200);
    assert_eq!(status_of(&exchange(address, "GET / HTTP/1.1\r\n\r\n")), 200);
    assert_eq!(status_of(&exchange(address, "GET / HTTP/1.1\nHost: localhost\n\n")), 200);
}

#[test]
fn a_client_may_close_its_half_before_it_reads() {
    let (address, queue) = start(Limits::default());
    let next_reply = || match queue.recv_timeout(GUARD).unwrap() {
        AdminRequest::Order(_, _, reply) => reply,
        AdminRequest::Status(_)
        | AdminRequest::Figures(_)
        | AdminRequest::Record(..)
        | AdminRequest::Freeze(..)
        | AdminRequest::Reload(_) => {
            panic!("an order was expected")
        }
    };
    let mut netcat = connect(address);
    netcat.write_all(b"GET /?failover=x HTTP/1.0\r\n\r\n").unwrap();
    netcat.shutdown(Shutdown::Write).unwrap();
    let reply = next_reply();
    // Once the second request is here, the end of the first connection's input has been seen as well.
    let mut second = connect(address);
    second.write_all(b"GET /?failover=y HTTP/1.0\r\n\r\n").unwrap();
    let _second_reply = next_reply();

    assert!(reply.is_wanted());
    reply.send(OrderOutcome::Ordered);
    let AdminRequest::Status(reply) = queue.recv_timeout(GUARD).unwrap() else {
        panic!("no status asked for")
    };
    reply.send(StatusSnapshot::default());
    assert_eq!(status_of(&read_all(netcat)), 200);
}

#[test]
fn methods_as_http_wants_them() {
    let (address, seen) = default_page();
    let request = |method: &str, target: &str| {
        exchange(address, &format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
    };
    let shown = get(address, "/");

    let head = request("HEAD", "/?failover=sp%20ace");
    assert_eq!(status_of(&head), 200);
    assert_eq!(body(&head), "");
    assert_eq!(header(&head, "Content-Length"), header(&shown, "Content-Length"));

    for target in ["/", "*", "/?failover=sp%20ace"] {
        let options = request("OPTIONS", target);
        assert_eq!(status_of(&options), 204, "{target}");
        assert_eq!(header(&options, "Allow"), Some("GET, HEAD, POST, PUT, OPTIONS"));
        assert_eq!(header(&options, "X-Frame-Options"), Some("DENY"), "{target}");
    }
    for method in ["DELETE", "PATCH", "TRACE", "get"] {
        let refused = request(method, "/?failover=sp%20ace");
        assert_eq!(status_of(&refused), 405, "{method}");
        assert!(header(&refused, "Allow").is_some());
        assert_eq!(header(&refused, "X-Content-Type-Options"), Some("nosniff"), "{method}");
    }
    assert_eq!(orders(&seen), []);

    assert_eq!(status_of(&request("PUT", "/?failover=x")), 200);
    assert_eq!(orders(&seen), [failover("x")]);
}

#[test]
fn other_paths_do_not_exist() {
    let (address, seen) = default_page();
    for target in ["/unknown", "//", "/index.html?failover=sp%20ace", "/%2e%2e/", "/metrics/x"] {
        let response = get(address, target);
        assert_eq!(status_of(&response), 404, "{target}");
        assert_eq!(body(&response), "404, page not found");
    }
    assert_eq!(seen.try_iter().count(), 0);
}

#[test]
fn orders_reach_the_protocol_thread_decoded() {
    let (address, seen) = default_page();
    get(address, "/");
    let response = get(address, "/?failover=sp%20ace");
    assert_eq!(status_of(&response), 200);
    assert!(body(&response).contains("Failover of sp ace: ordered."), "{response}");
    // The page is read after the order, whatever was cached.
    let expected = [Asked::Status, Asked::Order(failover("sp ace")), Asked::Status];
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), expected);

    let form = "takeover=%c3%a9+x&force=yes";
    let post = |target: &str| {
        let length = form.len();
        exchange(
            address,
            &format!("POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{form}"),
        )
    };
    assert_eq!(status_of(&post("/?failover=not%20from%20here")), 200);
    assert_eq!(
        orders(&seen),
        [OperatorOrder { target: Target::ThisSide, resource: "é x".into(), force: true, dry_run: false }]
    );
}

#[test]
fn a_refused_order_says_so() {
    let refused = OrderOutcome::Refused(Refusal::NoPeer);
    let (address, seen) = page(Limits::default(), refused, one_hot_resource());
    let response = get(address, "/?failover=sp%20ace");
    assert_eq!(status_of(&response), 409);
    let why = schrittmacher_text::wording::refusal(Refusal::NoPeer);
    assert!(body(&response).contains(&format!("Failover of sp ace: refused: {why}.")), "{response}");
    assert!(body(&response).contains("<td>sp ace</td><td>Hot</td>"), "the page is shown all the same");
    assert!(body(&response).contains("name=\"force\" value=\"yes\""), "{response}");
    assert_eq!(orders(&seen), [failover("sp ace")]);

    let response = get(address, "/?failover=sp%20ace&force=yes");
    assert_eq!(orders(&seen), [OperatorOrder { force: true, ..failover("sp ace") }]);
    assert!(!body(&response).contains("name=\"force\""), "force was refused: nothing more to offer");

    let (address, _seen) = page(Limits::default(), OrderOutcome::NoSuchResource, one_hot_resource());
    let response = get(address, "/?takeover=%3Cb%3Ex");
    assert_eq!(status_of(&response), 404);
    assert!(body(&response).contains("Takeover of &lt;b&gt;x: refused: there is no resource of this name."));
}

#[test]
fn other_sites_order_nothing() {
    let (address, seen) = default_page();
    let browser = "User-Agent: Mozilla/5.0 Chrome/140.0\r\n";
    let attempt = |host: &str, more: &str| {
        exchange(address, &format!("GET /?failover=sp%20ace HTTP/1.1\r\nHost: {host}\r\n{browser}{more}\r\n"))
    };
    let own = address.to_string();

    // The request of <img src=http://node:7700/?failover=…>, with and without a referrer.
    for more in ["Referer: http://evil.example/\r\n", "", "Sec-Fetch-Site: cross-site\r\n"] {
        let response = attempt(&own, more);
        assert_eq!(status_of(&response), 403, "{more}");
        assert!(body(&response).contains("<button name=\"failover\" value=\"sp ace\">"), "{response}");
        assert!(body(&response).contains("<td>sp ace</td>"), "the page is shown all the same");
    }
    let rebound = attempt("evil.example:17790", "Sec-Fetch-Site: same-origin\r\n");
    assert_eq!(status_of(&rebound), 403);
    assert!(body(&rebound).contains("http-host = evil.example"), "{rebound}");
    assert_eq!(header(&rebound, "Content-Type"), Some("text/plain; charset=UTF-8"));
    // Nor does a page of somebody else read through a browser whose name server points here (door-8).
    for path in ["/", "/record", "/api/v1/status"] {
        let foreign = exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
        assert_eq!(status_of(&foreign), 403, "{path}: {foreign}");
    }
    assert_eq!(seen.try_iter().filter(|asked| *asked != Asked::Status).count(), 0);

    // The button works.
    let form = "failover=sp+ace";
    let length = form.len();
    let pressed = exchange(
        address,
        &format!(
            "POST / HTTP/1.1\r\nHost: {own}\r\n{browser}Origin: http://{own}\r\nContent-Length: {length}\r\n\r\n{form}"
        ),
    );
    assert_eq!(status_of(&pressed), 200);
    assert_eq!(orders(&seen), [failover("sp ace")]);
}

#[test]
fn each_request_wakes_the_protocol_thread() {
    let address = free_address();
    let (requests, queue) = sync_channel(16);
    let (wake, woken) = channel();
    spawn_page(page_at(address), Limits::default(), requests, move || wake.send(()).unwrap());
    let client = thread::spawn(move || get(address, "/"));
    woken.recv_timeout(GUARD).unwrap();
    let Ok(AdminRequest::Status(reply)) = queue.try_recv() else { panic!("woken without a request") };
    reply.send(StatusSnapshot::default());
    assert_eq!(status_of(&client.join().unwrap()), 200);
}

#[test]
fn all_addresses_are_ipv4_and_ipv6() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let page = Page {
        addresses: vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        port,
        host_names: vec![],
    };
    let (requests, queue) = sync_channel(16);
    spawn_page(page, Limits::default(), requests, || {});
    thread::spawn(move || play(&queue, &channel().0, OrderOutcome::Ordered, &StatusSnapshot::default()));
    assert_eq!(status_of(&get(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "/")), 200);
    if TcpListener::bind("[::1]:0").is_ok() {
        assert_eq!(status_of(&get(SocketAddr::from((Ipv6Addr::LOCALHOST, port)), "/")), 200);
    } else {
        schrittmacher_testkit::skip("all_addresses_are_ipv4_and_ipv6", "no IPv6");
    }
}
