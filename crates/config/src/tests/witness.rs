//! `policy = consistent` and the third vote.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

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
        ("witness = etcd https://192.0.2.9".to_owned(), "no `witness-ca-file` says whose"),
        ("witness = etcd http://user:word@192.0.2.9".to_owned(), "has a user in its URL"),
        (format!("{WITNESS}witness-user = x"), "means nothing without `witness-password-file`"),
        (format!("{WITNESS}witness-ca-file = /nonexistent/ca"), "cannot be used: No such file"),
        ("witness-prefix = x/".to_owned(), "means nothing without `witness`"),
        ("witness = etcd http://etcd.example".to_owned(), "needs an IP address"),
        ("witness = consul http://192.0.2.9".to_owned(), "is no witness"),
    ] {
        let found = errors(&file(&core, "")).join("\n");
        assert!(found.contains(part) && found.starts_with("x.conf:"), "{core}: {found}");
    }
    assert!(load(&file(WITNESS, consistent)).is_ok());
}

/// A folder with these files; only their owner may read them.
fn files(texts: &[(&str, &str)]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let path = folder.path().display().to_string();
    (folder, path)
}

const SECURE: &str = "witness = etcd https://192.0.2.9\nwitness-ca-file = {}/ca\nwitness-cert-file = {}/cert\n\
                      witness-key-file = {}/key\nwitness-user = alice\nwitness-password-file = {}/word\n";

#[test]
fn files_of_the_witness_are_read_with_the_configuration() {
    let (_folder, path) = files(&[("ca", "CA"), ("cert", "CERT"), ("key", "KEY"), ("word", "secret\n")]);
    let text = file(&format!("{}witness-prefix = pairs/one/", SECURE.replace("{}", &path)), "");
    let loaded = load(&text).unwrap();
    let witness = loaded.config.core.witness.clone().unwrap();
    assert_eq!(
        (witness.to_string().as_str(), witness.prefix.as_str()),
        ("etcd https://192.0.2.9:2379", "pairs/one/")
    );
    let tls = witness.tls.unwrap();
    let (cert, key) = tls.own.unwrap();
    assert_eq!([&tls.ca, &cert, &key].map(|file| file.text.as_str()), ["CA", "CERT", "KEY"]);
    let login = witness.login.unwrap();
    assert_eq!((login.user.as_str(), login.password.text.as_str()), ("alice", "secret"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    // The copy that a start uses whose file is broken has them too.
    assert_eq!(
        crate::restore(&loaded.to_kept()).map(|restored| restored.config),
        Some(loaded.config.clone())
    );
    assert!(!format!("{:?}", loaded.config).contains("secret"), "no secret is shown");
    assert!(!crate::report(&loaded).contains("secret"));
}

#[test]
fn a_program_without_the_feature_refuses_a_witness_with_its_line_and_nothing_else() {
    let refused = load(&file(WITNESS, "")).unwrap().without_witness().unwrap_err().to_string();
    assert!(
        refused.contains("x.conf:6: `witness` needs a program that was built with the feature"),
        "{refused}"
    );
    assert!(load(&file("", "")).unwrap().without_witness().is_ok());
}

#[test]
fn a_file_of_the_witness_that_others_may_change_or_a_secret_that_they_may_read_is_an_error() {
    let (_folder, path) = files(&[("ca", "CA"), ("cert", "CERT"), ("key", "KEY"), ("word", "secret\n")]);
    let text = file(&SECURE.replace("{}", &path), "");
    for (name, mode, why) in [
        ("ca", 0o644, None),
        ("cert", 0o644, None),
        ("ca", 0o664, Some("others may change it (mode 0664)")),
        ("cert", 0o666, Some("others may change it (mode 0666)")),
        ("key", 0o640, None),
        ("key", 0o644, Some("others may read or change it (mode 0644)")),
        ("word", 0o604, Some("others may read or change it (mode 0604)")),
    ] {
        let place = format!("{path}/{name}");
        fs::set_permissions(&place, Permissions::from_mode(mode)).unwrap();
        match why {
            None => assert!(load(&text).is_ok(), "{name} {mode:o}"),
            Some(why) => assert!(errors(&text).join("\n").contains(why), "{name} {mode:o}"),
        }
        fs::set_permissions(&place, Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn keys_of_the_witness_that_do_not_fit_together_are_errors() {
    let (_folder, path) = files(&[("ca", "CA"), ("cert", "CERT"), ("key", "KEY"), ("word", "two\nlines\n")]);
    let secure = SECURE.replace("{}", &path);
    for (core, part) in [
        (secure.clone(), "has not one line"),
        (secure.replace("https:", "http:"), "means nothing without TLS"),
        (secure.replace("witness-key-file", "# "), "means nothing without `witness-key-file`"),
        (secure.replace(&format!("{path}/ca"), "ca"), "is not an absolute path"),
        (format!("{WITNESS}witness-prefix = a\u{7}b"), "is no beginning of a key"),
    ] {
        let found = errors(&file(&core, "")).join("\n");
        assert!(found.contains(part), "{core}: {found}");
    }
    fs::write(format!("{path}/word"), "secret").unwrap();
    let clear = format!("{WITNESS}witness-user = alice\nwitness-password-file = {path}/word");
    let warnings = load(&file(&clear, "")).unwrap().warnings;
    assert!(warnings.iter().any(|one| one.to_string().contains("it can be read on the way")), "{warnings:?}");
}

#[test]
fn other_files_and_another_user_come_with_a_reload_and_another_place_with_a_restart() {
    let (_folder, path) = files(&[("ca", "CA"), ("cert", "CERT"), ("key", "KEY"), ("word", "secret\n")]);
    let secure = SECURE.replace("{}", &path);
    let core = |text: &str| load(&file(text, "")).unwrap().config.core;
    let old = core(&secure);
    fs::write(format!("{path}/ca"), "another").unwrap();
    let rotated = core(&secure.replace("alice", "bob"));
    assert_ne!(old.witness, rotated.witness);
    assert_eq!(crate::needs_restart(&old, &rotated), Vec::<&str>::new());
    let moved = core(&format!("{}witness-prefix = x/", secure.replace(".9", ".8")));
    assert_eq!(crate::needs_restart(&old, &moved), ["witness", "witness-prefix"]);
}
