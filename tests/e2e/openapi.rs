//! The answers of a real daemon are those of `docs/openapi.json`, with no field that is not in it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use schrittmacher_harness::{HTTP_PORT, Pair, RESOURCE, Setup, Side};

const DOCUMENT: &str = include_str!("../../docs/openapi.json");
const PATIENCE: Duration = Duration::from_secs(20);

/// Each schema refuses fields that it does not name.
fn strict(mut document: Value) -> Value {
    for schema in document["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        if schema.get("properties").is_some() {
            schema["additionalProperties"] = json!(false);
        }
    }
    document
}

/// Status and body of the answer.
fn ask(mut door: impl Read + Write, request: &str) -> (u16, Value) {
    write!(door, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    door.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

/// What is wrong with an answer; nothing if it is as the document has it.
fn complaints(document: &Value, path: &str, method: &str, status: u16, body: &Value) -> Vec<String> {
    let described = &document["paths"][path][method]["responses"][status.to_string()];
    let Some(schema) = described["content"]["application/json"]["schema"].as_object() else {
        return vec![format!("{method} {path}: {status} is not described")];
    };
    let mut whole = document.clone();
    whole.as_object_mut().unwrap().extend(schema.clone());
    let validator = jsonschema::draft202012::new(&whole).unwrap();
    validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_answers_are_those_of_the_document() {
    let document = strict(serde_json::from_str(DOCUMENT).unwrap());
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let host = &pair[Side::A];
    let socket: PathBuf = fs::read_dir(host.files.run_directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(&format!("{}:", host.address)) && name.ends_with(".sock")
        })
        .unwrap();
    let at_socket = |request: &str| {
        let door = UnixStream::connect(&socket).unwrap();
        door.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(door, request)
    };
    let at_port = |request: &str| {
        let door = TcpStream::connect((host.address, HTTP_PORT)).unwrap();
        door.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(door, request)
    };
    let order = |what: &str| format!("POST /api/v1/resources/{RESOURCE}/{what}");
    let of = "/api/v1/resources/{name}/";
    let (failover, takeover) = (format!("{of}failover"), format!("{of}takeover"));
    let (freeze, thaw) = (format!("{of}freeze"), format!("{of}thaw"));
    let status = "/api/v1/status".to_owned();
    let one = "/api/v1/resources/{name}".to_owned();
    for (path, request, expected) in [
        (&status, "GET /api/v1/status".to_owned(), 200),
        (&one, format!("GET /api/v1/resources/{RESOURCE}"), 200),
        (&one, "GET /api/v1/resources/nobody".to_owned(), 404),
        (&freeze, order("freeze?seconds=60&reason=test"), 200),
        (&status, "GET /api/v1/status".to_owned(), 200),
        (&freeze, order("freeze"), 400),
        (&thaw, order("thaw"), 200),
        (&freeze, "POST /api/v1/resources/nobody/freeze?seconds=60".to_owned(), 404),
        (&takeover, order("takeover"), 409),
        (&failover, order("failover?dry-run=yes"), 200),
        (&failover, "POST /api/v1/resources/nobody/failover".to_owned(), 404),
        (&failover, order("failover"), 200),
        (&status, "GET /api/v1/status".to_owned(), 200),
        (&"/api/v1/history".to_owned(), "GET /api/v1/history".to_owned(), 200),
        (&"/api/v1/log".to_owned(), "GET /api/v1/log".to_owned(), 200),
        (&"/api/v1/log".to_owned(), "POST /api/v1/log?level=debug&seconds=60".to_owned(), 200),
        (&"/api/v1/log".to_owned(), "POST /api/v1/log?level=loud&seconds=60".to_owned(), 400),
        (&"/api/v1/log".to_owned(), "POST /api/v1/log?level=debug&seconds=86401".to_owned(), 400),
        (&"/api/v1/reload".to_owned(), "POST /api/v1/reload".to_owned(), 200),
    ] {
        let method = if request.starts_with("GET") { "get" } else { "post" };
        let (told, body) = at_socket(&request);
        assert_eq!(told, expected, "{request}: {body}");
        assert_eq!(complaints(&document, path, method, told, &body), [""; 0], "{request}: {body}");
    }
    let (told, body) = at_port("POST /api/v1/reload");
    assert_eq!(complaints(&document, "/api/v1/reload", "post", told, &body), [""; 0], "{body}");
    let (told, body) = at_port("POST /api/v1/log?level=debug&seconds=60");
    assert_eq!((told, complaints(&document, "/api/v1/log", "post", told, &body)), (403, vec![]), "{body}");
    fs::write(host.files.config(), "nonsense\n").unwrap();
    let (told, body) = at_socket("POST /api/v1/reload");
    assert_eq!(told, 422, "{body}");
    assert_eq!(complaints(&document, "/api/v1/reload", "post", told, &body), [""; 0], "{body}");
}

/// The test has teeth: a field too many, one too few and a word that is not in the document are found.
#[test]
fn an_answer_that_is_not_in_the_document_is_found() {
    let document = strict(serde_json::from_str(DOCUMENT).unwrap());
    let judge = |body: Value| complaints(&document, "/api/v1/resources/{name}/failover", "post", 200, &body);
    let good = json!({ "outcome": "ordered", "message": "ordered", "force_helps": false });
    assert_eq!(judge(good.clone()), [""; 0]);
    for (key, value) in [("outcome", json!("perhaps")), ("force_helps", json!("no")), ("more", json!(1))] {
        let mut bad = good.clone();
        bad[key] = value;
        assert_ne!(judge(bad), [""; 0], "{key}");
    }
    assert_ne!(judge(json!({ "outcome": "ordered" })), [""; 0]);
}
