//! Slack's mrkdwn as HTML: bold, italic, strike, code, quotes, lists as they are, links and mentions.
//!
//! All that is not one of these stays text. `&amp;`, `&lt;` and `&gt;` are what the sender wrote instead of the signs,
//! and come out as the signs; nothing else can become markup.

use super::super::workspace::Workspace;
use super::{emoji, html};

/// The rendered text.
pub(super) fn render(workspace: &Workspace, text: &str) -> String {
    let mut out = String::new();
    let mut fences = text.split("```").peekable();
    let mut inside = false;
    while let Some(piece) = fences.next() {
        // A fence that nothing closes is text.
        let closed = fences.peek().is_some();
        if inside && closed {
            out.push_str("<pre>");
            entities(&mut out, piece.trim_matches('\n'));
            out.push_str("</pre>");
        } else {
            if inside {
                out.push_str("```");
            }
            lines(workspace, piece, &mut out);
        }
        inside = !inside;
    }
    out
}

/// Text that is no markup, with its emoji.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if let Some((sign, length)) = emoji::at_start(&text[at..]) {
            out.push_str(sign);
            at += length;
            continue;
        }
        if letter == '\n' {
            out.push_str("<br>")
        } else {
            html::push(&mut out, letter)
        }
        at += letter.len_utf8();
    }
    out
}

fn lines(workspace: &Workspace, text: &str, out: &mut String) {
    let mut quoting = false;
    for (index, line) in text.split('\n').enumerate() {
        let quoted = line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>'));
        match (quoting, quoted.is_some()) {
            (false, true) => out.push_str("<blockquote>"),
            (true, false) => out.push_str("</blockquote>"),
            _ if index > 0 => out.push_str("<br>"),
            _ => (),
        }
        quoting = quoted.is_some();
        inline(workspace, quoted.unwrap_or(line).trim_start_matches(|letter| quoting && letter == ' '), out);
    }
    if quoting {
        out.push_str("</blockquote>");
    }
}

fn inline(workspace: &Workspace, text: &str, out: &mut String) {
    let mut at = 0;
    let mut before = None;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match letter {
            '<' => special(workspace, rest, out),
            '`' => code(rest, out),
            '*' => span(workspace, rest, before, ('*', "b"), out),
            '_' => span(workspace, rest, before, ('_', "i"), out),
            '~' => span(workspace, rest, before, ('~', "s"), out),
            'h' => address(rest, before, out),
            '&' => entity(rest, out),
            ':' => emoji::at_start(rest).map(|(sign, length)| {
                out.push_str(sign);
                length
            }),
            _ => None,
        };
        let length = length.unwrap_or_else(|| {
            html::push(out, letter);
            letter.len_utf8()
        });
        before = text[..at + length].chars().next_back();
        at += length;
    }
}

/// `<…>`: a mention, a link, or a date. Says how much of the text it was.
fn special(workspace: &Workspace, text: &str, out: &mut String) -> Option<usize> {
    let end = text.find('>')?;
    let (target, label) = match text[1..end].split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (&text[1..end], None),
    };
    if let Some(everyone) = target.strip_prefix('!') {
        let (kind, _) = everyone.split_once('^').unwrap_or((everyone, ""));
        match kind {
            "channel" | "here" | "everyone" => mention("mention loud", &format!("@{kind}"), out),
            "date" => entities(out, label.unwrap_or(everyone)),
            _ => mention("mention loud", label.unwrap_or(everyone), out),
        }
    } else if let Some(user) = target.strip_prefix('@') {
        mention("mention", &format!("@{}", workspace.handle(user)), out);
    } else if let Some(channel) = target.strip_prefix('#') {
        let name = workspace.channels.get(channel).map(|channel| channel.name.as_str());
        mention("mention", &format!("#{}", name.or(label).unwrap_or(channel)), out);
    } else if ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        anchor(target, label.unwrap_or(target.trim_start_matches("mailto:")), out);
    } else {
        return None;
    }
    Some(end + 1)
}

fn mention(class: &str, label: &str, out: &mut String) {
    out.push_str("<span class=\"");
    out.push_str(class);
    out.push_str("\">");
    entities(out, label);
    out.push_str("</span>");
}

fn anchor(target: &str, label: &str, out: &mut String) {
    for (before, text) in
        [("<a rel=\"noreferrer noopener\" target=\"_blank\" href=\"", target), ("\" title=\"", target), ("\">", label)]
    {
        out.push_str(before);
        entities(out, text);
    }
    out.push_str("</a>");
}

/// An address that stands there bare becomes a link, as it does in Slack.
fn address(text: &str, before: Option<char>, out: &mut String) -> Option<usize> {
    let bare = text.starts_with("https://") || text.starts_with("http://");
    if !bare || before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let end = text.find(|letter: char| letter.is_whitespace() || "<>|`*".contains(letter)).unwrap_or(text.len());
    let target = text[..end].trim_end_matches(['.', ',', ')', ';', ':', '!', '?']);
    anchor(target, target, out);
    Some(target.len())
}

fn code(text: &str, out: &mut String) -> Option<usize> {
    let end = text[1..].find('`').filter(|end| *end > 0)?;
    out.push_str("<code>");
    entities(out, &text[1..=end]);
    out.push_str("</code>");
    Some(end + 2)
}

/// A marked stretch: opened at a word's start, closed at a word's end, on one line.
fn span(
    workspace: &Workspace,
    text: &str,
    before: Option<char>,
    (mark, tag): (char, &str),
    out: &mut String,
) -> Option<usize> {
    if before.is_some_and(char::is_alphanumeric)
        || text[1..].starts_with(|next: char| next.is_whitespace() || next == mark)
    {
        return None;
    }
    let closes = |(end, _): &(usize, &str)| {
        let (inner, after) = (&text[1..1 + end], &text[2 + end..]);
        !inner.ends_with(char::is_whitespace) && !after.starts_with(char::is_alphanumeric)
    };
    let (end, _) = text[1..].match_indices(mark).find(closes)?;
    out.push_str(&format!("<{tag}>"));
    inline(workspace, &text[1..1 + end], out);
    out.push_str(&format!("</{tag}>"));
    Some(end + 2)
}

/// One of the three that senders write for the signs.
fn entity(text: &str, out: &mut String) -> Option<usize> {
    let known = ["&amp;", "&lt;", "&gt;"].into_iter().find(|known| text.starts_with(known))?;
    out.push_str(known);
    Some(known.len())
}

/// Text in which only those three are read.
fn entities(out: &mut String, text: &str) {
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        at += entity(&text[at..], out).unwrap_or_else(|| {
            html::push(out, letter);
            letter.len_utf8()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::slack::options::SlackOptions;

    fn check(text: &str, expect: &str) {
        let workspace = Workspace::new(&SlackOptions::new(Arc::new(|| 0)));
        assert_eq!(render(&workspace, text), expect, "{text}");
    }

    #[test]
    fn marks_are_read_and_the_rest_stays_text() {
        check("*b* _i_ ~s~ `a*b*`", "<b>b</b> <i>i</i> <s>s</s> <code>a*b*</code>");
        check("*b _i_*, 2*3*4 snake_case_name * x *", "<b>b <i>i</i></b>, 2*3*4 snake_case_name * x *");
        check("a\n&gt; q\n>r\nb", "a<blockquote>q<br>r</blockquote>b");
        check("```\nx <b>\n``` y ```", "<pre>x &lt;b&gt;</pre> y ```");
        check(":warning: :no_such: 10:30", "⚠️ :no_such: 10:30");
        check("ü*ü* *ü*", "ü*ü* <b>ü</b>");
        check("****", "****");
    }

    #[test]
    fn links_and_mentions_are_seen_and_nothing_else_becomes_markup() {
        let link = |target: &str, label: &str| {
            format!("<a rel=\"noreferrer noopener\" target=\"_blank\" href=\"{target}\" title=\"{target}\">{label}</a>")
        };
        check("<https://x.example/?a=1&amp;b|go>", &link("https://x.example/?a=1&amp;b", "go"));
        check("see https://x.example/a.", &format!("see {}.", link("https://x.example/a", "https://x.example/a")));
        check(
            "<!channel> <!here|x>",
            "<span class=\"mention loud\">@channel</span> <span class=\"mention loud\">@here</span>",
        );
        check("<@U0ALICE> <@U0NONE>", "<span class=\"mention\">@alice</span> <span class=\"mention\">@U0NONE</span>");
        check("<#C0OPS>", "<span class=\"mention\">#ops</span>");
        check("&lt;!channel&gt; &lt;b&gt; &quot;", "&lt;!channel&gt; &lt;b&gt; &amp;quot;");
        check("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
        check("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;");
        check("<https://x\" onclick=\"y|a>", &link("https://x&quot; onclick=&quot;y", "a"));
    }
}
