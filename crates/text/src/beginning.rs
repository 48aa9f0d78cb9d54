//! Bounds on text from outside.

/// The beginning of a text from outside, at most `bytes` of it and a mark that it was cut: no sender can fill our memory.
pub fn beginning(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("short".into(), 5), "short");
        assert_eq!(beginning("ääää".into(), 5), "ää…");
        assert_eq!(beginning("ä".into(), 1), "…");
    }
}
