//! The key file, and the keys that speak of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::{errors, file, load, warned};
use crate::{AuthMode, HttpControl, Security};

pub(super) const KEY: &str = "key00001 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

/// A folder with a key file of this text, and its path.
pub(super) fn key_file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peer.key");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

fn error_of(core: &str) -> String {
    errors(&file(core, "")).join("\n")
}

#[test]
fn with_a_key_file_the_peer_has_to_sign() {
    let (_folder, path) = key_file(KEY);
    let (config, warnings) = warned(&format!("auth-key-file = {path}"), "");
    assert_eq!(warnings, Vec::<String>::new());
    assert!(config.core.peer_has_to_sign());
    let auth = config.core.auth_in_use().unwrap();
    assert_eq!((auth.mode, auth.keys.ids().count()), (AuthMode::Enforce, 1));
    let (config, _) = warned(&format!("auth-key-file = {path}\nauth-mode = Receive-Only"), "");
    assert!(!config.core.peer_has_to_sign() && config.core.auth_in_use().is_some());
    let (config, _) = warned(&format!("auth-key-file = {path}\nauth-mode = off\nextensions = off"), "");
    assert!(config.core.auth_in_use().is_none());
}

#[test]
fn a_wrong_key_file_is_a_wrong_configuration() {
    let (_folder, path) = key_file("# comment\nkey00001 00ff\n");
    let core = format!("auth-key-file = {path}");
    let keygen = "schrittmacherctl keygen /etc/schrittmacher/peer.key";
    assert_eq!(
        error_of(&core),
        format!("{path}:2: the secret is too short: 64 hexadecimal digits at least (a new one: {keygen})")
    );
    fs::write(&path, KEY).unwrap();
    for mode in [0o604, 0o602, 0o660, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            error_of(&core),
            format!(
                "x.conf:6: `auth-key-file` {path} cannot be used: others may read or change it (mode {mode:04o}) \
                 (chown root {path} && chmod 600 {path})"
            )
        );
    }
    for mode in [0o600, 0o400, 0o640] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert!(load(&file(&core, "")).is_ok(), "{mode:o}");
    }
    assert_eq!(
        error_of("auth-key-file = /nonexistent/key"),
        format!(
            "x.conf:6: `auth-key-file` /nonexistent/key cannot be used: No such file or directory (os error 2) (make \
             one, the same on both hosts: {keygen})"
        )
    );
    for (no_file, why) in [("/dev/zero", "not a regular file"), ("/", "not a regular file")] {
        assert!(error_of(&format!("auth-key-file = {no_file}")).contains(why));
    }
    assert!(error_of("auth-key-file = peer.key").contains("is not an absolute path"));
}

/// As root alone a test can make a file of somebody else.
#[test]
fn a_key_file_of_another_user_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        return println!("SKIPPED: a_key_file_of_another_user_is_refused: not root");
    }
    let (_folder, path) = key_file(KEY);
    std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
    let error = error_of(&format!("auth-key-file = {path}"));
    assert!(error.contains("it belongs to user 12345, who is neither root nor the daemon's"), "{error}");
}

#[test]
fn what_contradicts_a_signature_is_an_error() {
    let (_folder, path) = key_file(KEY);
    let key = format!("auth-key-file = {path}\n");
    assert_eq!(
        error_of(&format!("{key}extensions = off")),
        "x.conf:7: `extensions` = \"off\" contradicts `auth-key-file` (a signature is an extension; take one of both \
         keys away)"
    );
    assert!(error_of("auth-mode = permissive").contains("means nothing without `auth-key-file`"));
    let strict = |core: &str| errors(&file(core, "").replace("= legacy", "= strict")).join("\n");
    for mode in ["off", "receive-only", "permissive"] {
        let error = strict(&format!("{key}auth-mode = {mode}"));
        assert!(error.contains("is weaker than `security` = \"strict\""), "{error}");
    }
    for control in ["all", "loopback"] {
        let error = strict(&format!("{key}http-control = {control}"));
        assert!(error.contains("is weaker than `security` = \"strict\""), "{error}");
    }
}

#[test]
fn in_strict_the_peer_signs_and_the_page_takes_no_orders_without_a_token() {
    let (_folder, path) = key_file(KEY);
    let text = file(&format!("auth-key-file = {path}"), "").replace("= legacy", "= strict");
    let core = load(&text).unwrap().config.core;
    assert_eq!((core.security, core.http_control), (Security::Strict, HttpControl::None));
    assert!(core.peer_has_to_sign() && core.order_tokens.is_none());
}

#[test]
fn with_a_token_file_the_page_takes_no_orders_without_a_token() {
    let (_folder, path) = key_file(KEY);
    let core = |more: &str| {
        let text = file(&format!("order-token-file = {path}\n{more}"), "");
        load(&text).unwrap_or_else(|error| panic!("{error}")).config.core
    };
    let found = core("");
    assert_eq!(found.http_control, HttpControl::None);
    assert_eq!(found.order_tokens.unwrap().tokens.ids().count(), 1);
    assert_eq!(core("http-control = loopback").http_control, HttpControl::Loopback);
    assert_eq!(crate::token_to_show(path.as_ref()).unwrap(), KEY[9..].trim());
}

#[test]
fn a_wrong_token_file_is_a_wrong_configuration() {
    let (_folder, path) = key_file("operator 00ff\n");
    let keygen = "schrittmacherctl keygen /etc/schrittmacher/order.token";
    let error = error_of(&format!("order-token-file = {path}"));
    assert!(
        error.starts_with(&format!("{path}:1: the secret is too short")) && error.contains(keygen),
        "{error}"
    );
    fs::write(&path, KEY).unwrap();
    let error = error_of(&format!("auth-key-file = {path}\norder-token-file = {path}"));
    assert!(error.contains("is also `auth-key-file`"), "{error}");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let error = error_of(&format!("order-token-file = {path}"));
    assert!(error.contains("`order-token-file`") && error.contains("(mode 0644)"), "{error}");
    assert!(crate::token_to_show(path.as_ref()).unwrap_err().contains("(mode 0644)"));
    let error = error_of("order-token-file = /nonexistent/token");
    assert!(error.contains(&format!("make one: {keygen}")), "{error}");
    assert!(error_of("order-token-file = token").contains("is not an absolute path"));
}

#[test]
fn nothing_shows_the_keys() {
    let (_folder, path) = key_file(KEY);
    let (_other, tokens) = key_file(&KEY.replace("key00001", "operator").replace("1f", "20"));
    let core = format!("auth-key-file = {path}\norder-token-file = {tokens}");
    let loaded = load(&file(&core, "")).unwrap();
    let shown = format!("{loaded:?}{}{}", crate::report(&loaded), crate::report_json(&loaded));
    assert!(shown.contains("peer.key") && !shown.contains("0001020304"), "{shown}");
    let kept = crate::restore(&loaded.to_kept()).unwrap();
    assert_eq!(kept, loaded);
}
