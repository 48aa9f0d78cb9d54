//! Hand-overs that an operator orders at the page, or the application.

use std::time::Duration;

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side};

/// The whole hand-over: one side stopped and took its address down, and only then the other brought it up and
/// started (P5); each once.
fn was_handed_over(pair: &mut Pair, from: Side) {
    pair.settles(from.other(), Duration::ZERO);
    pair.journal.expect(from, &["stop", "deactivate"]);
    pair.journal.expect(from.other(), &["activate", "start"]);
    pair.journal.expect_order((from, "deactivate"), (from.other(), "activate"));
}

#[test]
fn an_application_asks_for_a_failover() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::A].tell_app("failover");
    was_handed_over(&mut pair, Side::A);
}

#[test]
fn an_application_asks_for_a_takeover() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::B].tell_app("takeover");
    was_handed_over(&mut pair, Side::A);
}

#[test]
fn the_page_orders_a_failover() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let page = pair[Side::A].page(&format!("?failover={RESOURCE}"));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    was_handed_over(&mut pair, Side::A);
    assert_eq!(pair[Side::A].log.state(), "Standby", "a healthy application is not marked as failed (D17)");
    // And the page shows it.
    assert!(pair[Side::A].page("").contains(&format!("<td>{RESOURCE}</td><td>Standby</td>")));
    assert!(pair[Side::B].page("").contains(&format!("<td>{RESOURCE}</td><td>Hot</td>")));
}

#[test]
fn the_page_orders_a_takeover() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let page = pair[Side::B].page(&format!("?takeover={RESOURCE}"));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    was_handed_over(&mut pair, Side::A);
}

/// D15, S3: the operator's order wins against the priority, in both directions, and lasts.
#[test]
fn an_order_wins_against_the_priority() {
    let mut pair = Pair::new(Setup { priority: [100, 0], ..Setup::default() });
    pair.start(Side::A);
    pair[Side::B].page(&format!("?takeover={RESOURCE}"));
    was_handed_over(&mut pair, Side::A);
    pair.forget();
    pair[Side::B].page(&format!("?failover={RESOURCE}"));
    was_handed_over(&mut pair, Side::B);
    pair.forget();
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    was_handed_over(&mut pair, Side::A);
}

#[test]
fn a_slow_stop_command_is_waited_for() {
    // Longer than the peer's question stays open: it must not conclude anything from the silence.
    let stop = Some("test {host} = b || sleep 2; {note}; kill -12 `cat {pid-file}`");
    for order in ["failover", "takeover"] {
        let mut pair = Pair::new(Setup { stop, ..Setup::default() });
        pair.start(Side::A);
        let at = if order == "failover" { Side::A } else { Side::B };
        pair[at].page(&format!("?{order}={RESOURCE}"));
        pair.wait_settled(Side::B, Duration::from_secs(2));
        was_handed_over(&mut pair, Side::A);
    }
}

/// S8: a failover is refused if no peer can take over.
#[test]
fn a_failover_without_a_fit_peer_is_refused_with_a_reason() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::B].tell_app("fail");
    pair[Side::B].log.wait_state("failed", AT_ONCE);
    // The page and the log say why as soon as the peer has said so.
    let refused = |pair: &Pair| pair[Side::A].page(&format!("?failover={RESOURCE}")).contains("refused");
    assert!(refused(&pair));
    pair[Side::B].kill();
    let timeout = pair.timeout();
    pair[Side::A].log.wait("peer is silent", timeout);
    assert!(refused(&pair));
    pair.stays();
    assert_eq!(pair[Side::A].log.transitions(), []);
    pair.journal.expect(Side::A, &[]);
}

#[test]
fn a_takeover_by_a_failed_side_is_refused() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair[Side::B].tell_app("fail");
    pair[Side::B].log.wait_state("failed", AT_ONCE);
    let page = pair[Side::B].page(&format!("?takeover={RESOURCE}"));
    assert!(page.contains("refused"), "{page}");
    pair.stays();
    assert_eq!(pair[Side::A].log.transitions(), []);
}
