//! The thread's work beside an etcd that is played: its JSON gateway, with what each test does to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use std::time::Duration;

use schrittmacher_config::{Core, WitnessFile, WitnessLogin};
use schrittmacher_testkit::config::core;

use super::votes::{LOT, Votes};
use super::*;
use crate::event_loop::clock;

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
    /// Of single requests, by their number.
    moods: BTreeMap<usize, Mood>,
    /// Whether it refuses to tell of alarms, as to a user without the right.
    hides_alarms: bool,
    /// Operations that a transaction may have; 0: as many as usual.
    most: usize,
    /// The password, if it demands one, and the tokens it has given for it.
    password: Option<String>,
    tokens: Vec<String>,
    alarm: Option<&'static str>,
    streams: Vec<TcpStream>,
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
        self.with(|state| state.streams.push(stream.try_clone().unwrap()));
        let mut input = BufReader::new(stream);
        loop {
            let mut lines = input.by_ref().lines().map_while(Result::ok);
            let path = lines.next()?.split(' ').nth(1)?.to_owned();
            let (mut length, mut token) = (None, String::new());
            for line in lines.take_while(|line| !line.is_empty()) {
                let (name, value) = line.split_once(": ")?;
                match name {
                    "content-length" => length = value.parse().ok(),
                    "authorization" => token = value.to_owned(),
                    _ => {}
                }
            }
            let mut body = vec![0; length?];
            input.read_exact(&mut body).ok()?;
            let (status, answer) = self.answer(&path, &token, &serde_json::from_slice(&body).ok()?)?;
            let mut output = stream;
            write!(output, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).ok()?;
        }
    }

    fn answer(&self, path: &str, token: &str, body: &Value) -> Option<(&'static str, String)> {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        let mood = state.moods.get(&state.requests).copied().unwrap_or(state.mood);
        match mood {
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
        match state.answer(path, token, body)? {
            Ok(answer) => Some(("200 OK", answer.to_string())),
            Err(why) => Some(("400 Bad Request", json!({ "error": why, "code": 3 }).to_string())),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap())
    }
}

impl State {
    fn answer(&mut self, path: &str, token: &str, body: &Value) -> Option<Result<Value, &'static str>> {
        if path == "/v3/auth/authenticate" {
            let Some(password) = &self.password else {
                return Some(Err("etcdserver: authentication is not enabled"));
            };
            if body["password"].as_str()? != password {
                return Some(Err("etcdserver: authentication failed, invalid user ID or password"));
            }
            self.tokens.push(format!("token.{}", self.requests));
            return Some(Ok(json!({ "token": self.tokens.last() })));
        }
        if self.password.is_some() && !self.tokens.iter().any(|known| known == token) {
            let why = if token.is_empty() {
                "etcdserver: user name is empty"
            } else {
                "etcdserver: invalid auth token"
            };
            return Some(Err(why));
        }
        let header = |state: &State| json!({ "cluster_id": state.cluster.to_string(), "revision": state.revision.to_string() });
        if path == "/v3/maintenance/status" {
            if self.hides_alarms {
                return Some(Err("etcdserver: permission denied"));
            }
            return Some(Ok(json!({ "header": header(self), "errors": self.alarm.map(|alarm| [alarm]) })));
        }
        let operations = body["success"].as_array()?;
        // One more for the transaction in each.
        if self.most > 0 && operations.len() + 1 > self.most {
            return Some(Err("etcdserver: too many operations in txn request"));
        }
        let before = self.revision;
        let responses: Option<Vec<Value>> =
            operations.iter().map(|operation| self.operate(operation, before + 1)).collect();
        Some(Ok(json!({ "header": header(self), "succeeded": true, "responses": responses? })))
    }

    fn operate(&mut self, operation: &Value, revision: u64) -> Option<Value> {
        let text = |value: &Value| String::from_utf8(BASE64.decode(value.as_str()?).ok()?).ok();
        if let Some(range) = operation.get("request_range") {
            return Some(json!({ "response_range": { "kvs": self.kvs(&text(&range["key"])?) } }));
        }
        let txn = &operation["request_txn"];
        let compare = &txn["compare"][0];
        let key = text(&compare["key"])?;
        let held = self.keys.get(&key).map_or(0, |(revision, _)| *revision);
        if compare["mod_revision"].as_str()?.parse() != Ok(held) {
            let range = json!({ "kvs": self.kvs(&key) });
            return Some(json!({ "response_txn": { "responses": [{ "response_range": range }] } }));
        }
        self.revision = revision;
        self.keys.insert(key, (revision, text(&txn["success"][0]["request_put"]["value"])?));
        Some(json!({ "response_txn": { "succeeded": true, "responses": [{ "response_put": {} }] } }))
    }

    fn kvs(&self, key: &str) -> Vec<Value> {
        let kv = |(revision, value): &(u64, String)| json!({ "mod_revision": revision.to_string(), "value": BASE64.encode(value) });
        self.keys.get(key).map(kv).into_iter().collect()
    }
}

fn settings(members: &[SocketAddr]) -> Settings {
    Settings { endpoints: members.to_vec(), tls: None, login: None, prefix: "schrittmacher/".to_owned() }
}

/// The thread's work of one of two hosts.
fn votes_with(own: u8, settings: &Settings) -> (Votes, NewSettings) {
    let address = |last| IpAddr::from([192, 0, 2, last]);
    let core = Core { local_address: address(own), remote_address: address(3 - own), ..core() };
    let new = NewSettings::default();
    (Votes::new(&core, settings, Arc::clone(&new)).unwrap(), new)
}

fn votes(own: u8, members: &[SocketAddr]) -> Votes {
    votes_with(own, &settings(members)).0
}

fn job(name: &str, order: WitnessOrder, asked: Time, promise: Duration) -> Task {
    Task::Job(Job { index: 7, name: name.to_owned(), order, asked, promise })
}

fn work_all(votes: &mut Votes, tasks: Vec<Task>) -> Vec<Told> {
    let mut all = Vec::new();
    votes.work(tasks, &mut |told| all.extend(told));
    all
}

/// What is told, each with the number of requests that etcd has had before.
fn told_at(etcd: &Played, votes: &mut Votes, tasks: Vec<Task>) -> Vec<(usize, Told)> {
    let mut all = Vec::new();
    let before = etcd.with(|state| state.requests);
    votes.work(tasks, &mut |told| {
        let sent = etcd.with(|state| state.requests) - before;
        all.extend(told.into_iter().map(|told| (sent, told)));
    });
    all
}

fn work(votes: &mut Votes, task: Task) -> Told {
    let told = work_all(votes, vec![task]);
    assert_eq!(told.len(), 1);
    told[0]
}

fn look(votes: &mut Votes) -> Told {
    work(votes, Task::Look { asked: clock::now(), patience: PROMISE })
}

fn ask(votes: &mut Votes, name: &str) -> Answer {
    work(votes, job(name, WitnessOrder::Ask, clock::now(), PROMISE)).answer.unwrap().1
}

fn give_back(votes: &mut Votes, name: &str) -> Told {
    work(votes, job(name, WitnessOrder::GiveBack, clock::now(), PROMISE))
}

fn is_granted(told: &Told) -> bool {
    matches!(told.answer, Some((_, Answer::Granted(_))))
}

#[test]
fn one_side_has_the_lease_until_it_gives_it_back() {
    let etcd = Played::start();
    let (mut a, mut b) = (votes(1, &[etcd.place]), votes(2, &[etcd.place]));
    let asked = clock::now();
    let told = work(&mut a, job("db", WitnessOrder::Ask, asked, PROMISE));
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
    let late = work(&mut a, job("db", WitnessOrder::Ask, asked, short));
    assert_eq!((late.answer, late.answers), (Some((7, Answer::Unreachable)), None));
    let late = work(&mut a, job("db", WitnessOrder::GiveBack, asked, short));
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
        assert_eq!(look(&mut a).answers, Some(true));
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
    assert_eq!(look(&mut a).answers, Some(true));
    assert_eq!(give_back(&mut a, "db").answers, None);
    assert!(etcd.with(|state| state.keys.values().all(|(_, value)| value.starts_with("192.0.2.2 "))));
}

#[test]
fn a_member_that_refuses_or_talks_nonsense_is_left_for_the_next_one() {
    for mood in [Mood::Refuses, Mood::Nonsense] {
        let (bad, good) = (Played::start(), Played::start());
        bad.with(|state| state.mood = mood);
        let mut a = votes(1, &[bad.place]);
        let told = work(&mut a, job("db", WitnessOrder::Ask, clock::now(), PROMISE));
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
    let told = work(&mut a, job("db", WitnessOrder::Ask, asked, Duration::from_millis(300)));
    assert_eq!((told.answer, told.answers), (Some((7, Answer::Unreachable)), Some(false)));
    assert!(clock::now() >= asked + Duration::from_millis(100));
}

fn lot(names: impl IntoIterator<Item = usize>, order: WitnessOrder) -> Vec<Task> {
    let name = |number| format!("r{number}");
    names.into_iter().map(|number| job(&name(number), order, clock::now(), PROMISE)).collect()
}

/// One that the other side has hinders none of the others.
#[test]
fn questions_that_wait_together_need_two_requests_and_each_has_its_own_answer() {
    let etcd = Played::start();
    let (mut a, mut b) = (votes(1, &[etcd.place]), votes(2, &[etcd.place]));
    assert!(matches!(ask(&mut b, "r3"), Answer::Granted(_)));
    let sent = etcd.with(|state| state.requests);
    let told = work_all(&mut a, lot(0..50, WitnessOrder::Ask));
    assert_eq!(etcd.with(|state| state.requests) - sent, 2, "one shows the keys, one takes them");
    assert_eq!(told.len(), 50);
    assert_eq!(told.iter().filter(|told| is_granted(told)).count(), 49);
    // Renewed with one, and given back with one, before the other side takes them.
    assert_eq!(
        work_all(&mut a, lot(4..50, WitnessOrder::Ask)).iter().filter(|told| is_granted(told)).count(),
        46
    );
    work_all(&mut a, lot(4..50, WitnessOrder::GiveBack));
    assert_eq!(etcd.with(|state| state.requests) - sent, 4);
    assert_eq!(
        work_all(&mut b, lot(0..50, WitnessOrder::Ask)).iter().filter(|told| is_granted(told)).count(),
        47
    );
}

#[test]
fn an_order_and_a_question_of_one_resource_are_carried_out_one_after_the_other() {
    let etcd = Played::start();
    let (mut a, mut b) = (votes(1, &[etcd.place]), votes(2, &[etcd.place]));
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
    let both =
        [WitnessOrder::GiveBack, WitnessOrder::Ask].map(|order| job("db", order, clock::now(), PROMISE));
    let told = work_all(&mut a, both.into());
    assert_eq!(told[0].answer, None);
    assert!(is_granted(&told[1]));
    assert_eq!(ask(&mut b, "db"), Answer::Refused);
}

#[test]
fn an_etcd_that_takes_few_operations_at_once_gets_few() {
    let etcd = Played::start();
    etcd.with(|state| state.most = 16);
    let mut a = votes(1, &[etcd.place]);
    let told = work_all(&mut a, lot(0..LOT, WitnessOrder::Ask));
    assert_eq!(told.iter().filter(|told| is_granted(told)).count(), LOT);
}

/// A member knows a token for some minutes, and no token of a time before its restart.
#[test]
fn a_token_is_fetched_with_the_password_and_again_when_it_is_not_known_any_more() {
    let etcd = Played::start();
    etcd.with(|state| state.password = Some("right".to_owned()));
    let with = |word: &str| {
        let password = WitnessFile { path: "/x".into(), text: word.into() };
        let login = WitnessLogin { user: "alice".to_owned(), password };
        Settings { login: Some(login), ..settings(&[etcd.place]) }
    };
    let (mut a, new) = votes_with(1, &with("wrong"));
    assert_eq!(ask(&mut a, "db"), Answer::Unreachable);
    *new.lock().unwrap() = Some(with("right"));
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)), "with another password after a reload");
    etcd.with(|state| assert_eq!(state.tokens.len(), 1));
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
    etcd.with(|state| assert_eq!(state.tokens.len(), 1, "a token is used again"));
    etcd.with(|state| state.tokens.clear());
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)), "the answer comes all the same");
    assert_eq!(ask(&mut votes(2, &[etcd.place]), "web"), Answer::Unreachable, "without a password");
}

#[test]
fn a_user_that_is_configured_before_etcd_demands_one_is_used_from_then_on() {
    let etcd = Played::start();
    let password = WitnessFile { path: "/x".into(), text: "right".into() };
    let login = Some(WitnessLogin { user: "alice".to_owned(), password });
    let (mut a, _) = votes_with(1, &Settings { login, ..settings(&[etcd.place]) });
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
    etcd.with(|state| state.password = Some("right".to_owned()));
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
}

#[test]
fn the_keys_begin_with_the_prefix() {
    let etcd = Played::start();
    let (mut a, _) = votes_with(1, &Settings { prefix: "pairs/x-".to_owned(), ..settings(&[etcd.place]) });
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
    etcd.with(|state| assert_eq!(state.keys.keys().collect::<Vec<_>>(), ["pairs/x-192.0.2.1-192.0.2.2/db"]));
}

/// A full etcd answers questions, and refuses what is written.
#[test]
fn an_alarm_is_seen_by_a_look() {
    let etcd = Played::start();
    let mut a = votes(1, &[etcd.place]);
    assert_eq!(look(&mut a).alarm, Some(false));
    etcd.with(|state| state.alarm = Some("memberID:1 alarm:NOSPACE "));
    assert_eq!(look(&mut a).alarm, Some(true));
    etcd.with(|state| state.mood = Mood::Refuses);
    assert_eq!(look(&mut a).alarm, None, "it was not asked");
}

#[test]
fn a_refusal_to_tell_of_alarms_ends_no_alarm_and_no_connection_and_changes_no_member() {
    let (etcd, other) = (Played::start(), Played::start());
    let mut a = votes(1, &[etcd.place, other.place]);
    etcd.with(|state| state.alarm = Some("memberID:1 alarm:NOSPACE "));
    assert_eq!(look(&mut a).alarm, Some(true));
    etcd.with(|state| state.hides_alarms = true);
    for _ in 0..2 {
        let told = look(&mut a);
        assert_eq!((told.answers, told.alarm), (Some(true), None));
    }
    assert_eq!(etcd.with(|state| state.streams.len()), 1);
    assert_eq!(other.with(|state| state.requests), 0);
}

/// What this thread has logged.
struct Logged;

thread_local! {
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl log::Log for Logged {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOGGED.with_borrow_mut(|logged| logged.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// Nothing said that a full disk would not be shown.
#[test]
fn a_refusal_to_tell_of_alarms_is_logged_once_and_again_for_another_user() {
    // No other test of this program has a logger.
    log::set_logger(&Logged).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let etcd = Played::start();
    let (mut a, new_settings) = votes_with(1, &settings(&[etcd.place]));
    etcd.with(|state| state.hides_alarms = true);
    let mut looks = || {
        (0..3).for_each(|_| assert_eq!(look(&mut a).alarm, None));
        LOGGED
            .take()
            .into_iter()
            .filter(|line| line.contains("does not say whether there is an alarm"))
            .count()
    };
    assert_eq!(looks(), 1);
    *new_settings.lock().unwrap() = Some(settings(&[etcd.place]));
    assert_eq!(looks(), 1);
}

/// A lease that was granted has to be known, or the application stops.
#[test]
fn an_answer_is_told_before_anything_else_is_asked() {
    let etcd = Played::start();
    let mut a = votes(1, &[etcd.place]);
    assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
    let ask = |name, promise| job(name, WitnessOrder::Ask, clock::now(), promise);

    // The look has no answer, which costs the question before it nothing.
    etcd.with(|state| state.moods.insert(state.requests + 2, Mood::Silent));
    let look = Task::Look { asked: clock::now(), patience: Duration::from_millis(100) };
    let told = told_at(&etcd, &mut a, vec![look, ask("db", PROMISE)]);
    assert!(told[0].0 == 1 && is_granted(&told[0].1), "{told:?}");
    assert_eq!((told.len(), told[1].1.answers), (2, Some(false)));

    // A question with a longer promise, and one whose key is not known.
    let told = told_at(&etcd, &mut a, vec![ask("db", 2 * PROMISE), ask("web", PROMISE), ask("db", PROMISE)]);
    let granted: Vec<usize> =
        told.iter().filter(|(_, told)| is_granted(told)).map(|(sent, _)| *sent).collect();
    assert_eq!(granted, [1, 2, 3]);
}

#[test]
fn a_question_whose_time_is_over_is_told_so_and_a_newer_one_is_asked_again() {
    let etcd = Played::start();
    let mut a = votes(1, &[etcd.place]);
    etcd.with(|state| state.moods.insert(1, Mood::Silent));
    let now = clock::now();
    // The newer one has 100 s more.
    let (promise, more) = (Duration::from_millis(300), Duration::from_secs(100));
    let ask = |name, asked| job(name, WitnessOrder::Ask, asked, promise);
    let told = told_at(&etcd, &mut a, vec![ask("new", now + more), ask("old", now)]);
    let answers: Vec<_> = told.iter().map(|(sent, told)| (*sent, told.answer.unwrap().1)).collect();
    assert_eq!(answers, [(1, Answer::Unreachable), (3, Answer::Granted(now + more))]);
    assert!(clock::now() < now + more);
}

/// A member that fails in the middle leaves a transaction to one of another cluster.
#[test]
fn an_answer_of_two_clusters_grants_nothing() {
    let (known, strange) = (Played::start(), Played::start());
    strange.with(|state| state.cluster = 2);
    for etcd in [&known, &strange] {
        etcd.with(|state| state.most = 16);
    }
    let mut a = votes(1, &[known.place, strange.place]);
    // Three refusals of both for too many operations; then the known one shows twelve keys and eight, and fails once.
    known.with(|state| state.moods.insert(6, Mood::Refuses));
    // This one takes twelve keys, and fails.
    strange.with(|state| state.moods.insert(5, Mood::Refuses));
    let told = work_all(&mut a, lot(0..20, WitnessOrder::Ask));
    assert_eq!((known.with(|state| state.keys.len()), strange.with(|state| state.keys.len())), (8, 12));
    assert!(told.iter().all(|told| told.answer == Some((7, Answer::Unreachable))), "{told:?}");
    assert_eq!(told.len(), 20);
}

/// A restart of etcd must not cost a question.
#[test]
fn a_connection_that_was_closed_meanwhile_costs_no_answer() {
    let etcd = Played::start();
    let mut a = votes(1, &[etcd.place]);
    for _ in 0..3 {
        assert!(matches!(ask(&mut a, "db"), Answer::Granted(_)));
        etcd.with(|state| {
            state.streams.drain(..).for_each(|stream| stream.shutdown(Shutdown::Both).unwrap());
        });
    }
}
