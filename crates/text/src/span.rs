//! How long something took or has lasted, for people.

use std::time::Duration;

/// `25 ms`, `8.3 s`, `12 min 5 s`, `3 h 2 min`, `12 d 4 h`: the two greatest units.
pub fn span(duration: Duration) -> String {
    let (ms, secs) = (duration.as_millis(), duration.as_secs());
    let two = |great: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{great} {unit}"),
        small => format!("{great} {unit} {small} {small_unit}"),
    };
    match secs {
        _ if ms < 1000 => format!("{ms} ms"),
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => two(secs / 60, "min", secs % 60, "s"),
        3600..86400 => two(secs / 3600, "h", secs % 3600 / 60, "min"),
        _ => two(secs / 86400, "d", secs % 86400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_greatest_units_are_told() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (8_300, "8.3 s"),
            (60_000, "1 min"),
            (725_000, "12 min 5 s"),
            (10_920_000, "3 h 2 min"),
            (1_051_200_000, "12 d 4 h"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
    }
}
