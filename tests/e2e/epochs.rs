//! Epochs: the number of each promotion, as commands get it and as operators see it (P14).

use std::fs;
use std::time::Duration;

use schrittmacher_harness::{Cable, Filter, PORT, Pair, RESOURCE, Setup, Side, skip, wait_for};

/// The application is told its number as a command would be.
const START: &str = "echo {host} $EPOCH >>{folder}/epochs; {note}; kill -10 `cat {pid-file}`";

/// Each host that was given one, and the number.
fn given(pair: &Pair) -> Vec<(String, u64)> {
    let text = fs::read_to_string(pair.folder().join("epochs")).unwrap_or_default();
    let pair =
        |line: &str| line.split_once(' ').map(|(host, epoch)| (host.to_owned(), epoch.parse().unwrap()));
    text.lines().filter_map(pair).collect()
}

fn wait_given(pair: &Pair, number: usize) -> Vec<(String, u64)> {
    wait_for("a start with its epoch", Duration::from_secs(5), || {
        let given = given(pair);
        (given.len() >= number).then_some(given)
    })
}

/// A file of them is written beside the loop, and not more often than ten times a second.
fn wait_kept(pair: &Pair, side: Side, epoch: u64) {
    let host = &pair[side];
    let file = host.files.state().join(format!("{}-{PORT}", host.address)).join("epochs.json");
    wait_for("the epoch on the disk", Duration::from_secs(5), || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        text.contains(&format!(r#""own":{epoch},"#)).then_some(())
    });
}

#[test]
fn each_promotion_has_a_greater_number_over_switches_failures_and_restarts() {
    let mut pair = Pair::new(Setup { start: Some(START), ..Setup::default() });
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    let first = pair.wait_either(pair.timeout());
    wait_given(&pair, 1);
    pair[first].page(&format!("?failover={RESOURCE}"));
    pair.wait_settled(first.other(), pair.timeout());
    let given = wait_given(&pair, 2);
    // A host that dies before may give the number again if no other one has heard it.
    wait_kept(&pair, first.other(), given[1].1);
    pair[first.other()].kill();
    pair.wait_hot(first, pair.timeout());
    wait_given(&pair, 3);
    // What both knew is on their disks alone.
    pair[first].kill();
    pair.start_daemon(first.other());
    pair[first.other()].start_app("--start-as standby");
    pair.wait_hot(first.other(), Duration::from_secs(10));
    let given = wait_given(&pair, 4);
    let mut numbers: Vec<u64> = given.iter().map(|(_, epoch)| *epoch).collect();
    numbers.dedup();
    assert!(numbers.len() == 4 && numbers.is_sorted(), "{given:?}");
    for (host, epoch) in &given {
        assert_eq!(epoch % 2, u64::from(host == "b"), "b has the greater address: {given:?}");
    }
    let line = format!("(epoch {})", numbers[3]);
    pair[first.other()].log.wait(&line, Duration::from_secs(1));
}

/// One of the two may be the lesser one and stay hot. They are never the same.
#[test]
fn both_sides_of_a_cut_link_have_numbers_of_their_own() {
    const NAME: &str = "both_sides_of_a_cut_link_have_numbers_of_their_own";
    let Ok(cable) = Cable::lay().map_err(|why| skip(NAME, why)) else { return };
    let Ok(filter) = Filter::at(&cable).map_err(|why| skip(NAME, why)) else { return };
    let mut pair =
        Pair::at(Setup { start: Some(START), ..Setup::default() }, &cable, ["10.0.0.1", "10.0.0.2"]);
    pair.start(Side::A);
    for side in [Side::A, Side::B] {
        filter.deafen(side);
    }
    pair.wait_hot(Side::B, pair.timeout());
    filter.heal();
    let line = pair[Side::A].log.wait("BOTH SIDES ARE HOT (epoch ", pair.timeout());
    let numbers: Vec<u64> = line
        .split(|c: char| !c.is_ascii_digit())
        .rev()
        .filter_map(|digits| digits.parse().ok())
        .take(2)
        .collect();
    assert!(line.contains(" here, ") && numbers[0] != numbers[1], "{line}");
    let given = given(&pair);
    assert!(given.contains(&("b".to_owned(), numbers[0])), "{given:?}: {line}");
}
