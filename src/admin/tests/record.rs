//! `/record`: what it hands out, to whom, and what that can cost.

use schrittmacher_protocol::{Event, Resource, Time};
use schrittmacher_wire::AppCode;

use super::super::record::AT_ONCE;
use super::*;
use schrittmacher_record::{Reader, RecordedResource};

const TYPE: &str = "application/jsonl";

/// The memory of a daemon with these resources.
fn recorded(names: &[&str]) -> schrittmacher_record::Snapshot {
    let settings = schrittmacher_testkit::settings(0);
    let mut resource = Resource::new(settings, Time::ZERO);
    resource.handle(Time::ZERO, Event::App(Some(AppCode::Lsby)));
    let resources = names.iter().map(|name| RecordedResource {
        name: (*name).to_owned(),
        flight_record: resource.flight_record().clone(),
        facts: Vec::new(),
    });
    let resources = resources.collect();
    schrittmacher_record::Snapshot { taken: SystemTime::UNIX_EPOCH, clock: Time::ZERO, resources }
}

/// A page over a protocol thread that has these resources, and what was asked of it.
fn page_of(limits: Limits, names: &'static [&'static str]) -> (SocketAddr, Receiver<Vec<String>>) {
    let (address, queue) = start(limits);
    let (asked, seen) = channel();
    thread::spawn(move || {
        for request in queue {
            let AdminRequest::Record(wanted, reply) = request else { panic!("no record: {request:?}") };
            let wanted: Vec<String> = wanted.into_iter().collect();
            let all = names.to_vec();
            let found: Vec<&str> =
                if wanted.is_empty() { all } else { wanted.iter().map(String::as_str).collect() };
            let there = found.iter().all(|name| names.contains(name));
            let answer = there.then(|| recorded(&found));
            let _ = asked.send(wanted.clone());
            reply.send(answer);
        }
    });
    (address, seen)
}

/// The body of a response whose length was not known when it began.
fn unchunked(response: &str) -> String {
    assert_eq!(header(response, "Transfer-Encoding"), Some("chunked"), "{response}");
    let mut rest = body(response);
    let mut text = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n").unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return text;
        }
        text.push_str(&after[..length]);
        rest = &after[length + 2..];
    }
}

fn names_in(response: &str) -> Vec<String> {
    let text = unchunked(response);
    Reader::new(text.as_bytes()).unwrap().map(|resource| resource.unwrap().resource).collect()
}

#[test]
fn it_has_every_resource_or_those_that_are_named() {
    let (address, seen) = page_of(Limits::default(), &["b", "a x"]);
    let response = get(address, "/record");
    assert_eq!(status_of(&response), 200);
    assert_eq!(header(&response, "Content-Type"), Some(TYPE));
    assert_eq!(header(&response, "Cache-Control"), Some("no-store"));
    assert_eq!(header(&response, "X-Content-Type-Options"), Some("nosniff"));
    assert_eq!(names_in(&response), ["b", "a x"]);
    assert_eq!(names_in(&get(address, "/record?resource=a%20x&resource=a+x")), ["a x"]);
    // An order elsewhere is none here.
    assert_eq!(names_in(&get(address, "/record?failover=b&resource=b")), ["b"]);
    let unknown = get(address, "/record?resource=a&resource=%3Cscript%3E");
    assert_eq!((status_of(&unknown), body(&unknown)), (404, "404, no such resource"));
    let asked: Vec<_> = seen.try_iter().collect();
    assert_eq!(asked, [vec![], vec!["a x"], vec!["b"], vec!["<script>", "a"]]);
    // An old client gets it in one piece.
    let old = exchange(address, "GET /record HTTP/1.0\r\n\r\n");
    assert_eq!(Reader::new(body(&old).as_bytes()).unwrap().count(), 2);
}

#[test]
fn methods_as_http_wants_them() {
    let (address, seen) = page_of(Limits::default(), &["a"]);
    let request = |method: &str, target: &str| {
        exchange(address, &format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
    };
    let head = request("HEAD", "/record");
    assert_eq!((status_of(&head), body(&head), header(&head, "Content-Type")), (200, "", Some(TYPE)));
    assert_eq!(status_of(&request("HEAD", "/record?resource=b")), 404);
    assert_eq!(seen.try_iter().count(), 2);
    for method in ["POST", "PUT", "DELETE", "get"] {
        let refused = request(method, "/record");
        assert_eq!(status_of(&refused), 405, "{method}");
        assert_eq!(header(&refused, "Allow"), Some("GET, HEAD, OPTIONS"));
    }
    let options = request("OPTIONS", "/record");
    assert_eq!((status_of(&options), header(&options, "Allow")), (204, Some("GET, HEAD, OPTIONS")));
    assert_eq!(status_of(&get(address, "/record/")), 404);
    assert_eq!(seen.try_iter().count(), 0);
}

#[test]
fn a_flood_is_ten_requests_a_second() {
    let (address, seen) = page_of(Limits::default(), &["a"]);
    let begin = Instant::now();
    let clients: Vec<_> =
        (0..20).map(|_| thread::spawn(move || status_of(&get(address, "/record?resource=a")))).collect();
    assert!(clients.into_iter().all(|client| client.join().unwrap() == 200));
    let allowed = begin.elapsed().as_millis() / 100 + 1;
    assert!(seen.try_iter().count() as u128 <= allowed, "20 in {:?}", begin.elapsed());
}

/// A client that does not read keeps one of four places for as long as a connection may last, and no copy of the record
/// beside it.
#[test]
fn slow_readers_hold_four_records_at_most() {
    // More than the sockets' buffers take.
    const MANY: &[&str] = &["x"; 10_000];
    let limits = Limits::default();
    let (address, seen) = page_of(limits, MANY);
    let begin = Instant::now();
    // One after the other: on a busy machine a copy takes so long that one connected earlier would be thrown out unasked.
    let ask = |_| {
        let mut slow = connect(address);
        slow.write_all(b"GET /record HTTP/1.0\r\n\r\n").unwrap();
        seen.recv_timeout(GUARD).unwrap();
        slow
    };
    let _slow: Vec<TcpStream> = (0..AT_ONCE).map(ask).collect();
    // They are thrown out; not before that have others their turn, who may be thrown out as well meanwhile.
    let next = || exchange(address, "GET /record?resource=x HTTP/1.0\r\n\r\n");
    let answered = std::iter::repeat_with(next).find(|answer| !answer.is_empty() || begin.elapsed() > GUARD);
    assert_eq!(answered.map(|answer| status_of(&answer)), Some(200));
    assert!(begin.elapsed() >= limits.connection);
}

#[test]
fn a_silent_protocol_thread_is_503() {
    let (address, queue) = start(Limits { answer: Duration::from_millis(50), ..Limits::default() });
    assert_eq!(status_of(&get(address, "/record")), 503);
    let Ok(AdminRequest::Record(_, reply)) = queue.try_recv() else { panic!("nothing was asked") };
    assert!(!reply.is_wanted());
}
