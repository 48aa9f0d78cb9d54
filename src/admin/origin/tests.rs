use std::net::Ipv4Addr;

use super::*;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 2, 1, 88));
const BROWSER: (&str, &str) = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0");

/// Why not; `None` if it may.
fn check_at(target: &str, headers: &[(&str, &str)]) -> Option<Denied> {
    let mut request = hyper::Request::get(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let names = OwnNames::new("Node1.example.com", &["proxy.example.net".into(), "192.0.2.7".into()]);
    // The canonical name is known already: no test asks a name server.
    names.canonical.try_lock().unwrap().known = Some((Instant::now(), Some("canonical.example.org".into())));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(names.check_host(&parts, LOCAL)).and_then(|()| check_sender(&parts)).err()
}

fn check(headers: &[(&str, &str)]) -> Option<Denied> {
    check_at("/?failover=a", headers)
}

#[test]
fn scripts_get_through() {
    assert_eq!(check(&[]), None);
    assert_eq!(check(&[("Host", "10.2.1.88:7700"), ("User-Agent", "curl/8.14.1"), ("Accept", "*/*")]), None);
    assert_eq!(check(&[("Host", "node1"), ("User-Agent", "Wget/1.25.0")]), None);
}

#[test]
fn our_names_are_ours() {
    for host in [
        "10.2.1.88",
        "10.2.1.88:7700",
        "node1",
        "NODE1:7700",
        "node1.example.com",
        "node1.example.com.:7700",
        "canonical.example.org",
        "proxy.example.net",
        "192.0.2.7:80",
        "localhost:8080",
        "127.0.0.1:7700",
        "[::1]:7700",
    ] {
        assert_eq!(check(&[("Host", host)]), None, "{host}");
        assert_eq!(check_at(&format!("http://{host}/?failover=a"), &[("Host", "ignored")]), None, "{host}");
    }
}

#[test]
fn other_names_are_not() {
    for host in [
        "evil.example",
        "10.2.1.89",
        "[2001:db8::1]:7700",
        "node1.evil.example",
        "node1.example.com.evil.example",
        "proxy.example.net.evil.example",
        "localhost.evil.example",
        "",
        "a b",
        "\u{fc}",
        "evil.example@10.2.1.88",
        "@node1",
    ] {
        let denied = check(&[("Host", host)]);
        assert!(matches!(denied, Some(Denied::ForeignHost(_))), "{host}: {denied:?}");
    }
    let twice = check(&[("Host", "node1"), ("Host", "evil.example")]);
    assert!(matches!(twice, Some(Denied::ForeignHost(_))), "{twice:?}");
    let target = check_at("http://evil.example/?failover=a", &[("Host", "node1")]);
    assert_eq!(target, Some(Denied::ForeignHost("evil.example".into())));
}

#[test]
fn what_a_browser_calls_cross_site_is_refused() {
    let host = ("Host", "node1:7700");
    for site in ["cross-site", "same-site", "nonsense"] {
        assert_eq!(check(&[host, BROWSER, ("Sec-Fetch-Site", site)]), Some(Denied::CrossSite), "{site}");
    }
    for page in [
        "http://evil.example/",
        "http://node1:3000/dashboard",
        "http://evil.example/?http://node1:7700/",
        "http://node1:7700@evil.example/",
        "null",
        "",
    ] {
        assert_eq!(check(&[host, BROWSER, ("Referer", page)]), Some(Denied::CrossSite), "{page}");
        assert_eq!(check(&[host, BROWSER, ("Origin", page)]), Some(Denied::CrossSite), "{page}");
        // Not only browsers known by their name.
        assert_eq!(check(&[host, ("Origin", page)]), Some(Denied::CrossSite), "{page}");
    }
    // One witness against us is enough.
    let torn = [host, BROWSER, ("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.example")];
    assert_eq!(check(&torn), Some(Denied::CrossSite));
    // No address at all is not the same as no Host.
    assert_eq!(check(&[BROWSER, ("Referer", "/")]), Some(Denied::CrossSite));
}

#[test]
fn our_own_page_may() {
    let host = ("Host", "node1:7700");
    assert_eq!(check(&[host, BROWSER, ("Referer", "http://node1:7700/?failover=b")]), None);
    assert_eq!(check(&[host, BROWSER, ("Origin", "http://NODE1:7700")]), None);
    assert_eq!(check(&[host, BROWSER, ("Sec-Fetch-Site", "same-origin")]), None);
    assert_eq!(check(&[host, BROWSER, ("Sec-Fetch-Site", "none")]), None);
    // Behind a proxy that speaks TLS and passes Host on.
    let proxy = [("Host", "proxy.example.net"), BROWSER, ("Origin", "https://proxy.example.net")];
    assert_eq!(check(&proxy), None);
}

#[test]
fn a_browser_that_hides_its_page_has_to_be_asked() {
    assert_eq!(check(&[("Host", "node1:7700"), BROWSER]), Some(Denied::Unproven));
}

#[test]
fn fetching_in_advance_orders_nothing() {
    let host = ("Host", "node1:7700");
    let typed = ("Sec-Fetch-Site", "none");
    assert_eq!(check(&[host, BROWSER, typed, ("Sec-Purpose", "prefetch;prerender")]), Some(Denied::Prefetch));
    for header in ["Purpose", "X-Purpose", "X-Moz"] {
        assert_eq!(check(&[host, BROWSER, typed, (header, "prefetch")]), Some(Denied::Prefetch), "{header}");
    }
}

/// A name that needs no name service to be refused; it must not be a panic.
#[test]
fn the_canonical_name_of_an_impossible_host_is_none() {
    assert_eq!(canonical_name("no such\0host"), None);
    assert_eq!(canonical_name(""), None);
}
