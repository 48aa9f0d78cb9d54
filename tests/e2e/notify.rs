//! `notify`: the operator's command hears of a switch on both sides.

use std::fs;

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, wait_for};

#[test]
fn the_command_of_notify_hears_of_a_switch_with_its_facts() {
    let core =
        "notify = echo \"$LOCAL_ADDRESS $EVENT $RESOURCE_NAME $FROM-$TO by=$BY: $TEXT\" >>{folder}/events";
    let mut pair = Pair::new(Setup { core, ..Setup::default() });
    pair.start(Side::A);
    let folder = pair.folder().to_owned();
    let events = || fs::read_to_string(folder.join("events")).unwrap_or_default();
    let heard = |pair: &Pair, side: Side, text: &str| {
        let text = format!("{} {text}", pair[side].address);
        wait_for(&text, AT_ONCE, || events().contains(&text).then_some(()));
    };
    heard(&pair, Side::B, &format!("protected {RESOURCE}"));
    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    heard(&pair, Side::A, &format!("order {RESOURCE} - by=127."));
    heard(&pair, Side::A, &format!("transition {RESOURCE} hot-releasing by=: hot -> releasing: "));
    heard(&pair, Side::B, &format!("transition {RESOURCE} going-hot-hot by="));
    heard(&pair, Side::B, &format!("hot {RESOURCE}"));
    pair.wait_settled(Side::B, AT_ONCE);
}
