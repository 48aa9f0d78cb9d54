//! One line on everything, for `systemctl status`.

use std::time::Duration;

use schrittmacher_protocol::Time;
use schrittmacher_text::wording;

use super::Node;

/// The shortest time between two of these lines.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

impl Node {
    /// The line, if it may have changed since this was asked last, and that is some time ago.
    pub fn take_summary(&mut self, now: Time) -> Option<String> {
        self.news.take(now).then(|| self.summary())
    }

    /// When [`Node::take_summary`] has something.
    pub fn next_summary(&self) -> Option<Time> {
        self.news.due()
    }

    fn summary(&self) -> String {
        let there = || self.resources.iter().filter(|resource| !resource.life.is_removed());
        let mut parts: Vec<String> = match there().count() {
            0..=3 => there()
                .map(|resource| {
                    format!("{} {}", resource.config.name, wording::state(resource.protocol.state().name()))
                })
                .collect(),
            all => {
                let hot = there().filter(|resource| resource.is_hot()).count();
                vec![format!("{all} resources, {hot} hot here")]
            }
        };
        let open = there().filter(|resource| !resource.narrator().is_protected()).count();
        if open > 0 {
            parts.push(format!("{open} not protected"));
        }
        let nobody_hot = there().filter(|resource| resource.narrator().is_nobody_hot()).count();
        if nobody_hot > 0 {
            parts.push(format!("NO SIDE IS HOT of {nobody_hot}"));
        }
        let outages: u64 = there().map(|resource| resource.narrator().nobody_hot()).sum();
        if outages > 0 {
            parts.push(format!("no side was hot {outages} time(s)"));
        }
        let frozen = there().filter(|resource| resource.protocol.machine().frozen).count();
        if frozen > 0 {
            parts.push(format!("{frozen} frozen"));
        }
        let both_hot: u64 = there().map(|resource| resource.narrator().both_hot()).sum();
        if both_hot > 0 {
            parts.push(format!("both sides were hot {both_hot} time(s)"));
        }
        if let Some(hold) = self.hold() {
            parts.push(format!("starts nothing: {}", hold.as_str()));
        }
        parts.join(", ")
    }
}
