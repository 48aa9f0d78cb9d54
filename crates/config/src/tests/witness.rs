//! `policy = consistent` and the third vote.

use super::{errors, file, load};
use crate::PolicyWord;

const WITNESS: &str = "witness = etcd http://192.0.2.9\n";

#[test]
fn without_its_keys_a_side_takes_over_on_silence() {
    let config = load(&file("", "")).unwrap().config;
    assert_eq!((config.resources[0].policy, config.core.witness), (PolicyWord::Available, None));
    let config = load(&file(&format!("{WITNESS}policy = consistent\npromise = 7"), "")).unwrap().config;
    assert_eq!(
        (config.resources[0].policy, config.resources[0].promise.as_secs()),
        (PolicyWord::Consistent, 7)
    );
    assert_eq!(config.core.witness.unwrap().endpoints, ["192.0.2.9:2379".parse().unwrap()]);
}

#[test]
fn what_consistent_cannot_do_without_is_an_error_with_its_line() {
    let consistent = "policy = consistent\n";
    let with = |more: &str| format!("{WITNESS}{consistent}{more}");
    for (core, part) in [
        (consistent.to_owned(), "needs a `witness`"),
        (with("extensions = off"), "needs the promises of the peer"),
        (with("on-exit = leave"), "never leaves an application alone"),
        ("witness = etcd https://192.0.2.9".to_owned(), "TLS is not built in"),
        ("witness = etcd http://user:word@192.0.2.9".to_owned(), "user and password are not built in"),
        ("witness = etcd http://etcd.example".to_owned(), "needs an IP address"),
        ("witness = consul http://192.0.2.9".to_owned(), "is no witness"),
    ] {
        let found = errors(&file(&core, "")).join("\n");
        assert!(found.contains(part) && found.starts_with("x.conf:"), "{core}: {found}");
    }
    assert!(load(&file(WITNESS, consistent)).is_ok());
}
