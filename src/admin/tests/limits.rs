//! Clients, a busy port and a protocol thread that does not answer cause no harm (H4).

use super::*;

/// Limits at which a test of the limits is short.
const SHORT: Limits = Limits {
    connections: 4,
    control_connections: 4,
    header: Duration::from_millis(100),
    connection: Duration::from_millis(200),
    answer: Duration::from_millis(50),
};

#[test]
fn garbage_gets_an_error_or_nothing() {
    let (address, seen) = page(SHORT, OrderOutcome::Ordered, one_hot_resource());
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(17 << 10));
    let endless = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(8 << 20));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(65));
    let long = format!("GET /?failover={} HTTP/1.1\r\n\r\n", "x".repeat(17 << 10));
    let large = format!("POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\nfailover={}", "x".repeat(4991));
    for request in [
        "\r\n\r\n",
        "\0\0\0\0\0\0\0\0",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /?failover=\u{1}x HTTP/1.1\r\n\r\n",
        "GET /?failover=x HTTP/1.1\r\nHost\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\nfailover=x",
        "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\nfailover=x",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfailover=x",
        "POST / HTTP/1.1\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\na\r\nfailover=x\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 10\r\n\r\na\r\nfailover=x\r\n0\r\n\r\n",
        &huge,
        &endless,
        &many,
        &long,
        &large,
    ] {
        let mut stream = connect(address);
        // The server may have heard enough before all of it is sent.
        let _ = stream.write_all(request.as_bytes());
        let response = read_all(stream);
        let shown: String = request.chars().take(60).collect();
        assert!(response.is_empty() || (400..=499).contains(&status_of(&response)), "{shown:?}: {response}");
    }
    assert_eq!(orders(&seen), []);
    assert_eq!(status_of(&get(address, "/")), 200);
}

/// Each of these holds the only slot for as long as it is allowed to.
#[test]
fn slow_clients_are_thrown_out() {
    let large = ResourceStatus { name: "x".repeat(32 << 20), ..one_hot_resource().resources.remove(0) };
    let snapshot = StatusSnapshot { resources: vec![large], ..StatusSnapshot::default() };
    let one = Limits { connections: 1, ..SHORT };
    let (by_header, _seen) =
        page(Limits { connection: 10 * GUARD, ..one }, OrderOutcome::Ordered, snapshot.clone());
    let (by_connection, _seen) = page(Limits { header: 10 * GUARD, ..one }, OrderOutcome::Ordered, snapshot);
    for (address, request) in [
        (by_header, ""),
        (by_header, "GET / HTTP/1.1\r\nHost: localhost\r\n"),
        (by_connection, "GET / HTTP/1.1\r\nHost: localhost\r\n"),
        (by_connection, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nfail"),
        // Sent in full, but the large page is never read.
        (by_connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ] {
        let mut slow = connect(address);
        slow.write_all(request.as_bytes()).unwrap();
        assert_eq!(status_of(&get(address, "/other")), 404, "{request:?}");
        drop(slow);
    }
}

#[test]
fn two_hundred_idle_connections_do_not_shut_others_out() {
    let limits = Limits { connections: 16, ..SHORT };
    let (address, _seen) = page(limits, OrderOutcome::Ordered, one_hot_resource());
    let idle: Vec<_> = (0..200).map(|_| connect(address)).collect();
    assert_eq!(status_of(&get(address, "/")), 200);
    drop(idle);
}

#[test]
fn a_flood_of_requests_is_ten_status_requests_a_second() {
    let (address, seen) = default_page();
    let begin = Instant::now();
    for _ in 0..200 {
        assert_eq!(status_of(&get(address, "/")), 200);
    }
    let allowed = begin.elapsed().as_millis() / 100 + 1;
    let asked = seen.try_iter().count() as u128;
    assert!((1..=allowed).contains(&asked), "{asked} in {:?}", begin.elapsed());
}

#[test]
fn a_silent_protocol_thread_is_503_and_its_late_order_void() {
    let (address, queue) = start(SHORT);
    assert_eq!(status_of(&get(address, "/")), 503);
    let response = get(address, "/?failover=x");
    assert_eq!(status_of(&response), 503);
    assert!(body(&response).contains("look at the status before you repeat an order"));

    let late: Vec<_> = queue.try_iter().collect();
    let [AdminRequest::Status(status), AdminRequest::Order(_, _, order)] = &late[..] else {
        panic!("{late:?}")
    };
    assert!(!status.is_wanted());
    assert!(!order.is_wanted());
}

#[test]
fn a_full_queue_is_503_at_once() {
    let patient = Limits { answer: GUARD, connection: GUARD, ..Limits::default() };
    let (address, queue) = start(patient);
    let mut waiting: Vec<_> = (0..16).map(|_| connect(address)).collect();
    for stream in &mut waiting {
        stream.write_all(b"GET /?failover=x HTTP/1.0\r\n\r\n").unwrap();
    }
    // One of the 17 finds no place. It need not be the last one sent, so all are looked at.
    waiting.push(connect(address));
    waiting[16].write_all(b"GET /?failover=x HTTP/1.0\r\n\r\n").unwrap();
    let (done, answers) = channel();
    for stream in waiting {
        let done = done.clone();
        thread::spawn(move || done.send(status_of(&read_all(stream))).unwrap());
    }
    assert_eq!(answers.recv_timeout(GUARD).unwrap(), 503);
    drop(queue);
}

#[test]
fn a_busy_port_delays_nothing_and_is_tried_again() {
    let address = free_address();
    let occupant = TcpListener::bind(address).unwrap();
    let (requests, queue) = sync_channel(16);
    let begin = Instant::now();
    spawn_page(page_at(address), Limits::default(), requests, || {});
    assert!(begin.elapsed() < Duration::from_millis(900), "the start waited for a retry");

    drop(occupant);
    thread::spawn(move || play(&queue, &channel().0, OrderOutcome::Ordered, &StatusSnapshot::default()));
    let deadline = Instant::now() + GUARD;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(status_of(&get(address, "/")), 200);
}
