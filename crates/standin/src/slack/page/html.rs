//! Text into HTML, so that it stays text.

/// Replaces what HTML would read as its own.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        push(&mut escaped, letter);
    }
    escaped
}

/// Adds one letter of text.
pub(super) fn push(html: &mut String, letter: char) {
    match letter {
        '&' => html.push_str("&amp;"),
        '<' => html.push_str("&lt;"),
        '>' => html.push_str("&gt;"),
        '"' => html.push_str("&quot;"),
        '\'' => html.push_str("&#39;"),
        _ => html.push(letter),
    }
}
