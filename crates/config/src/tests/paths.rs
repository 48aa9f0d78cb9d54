//! Further paths to the peer.

use super::{errors, file, load};
use crate::PeerPath;

fn paths(core: &str) -> Vec<PeerPath> {
    load(&file(core, "")).unwrap().config.core.more_paths
}

fn error_of(core: &str) -> String {
    errors(&file(core, "")).join("\n")
}

#[test]
fn a_path_has_two_addresses_and_perhaps_an_interface() {
    assert_eq!(paths(""), []);
    let found = paths(
        "local-address-2 = 10.9.0.1\nremote-address-2 = 10.9.0.2\n\
         local-address-4 = fe80::1%eth1\nremote-address-4 = [fe80::2]%eth1",
    );
    let ip = |text: &str| text.parse().unwrap();
    assert_eq!(
        found,
        [
            PeerPath { number: 2, local: ip("10.9.0.1"), remote: ip("10.9.0.2"), zone: None },
            PeerPath {
                number: 4,
                local: ip("fe80::1"),
                remote: ip("fe80::2"),
                zone: Some("eth1".to_owned())
            },
        ]
    );
    assert_eq!(found[1].end(found[1].remote), "fe80::2%eth1");
    // A direct cable each: the addresses are the same, the interfaces are not.
    let cables = "local-address-2 = fe80::1%eth1\nremote-address-2 = fe80::2%eth1\n\
                  local-address-3 = fe80::1%eth2\nremote-address-3 = fe80::2%eth2";
    assert_eq!(paths(cables).len(), 2);
}

#[test]
fn what_is_no_path_is_an_error_with_its_line() {
    for (core, part) in [
        ("local-address-2 = 10.9.0.1", "`remote-address-2` is missing"),
        ("remote-address-3 = 10.9.0.1", "`local-address-3` is missing"),
        ("local-address-2 = 10.9.0.1\nremote-address-2 = 10.9.0.1", "also this host's end"),
        ("local-address-2 = 10.9.0.1\nremote-address-2 = fd00::1", "not of the same family"),
        ("local-address-2 = 192.0.2.1\nremote-address-2 = 10.9.0.2", "in another path, too"),
        ("local-address-2 = fe80::1\nremote-address-2 = fe80::2%eth1", "cannot be one end of a path"),
        ("local-address-2 = fe80::1%eth1\nremote-address-2 = fe80::2%eth2", "not of the same interface"),
        ("local-address-2 = fe80::1%eth1/0\nremote-address-2 = fe80::2%eth1", "cannot be one end of a path"),
        ("local-address-2 = fd00::1%eth1\nremote-address-2 = fd00::2%eth1", "cannot be one end of a path"),
        ("local-address-2 = 0.0.0.0\nremote-address-2 = 10.9.0.2", "cannot be one end of a path"),
        ("local-address-2 = host-a\nremote-address-2 = 10.9.0.2", "is no address"),
        ("extensions = off\nlocal-address-2 = 10.9.0.1\nremote-address-2 = 10.9.0.2", "`extensions` = off"),
        (
            "local-address-2 = 10.9.0.1\nremote-address-2 = 10.9.0.2\n\
             local-address-3 = 10.9.0.1\nremote-address-3 = 10.9.0.3",
            "in another path, too",
        ),
    ] {
        let found = error_of(core);
        assert!(found.contains(part) && found.starts_with("x.conf:"), "{core}: {found}");
    }
}
