//! `shared-address` with `shared-interface`.

use super::{CORE, config, errors, file, load, resource, warned};

fn shared(core: &str, more: &str) -> String {
    let shared = resource(core, more).shared.clone().unwrap();
    let addresses: Vec<_> = shared.addresses.iter().map(ToString::to_string).collect();
    format!("{} {} {}", shared.interface, addresses.join(" "), shared.refresh.as_secs())
}

#[test]
fn the_daemon_keeps_the_address_only_where_an_interface_is_named() {
    let plain = config("shared-address = 192.0.2.88\nnetmask = 255.255.255.0", "");
    assert_eq!(plain.resources[0].shared, None, "C1: as ever, for commands");
    assert_eq!(plain.core.shared_address.unwrap().to_string(), "192.0.2.88");

    assert_eq!(shared("", "shared-address = 192.0.2.88\nshared-interface = eth0"), "eth0 192.0.2.88/32 60");
    let both =
        "shared-address = 192.0.2.88/24, fd00::88/64\nshared-interface = bond0.7\nannounce-refresh = 10";
    assert_eq!(shared("", both), "bond0.7 192.0.2.88/24 fd00::88/64 10");
    assert_eq!(
        shared(both, ""),
        "bond0.7 192.0.2.88/24 fd00::88/64 10",
        "in core, for the one resource there is"
    );
    let masked = "shared-address = 192.0.2.88\nnetmask = 255.255.255.0";
    assert_eq!(shared(masked, "shared-interface = eth1"), "eth1 192.0.2.88/24 60");
    assert_eq!(
        config(both, "").core.shared_address.unwrap().to_string(),
        "192.0.2.88",
        "for commands: the first one"
    );
}

#[test]
fn an_interface_is_tracked_for_a_heartbeat_of_at_least_100_ms_unless_that_is_not_wanted() {
    let track = |core: &str, more: &str| {
        let more = format!("shared-address = 192.0.2.88\nshared-interface = eth0\n{more}");
        resource(core, &more).shared.as_ref().unwrap().track.as_ref().map(|track| track.delay.as_millis())
    };
    assert_eq!(track("heartbeat = 0.5", ""), Some(500));
    assert_eq!(track("heartbeat = 0.01\ntimeout = 0.03", ""), Some(100));
    assert_eq!(track("track-delay = 0", ""), Some(0), "at once, if that is wanted");
    assert_eq!(track("track-delay = 3", ""), Some(3000));
    assert_eq!(track("track-delay = 3", "track-delay = 0.2"), Some(200));
    assert_eq!(track("", "track-interface = no"), None);
    assert_eq!(track("track-interface = no\nheartbeat = 1", "track-interface = yes"), Some(1000));
}

#[test]
fn what_cannot_be_kept_is_an_error_with_a_remedy() {
    let error = |core: &str, resource: &str| errors(&file(core, resource)).join("\n");
    for (core, resource, part) in [
        ("", "shared-address = 192.0.2.88", "add `shared-interface = eth0`"),
        ("", "shared-interface = eth0", "add `shared-address = 192.0.2.10/24`"),
        (
            "",
            "shared-address = 192.0.2.88/33\nshared-interface = eth0",
            "a prefix that its family does not have",
        ),
        ("", "shared-address = host\nshared-interface = eth0", "write 192.0.2.10/24"),
        ("", "shared-address = 224.0.0.1/8\nshared-interface = eth0", "no address that a host can have"),
        ("", "shared-address = 192.0.2.88/24\nshared-interface = eth0/1", "no name of an interface"),
        ("", "shared-address = 192.0.2.1/24\nshared-interface = eth0", "is an end of the peer link"),
        ("shared-address = 192.0.2.2/24\nshared-interface = eth0", "", "is an end of the peer link"),
    ] {
        let errors = error(core, resource);
        assert!(errors.contains(part), "{core:?} {resource:?}: {errors}");
    }
}

/// edge-7: two resources with one address could end on different hosts.
#[test]
fn an_address_belongs_to_one_resource() {
    let keys = "shared-address = 192.0.2.88/24\nshared-interface = eth0\n";
    let two = |core: &str, of_each: &str| {
        format!("{CORE}{core}group = resource\nname = r\n{of_each}group = resource\nname = s\n{of_each}")
    };
    for text in [two("", keys), two(keys, "")] {
        let errors = errors(&text).join("\n");
        assert!(errors.contains("192.0.2.88 belongs to r and to s"), "{errors}");
    }
    let together = format!("{keys}set = web\n");
    for text in [two("", &together), two(keys, "set = web\n")] {
        assert_eq!(load(&text).unwrap().warnings, [], "one set: they are on one host");
    }
    let (config, warnings) = warned("", keys);
    assert_eq!((config.resources.len(), warnings.len()), (1, 0), "{warnings:?}");
}
