//! Text cut to a length in bytes, never inside a character.

/// The longest beginning of `text` that has at most `bytes` bytes.
pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// A text of at most `bytes` bytes, without control characters, ending in `…` when something was cut.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.len() <= bytes { text } else { format!("{}…", beginning(&text, bytes.saturating_sub('…'.len_utf8()))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        for (text, bytes, expect) in
            [("", 3, ""), ("abc", 3, "abc"), ("abcd", 3, "…"), ("aüüüü", 6, "aü…"), ("a\nb", 9, "a b")]
        {
            assert_eq!(cut(text, bytes), expect, "{text}");
        }
        assert_eq!(beginning("aü", 2), "a");
    }
}
