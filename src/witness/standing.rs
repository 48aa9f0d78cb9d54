//! Whether a key may be taken: it is free, or ours, or has stood still for as long as its holder said.

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::etcd::Reply;

/// The longest lease that is believed.
const LONGEST: Duration = Duration::from_secs(3600);

/// The key of one resource, as it was seen last.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// The revision of its last change, 0 if it is not there; `None`: it was not looked at.
    revision: Option<u64>,
    /// Nobody, if it is empty.
    holder: String,
    lasts: Duration,
    /// Since when it is seen with this revision.
    since: Time,
}

/// The next thing to do for a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write our name, if the key has this revision still.
    Take { revision: u64 },
    /// See whether it has changed.
    Look,
}

/// A key's value.
pub(super) fn value(holder: &str, lasts: Duration) -> String {
    format!("{holder} {}", lasts.as_millis())
}

impl Standing {
    pub fn step(&self, own: &str, now: Time) -> Step {
        let Some(revision) = self.revision else { return Step::Look };
        let is_free = self.holder.is_empty() || self.holder == own || now >= self.since + self.lasts;
        if is_free { Step::Take { revision } } else { Step::Look }
    }

    /// Its revision, if it is ours.
    pub fn held_by(&self, own: &str) -> Option<u64> {
        self.revision.filter(|_| self.holder == own)
    }

    /// Takes note of what a reply shows. `now` is after its arrival.
    pub fn saw(&mut self, reply: &Reply, now: Time) {
        if self.revision == Some(reply.key_revision) {
            return;
        }
        // A value that is not ours to read belongs to somebody for long.
        let (holder, lasts) = reply.value.split_once(' ').unwrap_or(("?", ""));
        let lasts = lasts.parse().map_or(LONGEST, Duration::from_millis).min(LONGEST);
        let (holder, lasts) = if reply.key_revision == 0 { ("", Duration::ZERO) } else { (holder, lasts) };
        *self = Standing { revision: Some(reply.key_revision), holder: holder.to_owned(), lasts, since: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn reply(revision: u64, value: &str) -> Reply {
        Reply { is_taken: false, key_revision: revision, value: value.to_owned() }
    }

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    #[test]
    fn a_key_of_the_other_side_is_taken_when_it_has_stood_still_for_its_time() {
        let mut standing = Standing::default();
        assert_eq!(standing.step("a", at(0)), Step::Look, "it was not looked at");
        standing.saw(&reply(7, &value("b", 3 * SECOND)), at(10));
        assert_eq!(standing.step("a", at(12)), Step::Look);
        assert_eq!(standing.step("b", at(10)), Step::Take { revision: 7 });
        // Seen again: it stands. Renewed: it does not.
        standing.saw(&reply(7, &value("b", 3 * SECOND)), at(12));
        assert_eq!(standing.step("a", at(13)), Step::Take { revision: 7 });
        standing.saw(&reply(8, &value("b", 3 * SECOND)), at(13));
        assert_eq!(standing.step("a", at(15)), Step::Look);
    }

    #[test]
    fn a_free_key_is_taken_at_once_and_a_strange_one_for_a_long_time_not() {
        let mut standing = Standing::default();
        standing.saw(&reply(0, ""), at(1));
        assert_eq!(standing.step("a", at(1)), Step::Take { revision: 0 });
        standing.saw(&reply(4, &value("", Duration::ZERO)), at(2));
        assert_eq!(standing.step("a", at(2)), Step::Take { revision: 4 });
        standing.saw(&reply(5, "nonsense"), at(3));
        assert_eq!(standing.step("a", at(3000)), Step::Look);
    }
}
