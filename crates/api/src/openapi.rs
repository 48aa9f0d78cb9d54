//! `docs/openapi.json`: the paths from here, the answers from the types. `UPDATE_DOCS=1 cargo test -p schrittmacher-api` writes it.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::{DaemonStatus, HistoryAnswer, LogAnswer, OrderAnswer, Problem, ReloadAnswer, ResourceState};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// The form of an answer, as a reference to its type.
fn answer<T: JsonSchema>(schemas: &mut SchemaGenerator, what: &str) -> Value {
    let schema: Schema = schemas.subschema_for::<T>();
    json!({ "description": what, "content": { "application/json": { "schema": schema } } })
}

fn problem(schemas: &mut SchemaGenerator, what: &str) -> Value {
    answer::<Problem>(schemas, what)
}

fn switch(schemas: &mut SchemaGenerator, what: &str) -> Value {
    let flag = |name: &str, what: &str| json!({ "name": name, "in": "query", "description": what, "schema": { "type": "string", "enum": ["yes"] } });
    order(
        schemas,
        what,
        vec![
            flag("force", "overrides what `force_helps` in a refusal says it does"),
            flag("dry-run", "orders nothing; the answer is what would become of it"),
        ],
        None,
    )
}

fn order(
    schemas: &mut SchemaGenerator,
    what: &str,
    mut parameters: Vec<Value>,
    wrong: Option<&str>,
) -> Value {
    parameters.insert(0, name());
    let mut answers = Map::new();
    answers.insert("200".into(), answer::<OrderAnswer>(schemas, "it is obeyed, or would be"));
    if let Some(wrong) = wrong {
        answers.insert("400".into(), problem(schemas, wrong));
    }
    answers.insert("401".into(), problem(schemas, "it needs a token (`order-token-file`), or another one"));
    answers.insert("403".into(), problem(schemas, "this client may not order here (`http-control`)"));
    answers.insert("404".into(), answer::<OrderAnswer>(schemas, "there is no such resource"));
    answers.insert("409".into(), answer::<OrderAnswer>(schemas, "it is refused, and nothing is done"));
    answers.insert("429".into(), problem(schemas, "too many wrong tokens came from this client's host"));
    answers.insert(
        "503".into(),
        problem(schemas, "the daemon did not answer; look at the status before you repeat it"),
    );
    json!({ "post": { "summary": what, "parameters": parameters, "responses": answers } })
}

fn text(what: &str, kind: &str) -> Value {
    json!({ "get": { "summary": what, "responses": { "200": {
        "description": what, "content": { kind: { "schema": { "type": "string" } } } } } } })
}

/// A question of a load balancer.
fn probe(what: &str, yes: &str, no: &str, is_named: bool) -> Value {
    let line = |what: &str| json!({ "description": what, "content": { "text/plain": { "schema": { "type": "string" } } } });
    let mut answers = Map::new();
    answers.insert("200".into(), line(yes));
    answers.insert("503".into(), line(no));
    let mut parameters = Vec::new();
    if is_named {
        answers.insert("404".into(), line("there is no such resource"));
        parameters.push(name());
    }
    json!({ "get": { "summary": what, "parameters": parameters, "responses": answers } })
}

fn name() -> Value {
    json!({ "name": "name", "in": "path", "required": true, "description": "the resource", "schema": { "type": "string" } })
}

fn document() -> Value {
    // Required is what is always written.
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let schemas = &mut generator;
    let freeze = vec![
        json!({ "name": "seconds", "in": "query", "required": true, "description": "for how long; at most seven days",
            "schema": { "type": "number", "exclusiveMinimum": 0, "maximum": 604_800 } }),
        json!({ "name": "reason", "in": "query", "description": "shown everywhere", "schema": { "type": "string" } }),
    ];
    let paths = json!({
        "/api/v1/status": { "get": { "summary": "the state of everything", "responses": {
            "200": answer::<DaemonStatus>(schemas, "this daemon, its peer and its resources"),
            "503": problem(schemas, "the daemon did not answer"),
        } } },
        "/api/v1/history": { "get": { "summary": "what happened, over restarts", "responses": {
            "200": answer::<HistoryAnswer>(schemas, "oldest first"),
            "503": problem(schemas, "`state-directory` cannot be used"),
        } } },
        "/api/v1/log": {
            "get": { "summary": "which lines of the log are written", "responses": {
                "200": answer::<LogAnswer>(schemas, "the level, and where the lines go"),
            } },
            "post": { "summary": "another level for some time; at the control socket alone", "parameters": [
                json!({ "name": "level", "in": "query", "required": true, "description": "that of the configuration ends another one",
                    "schema": { "enum": ["debug", "info", "warning", "major"] } }),
                json!({ "name": "seconds", "in": "query", "required": true, "description": "for how long; at most a day",
                    "schema": { "type": "number", "exclusiveMinimum": 0, "maximum": 86_400 } }),
            ], "responses": {
                "200": answer::<LogAnswer>(schemas, "as it is now"),
                "400": problem(schemas, "no such level, or no such time"),
                "403": problem(schemas, "asked for at the port"),
            } },
        },
        "/api/v1/reload": { "post": { "summary": "put a changed file in force; at the control socket alone", "responses": {
            "200": answer::<ReloadAnswer>(schemas, "it is in force"),
            "403": problem(schemas, "asked for at the port"),
            "422": answer::<ReloadAnswer>(schemas, "it is refused, and nothing has changed"),
            "503": problem(schemas, "the disk takes longer than 30 seconds"),
        } } },
        "/api/v1/resources/{name}": { "get": { "summary": "the state of one resource", "parameters": [name()], "responses": {
            "200": answer::<ResourceState>(schemas, "as in `resources` of the status"),
            "404": problem(schemas, "there is no such resource"),
            "503": problem(schemas, "the daemon did not answer"),
        } } },
        "/api/v1/resources/{name}/failover": switch(schemas, "the other side shall be hot"),
        "/api/v1/resources/{name}/takeover": switch(schemas, "this side shall be hot"),
        "/api/v1/resources/{name}/freeze": order(schemas, "no automatic switch for some time", freeze, Some("no such time")),
        "/api/v1/resources/{name}/thaw": order(schemas, "it switches by itself again", vec![], None),
        "/healthz": probe("for a supervisor", "the event loop answers", "it has not answered for two seconds", false),
        "/ready": probe("for a supervisor", "every resource is hot or standby here", "a resource is not", false),
        "/hot/{name}": probe("for a load balancer", "this side is hot", "it is in the state that the text names", true),
        "/standby/{name}": probe("for a load balancer", "this side is standby", "it is in the state that the text names", true),
        "/metrics": text("the figures for Prometheus", "text/plain"),
        "/record": text("the flight record, one JSON object on each line", "application/jsonl"),
        "/table": text("the legacy table, for scripts", "text/html"),
    });
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "schrittmacher",
            "version": "1",
            "description": "Status and orders of one daemon, at its control socket and at the port of its page. docs/http-api.md explains it.",
        },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

#[test]
fn the_document_is_that_of_the_types() {
    let written = format!("{:#}\n", document());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, &written).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert_eq!(kept, written, "UPDATE_DOCS=1 cargo test -p schrittmacher-api writes docs/openapi.json");
}
