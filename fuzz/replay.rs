//! A made-up flight record, as `schrittmacherctl replay` may be given one. The machine goes through any of them without
//! a panic.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use schrittmacher_protocol::Segment;

fuzz_target!(|text: &[u8]| -> Corpus {
    let Ok(segments) = serde_json::from_slice::<Vec<Segment>>(text) else { return Corpus::Reject };
    let mut before = None;
    for segment in &segments {
        let _ = segment.begins_right(before.as_ref());
        let mut replay = segment.replay();
        assert_eq!(replay.by_ref().count(), segment.len());
        let machine = replay.machine();
        let _ = machine.next_deadline(segment.settings());
        before = Some(machine.clone());
    }
    Corpus::Keep
});
