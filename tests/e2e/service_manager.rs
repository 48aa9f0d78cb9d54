//! What the service manager hears. The test is the service manager.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use schrittmacher_harness::{Pair, Setup, Side};

/// Reads on until a message is as it should be. A daemon that says nothing, or only other things, fails the test.
fn hear(manager: &UnixDatagram, wanted: impl Fn(&str) -> bool) {
    let mut heard = Vec::new();
    for _ in 0..200 {
        let mut text = [0; 4096];
        let length = manager.recv(&mut text).unwrap_or_else(|error| panic!("{error} after {heard:?}"));
        let text = String::from_utf8_lossy(&text[..length]).into_owned();
        if wanted(&text) {
            return;
        }
        heard.push(text);
    }
    panic!("{heard:?}");
}

#[test]
fn the_service_manager_hears_the_state_and_that_the_loop_turns() {
    let mut pair = Pair::new(Setup::default());
    let path = pair.folder().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    pair[Side::A].environment = vec![("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "200000".into())];
    pair.start(Side::A);
    hear(&manager, |text| text.starts_with("READY=1\n"));
    hear(&manager, |text| text == "STATUS=service hot");
    // It goes on when nothing happens but heartbeats.
    for _ in 0..5 {
        hear(&manager, |text| text == "WATCHDOG=1");
    }
    pair[Side::A].tell_app("fail");
    hear(&manager, |text| text.starts_with("STATUS=service failed"));
}
