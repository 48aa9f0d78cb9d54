//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use crate::figures::Histogram;

/// The types of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// For the names of the older program, which do not follow the rules for counters.
    Untyped,
}

/// A page that grows family by family.
#[derive(Debug, Default)]
pub(super) struct Text {
    page: String,
    /// Of the family that is written.
    name: &'static str,
}

/// The labels of a sample.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Text {
    /// Room for this number of bytes at first.
    pub fn with_capacity(bytes: usize) -> Text {
        Text { page: String::with_capacity(bytes), name: "" }
    }

    /// Begins a family. Its samples follow.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Untyped => "untyped",
        };
        self.name = name;
        self.add(&["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
    }

    /// A sample of the family.
    pub fn sample(&mut self, labels: Labels<'_>, value: f64) {
        self.line("", labels, value);
    }

    /// A sample that is 1 or 0.
    pub fn truth(&mut self, labels: Labels<'_>, value: bool) {
        self.line("", labels, f64::from(u8::from(value)));
    }

    /// A sample that counts.
    #[expect(clippy::cast_precision_loss, reason = "the format has no other numbers; exact up to 2^53")]
    pub fn count(&mut self, labels: Labels<'_>, value: u64) {
        self.line("", labels, value as f64);
    }

    /// All samples of a histogram.
    #[expect(clippy::cast_precision_loss, reason = "the format has no other numbers; exact up to 2^53")]
    pub fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) {
        for (bound, count) in histogram.buckets() {
            let bound = bound.to_string();
            self.line("_bucket", &[labels, &[("le", &bound)]].concat(), count as f64);
        }
        let count = histogram.count as f64;
        self.line("_bucket", &[labels, &[("le", "+Inf")]].concat(), count);
        self.line("_sum", labels, histogram.sum);
        self.line("_count", labels, count);
    }

    /// The page.
    pub fn finish(self) -> String {
        self.page
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, value: f64) {
        self.add(&[self.name, suffix]);
        for (place, (label, value)) in labels.iter().enumerate() {
            self.add(&[if place == 0 { "{" } else { "," }, label, "=\""]);
            self.escaped(value);
            self.page.push('"');
        }
        if !labels.is_empty() {
            self.page.push('}');
        }
        // Nearly all values are 0, 1 or a small count, which take a tenth of the time of a fraction.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is compared with the value"
        )]
        let small = value as u32;
        // Writing to a String does not fail.
        let _ = if f64::from(small).to_bits() == value.to_bits() {
            writeln!(self.page, " {small}")
        } else {
            writeln!(self.page, " {value}")
        };
    }

    fn escaped(&mut self, value: &str) {
        if !value.contains(['\\', '"', '\n']) {
            self.page.push_str(value);
            return;
        }
        for letter in value.chars() {
            match letter {
                '\\' => self.page.push_str("\\\\"),
                '"' => self.page.push_str("\\\""),
                '\n' => self.page.push_str("\\n"),
                other => self.page.push(other),
            }
        }
    }

    fn add(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.page.push_str(part));
    }
}
