//! Orders from another host, by a token of `order-token-file`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use schrittmacher_harness::{HTTP_PORT, Pair, RESOURCE, Setup, Side, ctl};

/// Writes a file with a token of this name; the path.
fn write_token(pair: &Pair, file: &str, name: &str) -> String {
    let path = pair.folder().join(file);
    fs::write(&path, format!("{name} {}{name}\n", "0123456789abcdef".repeat(4))).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

fn order(pair: &Pair, side: Side, what: &str, more: &[&str]) -> (i32, String, String) {
    let page = format!("{}:{HTTP_PORT}", pair[side].address);
    ctl([what, RESOURCE, "--address", &page].into_iter().chain(more.iter().copied()))
}

#[test]
fn a_token_gives_the_right_to_order_from_elsewhere_until_a_reload_takes_it_away() {
    let mut pair = Pair::new(Setup { core: "order-token-file = {folder}/order.token", ..Setup::default() });
    let first = write_token(&pair, "order.token", "00000001");
    let mine = write_token(&pair, "mine.token", "00000001");
    let wrong = write_token(&pair, "wrong.token", "00000002");
    pair.start(Side::A);

    let (code, _, complaint) = order(&pair, Side::A, "failover", &[]);
    assert_eq!(code, 77, "{complaint}");
    assert!(complaint.contains("an order needs a token here (order-token-file)"), "{complaint}");
    let (code, _, complaint) = order(&pair, Side::A, "failover", &["--token-file", &wrong]);
    assert_eq!(code, 77, "{complaint}");
    assert!(complaint.contains("this token is not in order-token-file"), "{complaint}");
    assert!(pair[Side::A].page(&format!("?failover={RESOURCE}")).contains("401"));
    pair.stays();

    let (code, said, complaint) = order(&pair, Side::A, "failover", &["--token-file", &mine]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    pair.settles(Side::B, Duration::ZERO);
    let address = pair[Side::A].address;
    pair[Side::A].log.wait("with token 00000001", Duration::ZERO);
    let config = pair[Side::A].files.config();
    let (_, history, _) = ctl(["history", "--config", config.to_str().unwrap()]);
    // Other clients of this host have its addresses, too.
    assert!(history.contains("with token 00000001") && address.is_loopback(), "{history}");

    // The token is lost: another one takes its place.
    assert_eq!(first, write_token(&pair, "order.token", "00000003"));
    let (code, _, complaint) = ctl(["reload", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 0, "{complaint}");
    assert_eq!(order(&pair, Side::A, "takeover", &["--token-file", &mine]).0, 77);
    let new = write_token(&pair, "mine.token", "00000003");
    assert_eq!(order(&pair, Side::A, "takeover", &["--token-file", &new]).0, 0);
    pair.settles(Side::A, Duration::ZERO);
}
