//! The thread's work beside an etcd that is played: its JSON gateway, with what each test does to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::*;

/// Longer than a test takes.
const PROMISE: Duration = Duration::from_secs(600);

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Well,
    Refuses,
    Silent,
    Nonsense,
}

#[derive(Debug, Default)]
struct State {
    cluster: u64,
    revision: u64,
    keys: BTreeMap<String, (u64, String)>,
    mood: Mood,
    requests: usize,
}

/// An etcd with one member. Its thread ends with the program.
#[derive(Clone)]
struct Played {
    place: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Played {
    fn start() -> Played {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { cluster: 1, revision: 10, ..State::default() }));
        let played = Played { place, state };
        let server = played.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = server.clone();
                thread::spawn(move || server.serve(&stream.unwrap()));
            }
        });
        played
    }

    /// Answers the requests of one connection, until its end.
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut input = BufReader::new(stream);
        loop {
            let mut lines = input.by_ref().lines().map_while(Result::ok);
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let length = lines
                .take_while(|line| !line.is_empty())
                .filter_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .last()?;
            let mut body = vec![0; length];
            input.read_exact(&mut body).ok()?;
            let (status, answer) = self.answer(&path, &serde_json::from_slice(&body).ok()?)?;
            let mut output = stream;
            write!(output, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).ok()?;
        }
    }

    fn answer(&self, path: &str, body: &Value) -> Option<(&'static str, String)> {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        match state.mood {
            Mood::Well => {}
            Mood::Refuses => {
                let why = json!({ "error": "etcdserver: mvcc: database space exceeded", "code": 8 });
                return Some(("503 Service Unavailable", why.to_string()));
            }
            Mood::Nonsense => return Some(("200 OK", "{}".to_owned())),
            Mood::Silent => {
                drop(state);
                thread::park();
                return None;
            }
        }
        let text = |value: &Value| String::from_utf8(BASE64.decode(value.as_str()?).ok()?).ok();
        let answer = if path == "/v3/kv/txn" {
            let compare = &body["compare"][0];
            let key = text(&compare["key"])?;
            let held = state.keys.get(&key).map_or(0, |(revision, _)| *revision);
            let succeeded = compare["mod_revision"].as_str()?.parse() == Ok(held);
            if succeeded {
                state.revision += 1;
                let revision = state.revision;
                let value = text(&body["success"][0]["request_put"]["value"])?;
                state.keys.insert(key, (revision, value));
                json!({ "succeeded": true, "responses": [{ "response_put": {} }] })
            } else {
                json!({ "responses": [{ "response_range": { "kvs": state.kvs(&key) } }] })
            }
        } else {
            json!({ "kvs": state.kvs(&text(&body["key"])?) })
        };
        let mut answer = answer;
        answer["header"] =
            json!({ "cluster_id": state.cluster.to_string(), "revision": state.revision.to_string() });
        Some(("200 OK", answer.to_string()))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap())
    }
}

impl State {
    fn kvs(&self, key: &str) -> Vec<Value> {
        let kv = |(revision, value): &(u64, String)| json!({ "mod_revision": revision.to_string(), "value": BASE64.encode(value) });
        self.keys.get(key).map(kv).into_iter().collect()
    }
}

/// The thread's work of one of two hosts.
fn votes(own: u8, members: &[SocketAddr]) -> Votes {
    let address = |last| IpAddr::from([192, 0, 2, last]);
    Votes::new(address(own), address(3 - own), &Endpoints { endpoints: members.to_vec() }).unwrap()
}

fn job(name: &str, order: WitnessOrder, asked: Time, promise: Duration) -> Task {
    Task::Job(Job { index: 7, name: name.to_owned(), order, asked, promise })
}

fn ask(votes: &mut Votes, name: &str) -> Answer {
    let told = votes.work(&job(name, WitnessOrder::Ask, clock::now(), PROMISE));
    told.answer.unwrap().1
}

fn give_back(votes: &mut Votes, name: &str) -> Told {
    votes.work(&job(name, WitnessOrder::GiveBack, clock::now(), PROMISE))
}

#[test]
fn one_side_has_the_lease_until_it_gives_it_back() {
    let etcd = Played::start();
    let (mut a, mut b) = (votes(1, &[etcd.place]), votes(2, &[etcd.place]));
    let asked = clock::now();
    let told = a.work(&job("db", WitnessOrder::Ask, asked, PROMISE));
    assert_eq!((told.answer, told.answers), (Some((7, Answer::Granted(asked))), Some(true)));
    assert_eq!(told.revision, etcd.with(|state| state.revision), "that of the lease");
    assert!(told.took.is_some_and(|took| asked + took <= clock::now()));
    assert_eq!(ask(&mut b, "db"), Answer::Refused);
    assert!(matches!(ask(&mut b, "web"), Answer::Granted(_)), "each resource has a key of its own");
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)), "the holder renews it");
    assert_eq!(give_back(&mut a, "db").answers, Some(true));
    assert!(matches!(ask(&mut b, "db"), Answer::Granted(_)));
    assert_eq!(ask(&mut a, "db"), Answer::Refused);
}

#[test]
fn what_has_waited_here_for_too_long_is_not_sent_and_says_nothing_about_the_witness() {
    let etcd = Played::start();
    let mut a = votes(1, &[etcd.place]);
    let asked = clock::now();
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
    let sent = etcd.with(|state| state.requests);
    let short = Duration::from_nanos(1);
    let late = a.work(&job("db", WitnessOrder::Ask, asked, short));
    assert_eq!((late.answer, late.answers), (Some((7, Answer::Unreachable)), None));
    let late = a.work(&job("db", WitnessOrder::GiveBack, asked, short));
    assert_eq!((late.answer, late.answers), (None, None));
    assert_eq!(etcd.with(|state| state.requests), sent);
}

/// The old revision of a key may be a new one's as well: a lease by it would have two holders.
#[test]
fn an_etcd_that_was_set_back_or_replaced_grants_nothing_for_one_promise_whatever_key_shows_it() {
    let changes: [fn(&mut State); 2] = [|state| state.revision = 1, |state| state.cluster = 2];
    for change in changes {
        let etcd = Played::start();
        let mut a = votes(1, &[etcd.place]);
        for name in ["db", "web"] {
            assert!(matches!(ask(&mut a, name), Answer::Granted(_)));
        }
        etcd.with(change);
        assert_eq!(a.work(&Task::Look(clock::now())).answers, Some(true));
        // What it knew of both keys is gone: nothing to give back.
        let sent = etcd.with(|state| state.requests);
        assert_eq!(give_back(&mut a, "web").answers, None);
        assert_eq!(etcd.with(|state| state.requests), sent);
        assert_eq!(ask(&mut a, "db"), Answer::Refused);
        assert_eq!(ask(&mut a, "web"), Answer::Refused);
    }
}

#[test]
fn a_key_of_another_holder_that_reads_like_ours_after_a_set_back_is_not_given_away() {
    let etcd = Played::start();
    let (mut a, mut b) = (votes(1, &[etcd.place]), votes(2, &[etcd.place]));
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
    // Set back by one change, and the other side has it now, by a revision that A knows as its own.
    etcd.with(|state| {
        state.keys.clear();
        state.revision = 10;
    });
    assert!(matches!(ask(&mut b, "db"), Answer::Granted(_)));
    etcd.with(|state| state.cluster = 2);
    assert_eq!(a.work(&Task::Look(clock::now())).answers, Some(true));
    assert_eq!(give_back(&mut a, "db").answers, None);
    assert!(etcd.with(|state| state.keys.values().all(|(_, value)| value.starts_with("192.0.2.2 "))));
}

#[test]
fn a_member_that_refuses_or_talks_nonsense_is_left_for_the_next_one() {
    for mood in [Mood::Refuses, Mood::Nonsense] {
        let (bad, good) = (Played::start(), Played::start());
        bad.with(|state| state.mood = mood);
        let mut a = votes(1, &[bad.place]);
        let told = a.work(&job("db", WitnessOrder::Ask, clock::now(), PROMISE));
        assert_eq!((told.answer, told.answers), (Some((7, Answer::Unreachable)), Some(false)), "{mood:?}");
        assert_eq!(told.took, None, "it is no answer");
        let mut a = votes(1, &[bad.place, good.place]);
        assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)), "{mood:?}");
    }
}

#[test]
fn a_witness_that_is_silent_is_waited_for_until_the_answer_would_come_too_late() {
    let etcd = Played::start();
    etcd.with(|state| state.mood = Mood::Silent);
    let mut a = votes(1, &[etcd.place]);
    let asked = clock::now();
    let told = a.work(&job("db", WitnessOrder::Ask, asked, Duration::from_millis(300)));
    assert_eq!((told.answer, told.answers), (Some((7, Answer::Unreachable)), Some(false)));
    assert!(clock::now() >= asked + Duration::from_millis(100));
}
