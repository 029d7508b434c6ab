//! What others wrote, made safe to show: it can mention nobody, link nowhere, and say nothing in disguise.
//!
//! Lengths are counted in UTF-16 units, which is never less than what Slack counts. Everything too long ends in
//! `…`, cut between characters and never inside an escape.

/// The length of `text`, as the limits have it.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// One line for a `plain_text` object, where Slack reads no markup.
pub(super) fn plain(text: &str, limit: usize) -> String {
    isolated(&one_line(text), limit, |character, out| out.push(character))
}

/// The same with its line breaks, at most one empty line in a row.
pub(super) fn prose(text: &str, limit: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.split(['\n', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']).map(one_line) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    isolated(lines.trim_matches('\n'), limit, |character, out| out.push(character))
}

/// One line for a `mrkdwn` object: escaped, and without the marks that would style what follows.
pub(super) fn words(text: &str, limit: usize) -> String {
    isolated(&one_line(text), limit, |character, out| match character {
        '*' => out.push('∗'),
        '~' => out.push('∼'),
        '`' => out.push('ˋ'),
        _ => escape(character, out),
    })
}

/// A code span for a `mrkdwn` object: names and ids, in which Slack sees no emoji, style or link. Empty when `text` is.
pub(super) fn code(text: &str, limit: usize) -> String {
    let inside = isolated(&one_line(text), limit.saturating_sub(2), |character, out| match character {
        '`' => out.push('ˋ'),
        _ => escape(character, out),
    });
    if inside.is_empty() { inside } else { format!("`{inside}`") }
}

/// Several lines in one code frame, to be copied.
pub(super) fn snippet(text: &str, limit: usize) -> String {
    let inside = fit(text.trim_matches('\n'), limit.saturating_sub(8), |character, out| match character {
        '`' => out.push('ˋ'),
        '\n' => out.push('\n'),
        _ if character.is_control() || unseen(character) => out.push(' '),
        _ => escape(character, out),
    });
    format!("```\n{inside}\n```")
}

/// The three characters that Slack's markup begins and ends with.
fn escape(character: char, out: &mut String) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ => out.push(character),
    }
}

/// Without unseen characters, each run of spaces and control characters one space, and no `@here`.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !unseen(*character)) {
        if character.is_whitespace() || character.is_control() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else {
            line.push(character);
        }
    }
    line.truncate(line.trim_end().len());
    unmentioned(line)
}

/// Puts an invisible joiner between `@` and the words that call everybody.
fn unmentioned(line: String) -> String {
    const CALLS: [&str; 4] = ["here", "channel", "everyone", "group"];
    let calls = |rest: &str| {
        CALLS.iter().any(|call| rest.get(..call.len()).is_some_and(|start| start.eq_ignore_ascii_case(call)))
    };
    if !line.match_indices(['@', '＠']).any(|(at, sign)| line.get(at + sign.len()..).is_some_and(calls)) {
        return line;
    }
    let mut quiet = String::with_capacity(line.len() + 8);
    for (at, character) in line.char_indices() {
        quiet.push(character);
        if matches!(character, '@' | '＠') && line.get(at + character.len_utf8()..).is_some_and(calls) {
            quiet.push('\u{2060}');
        }
    }
    quiet
}

/// Characters that show nothing and change how others are shown: direction marks and overrides, widthless spaces.
fn unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// [`fit`], with a text that runs right to left kept from turning what stands after it.
fn isolated(text: &str, limit: usize, write: impl Fn(char, &mut String)) -> String {
    if !text.chars().any(right_to_left) {
        return fit(text, limit, write);
    }
    format!("\u{2068}{}\u{2069}", fit(text, limit.saturating_sub(2), write))
}

/// Writes `text` into at most `limit` units, at least one; the last of them `…` when something is left out.
fn fit(text: &str, limit: usize, write: impl Fn(char, &mut String)) -> String {
    let limit = limit.max(1);
    let mut out = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let (mut used, mut keep) = (0, 0);
    for character in text.chars() {
        let before = out.len();
        write(character, &mut out);
        used += out.get(before..).map_or(0, units);
        if used > limit {
            out.truncate(keep);
            out.push('…');
            return out;
        }
        if used < limit {
            keep = out.len();
        }
    }
    out
}

fn right_to_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        let check = |text: &str, expect: &str| assert_eq!(words(text, 100), expect, "{text:?}");
        check("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;");
        check("<https://evil.example|the dashboard>", "&lt;https://evil.example|the dashboard&gt;");
        check(
            "ask @here, @Channel and @everyone, not @herbert",
            "ask @\u{2060}here, @\u{2060}Channel and @\u{2060}everyone, not @herbert",
        );
        check("@\u{200b}here", "@\u{2060}here");
        check("*bold* ~gone~ `code`", "∗bold∗ ∼gone∼ ˋcodeˋ");
        check(" two\nlines\t\0and  spaces ", "two lines and spaces");
        check("invoice\u{202e}fdp.exe", "invoicefdp.exe");
        check("שלום", "\u{2068}שלום\u{2069}");
        check("", "");
        assert_eq!(code("a`b<c>", 100), "`aˋb&lt;c&gt;`");
        assert_eq!(code(" \n", 100), "");
        assert_eq!(snippet("a:\n  - `<b>`\n", 100), "```\na:\n  - ˋ&lt;b&gt;ˋ\n```");
        assert_eq!(prose("one\n\n\n\u{1b}[31mtwo\r\nthree\n", 100), "one\n\n[31mtwo\nthree");
    }

    #[test]
    fn cuts_fall_between_characters_and_escapes() {
        let check = |text: &str, limit, expect: &str| assert_eq!(words(text, limit), expect, "{text:?} in {limit}");
        check("four", 4, "four");
        check("fives", 4, "fiv…");
        check("<<<", 12, "&lt;&lt;&lt;");
        check("<<<", 11, "&lt;&lt;…");
        check("👍👍", 4, "👍👍");
        check("👍👍👍", 4, "👍…");
        check("abc", 0, "…");
    }
}
