//! A list of numbers as text: the distance of each from the one before, and `+N` if N more follow it directly.

use std::fmt::Write;

/// A received list names no more: the work that a datagram makes is bounded.
const MOST: u64 = 4096;

/// No number is longer in decimal.
const DIGITS: usize = 18;

/// Numbers in rising order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// First and last of each row without a gap.
    rows: Vec<(u64, u64)>,
}

impl Numbers {
    /// The numbers that a text means; nonsense is none.
    pub(crate) fn from_text(text: &str) -> Option<Numbers> {
        let (mut rows, mut last, mut count) = (Vec::new(), 0_u64, 0_u64);
        for part in text.split(' ').filter(|part| !part.is_empty()) {
            let (distance, more) = match part.split_once('+') {
                Some((distance, more)) => (number(distance)?, number(more)?),
                None => (number(part)?, 0),
            };
            let first = last.checked_add(distance).filter(|_| distance > 0)?;
            last = first.checked_add(more)?;
            count = count.checked_add(more)?.checked_add(1).filter(|count| *count <= MOST)?;
            rows.push((first, last));
        }
        Some(Numbers { rows })
    }

    /// These, which are in rising order.
    pub fn of(numbers: &[u64]) -> Numbers {
        let mut rows: Vec<(u64, u64)> = Vec::new();
        for &number in numbers {
            match rows.last_mut().filter(|(_, last)| last.checked_add(1) == Some(number)) {
                Some((_, last)) => *last = number,
                None => rows.push((number, number)),
            }
        }
        Numbers { rows }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All of them, 4,096 at most.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().flat_map(|(first, last)| *first..=*last)
    }

    pub fn contains(&self, number: u64) -> bool {
        let row = self.rows.partition_point(|(_, last)| *last < number);
        self.rows.get(row).is_some_and(|(first, _)| *first <= number)
    }
}

/// Writes the first of these numbers, as many as `room` bytes hold and a receiver takes. Gives back the rest.
pub(super) fn to_text(numbers: &[u64], room: usize) -> (String, &[u64]) {
    let (mut text, mut last, mut rest) = (String::new(), 0, numbers);
    let mut left = MOST;
    while let Some((&first, others)) = rest.split_first() {
        let more = others.iter().zip(first + 1..).take_while(|(number, next)| **number == *next);
        let more = more.count().min(usize::try_from(left - 1).unwrap_or_default());
        let before = text.len();
        let space = if before == 0 { "" } else { " " };
        // A String takes every write.
        let _ = write!(text, "{space}{}", first.saturating_sub(last));
        if more > 0 {
            let _ = write!(text, "+{more}");
        }
        if text.len() > room {
            text.truncate(before);
            break;
        }
        last = first + more as u64;
        rest = &others[more..];
        left -= more as u64 + 1;
        if left == 0 {
            break;
        }
    }
    (text, rest)
}

/// The number parser alone would take a sign.
pub(super) fn number(digits: &str) -> Option<u64> {
    let is_number = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<u64>> {
        Numbers::from_text(text).map(|numbers| numbers.iter().collect())
    }

    #[test]
    fn what_is_written_is_read() {
        let rows: [(&[u64], &str); 5] = [
            (&[], ""),
            (&[7], "7"),
            (&[1, 2, 3, 4], "1+3"),
            (&[5, 6, 9, 20, 21], "5+1 3 11+1"),
            (&[3, 999_999_999_999], "3 999999999996"),
        ];
        for (numbers, text) in rows {
            assert_eq!(to_text(numbers, 100), (text.to_owned(), &[][..]));
            assert_eq!(read(text).unwrap(), numbers);
            assert_eq!(Numbers::from_text(text).unwrap(), Numbers::of(numbers));
        }
    }

    #[test]
    fn what_has_no_room_is_left_for_the_next_datagram() {
        let numbers: Vec<u64> = (0..500).map(|number| 10 + 3 * number).collect();
        let (mut rest, mut found) = (&numbers[..], Vec::new());
        while !rest.is_empty() {
            let (text, after) = to_text(rest, 60);
            assert!(text.len() <= 60 && after.len() < rest.len());
            found.extend(read(&text).unwrap());
            rest = after;
        }
        assert_eq!(found, numbers);
        let many: Vec<u64> = (1..10_000).collect();
        let (text, rest) = to_text(&many, 1000);
        assert_eq!((text.as_str(), rest.len()), ("1+4095", many.len() - 4096));
    }

    #[test]
    fn nonsense_is_no_list() {
        for text in [
            "x",
            "-1",
            "1+",
            "+1",
            "1+1+1",
            "0",
            "1 0",
            "1,2",
            "1+4096",
            "999999999999999999+999999999999999999",
            "1\u{a0}2",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(read(&"999999999999999999 ".repeat(30)).is_none(), "they do not wrap");
    }

    #[test]
    fn membership_is_that_of_the_list() {
        let numbers = Numbers::from_text("5+1 3 11+1").unwrap();
        let found: Vec<u64> = (0..30).filter(|number| numbers.contains(*number)).collect();
        assert_eq!(found, numbers.iter().collect::<Vec<_>>());
    }
}
