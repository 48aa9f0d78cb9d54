//! Whether this program does with a record what the daemon did.

use schrittmacher_protocol::{Machine, Reaction, Segment, Time};

use schrittmacher_record::ResourceRecord;

/// Something that this program does in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// When.
    pub at: Time,
    /// The kind of difference.
    pub what: What,
}

/// See [`Difference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A segment does not begin as the one before ends, or a resource not as a new one does.
    Beginning,
    /// An input leads to something else.
    Reaction {
        /// The daemon's reaction.
        recorded: Box<Reaction>,
        /// The reaction of this program.
        repeated: Box<Reaction>,
    },
}

/// The first difference in each segment; what follows it there is different because of it.
pub(super) fn compare(record: &ResourceRecord) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut before: Option<&Segment> = None;
    // Where the segment before leads to, if it is the same as when it was recorded.
    let mut reached: Option<Machine> = None;
    for segment in &record.segments {
        let follows = before.is_some_and(|before| segment.follows(before));
        if !segment.begins_right(reached.as_ref().filter(|_| follows)) {
            differences.push(Difference { at: segment.began(), what: What::Beginning });
        }
        let mut replay = segment.replay();
        let different = replay.find(|step| step.differs()).map(|step| Difference {
            at: step.at,
            what: What::Reaction {
                recorded: Box::new(step.recorded.clone()),
                repeated: Box::new(step.repeated),
            },
        });
        reached = different.is_none().then(|| replay.machine().clone());
        differences.extend(different);
        before = Some(segment);
    }
    differences
}
