//! Patterns in GitLab's dialect: those of `fnmatch` over a path that begins with `/`.
//!
//! A pattern without a leading `/` holds at any depth, and one that ends in `/` owns all below; any other owns
//! exactly what it matches. `*`, `?` and sets such as `[a-z]` stay within a name, dot or no dot; `**/` is any
//! number of directories; `\` takes the next character literally; a lone `*` is every file.

use crate::ownership::pattern::{Pattern, Segment, Set, Token};

/// A pattern, and what to know of it.
pub(super) struct Read {
    pub(super) pattern: Pattern,
    pub(super) help: Option<&'static str>,
}

/// Reads a pattern, without the `!` of an exclusion.
///
/// # Errors
/// Says what is wrong with it, in words that follow the pattern.
pub(super) fn read(text: &str) -> Result<Read, &'static str> {
    let text = match text {
        "" => return Err("names nothing"),
        "*" => "/**/*",
        text => text,
    };
    let text = unescaped(text);
    let (anchored, body) = match text.strip_prefix('/') {
        Some(body) => (true, body),
        None => (false, text.as_str()),
    };
    let (contents, body) = match body.strip_suffix('/') {
        Some(body) => (true, Some(body)),
        // A `/` alone is the contents of the root.
        None if body.is_empty() => (true, None),
        None => (false, Some(body)),
    };
    let mut segments = if anchored { Vec::new() } else { vec![Segment::Any] };
    let mut help = None;
    if let Some(body) = body {
        let mut names = Names::default();
        names.split(body)?;
        segments.append(&mut names.segments);
        if names.last_is_stars {
            let before = segments.len().checked_sub(2).and_then(|at| segments.get(at));
            let crosses = before == Some(&Segment::Any);
            if contents {
                segments.pop();
                segments.push(Segment::Any);
            } else if !crosses {
                help = Some("`**` crosses directories only before a `/`; to own all below, end the pattern in `/`");
            }
        }
    }
    if contents {
        segments.extend([Segment::Any, Segment::One]);
    }
    Ok(Read { pattern: Pattern::checked(segments)?, help })
}

/// Without the `\` of a leading `\#` and of blanks, which then are one space.
fn unescaped(text: &str) -> String {
    let text = if text.starts_with("\\#") { text.get(1..).unwrap_or_default() } else { text };
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\\' && chars.next_if(|next| super::is_blank(*next)).is_some() {
            while chars.next_if(|next| super::is_blank(*next)).is_some() {}
            plain.push(' ');
        } else {
            plain.push(char);
        }
    }
    plain
}

/// The names between the slashes, while they are read.
#[derive(Default)]
struct Names {
    segments: Vec<Segment>,
    tokens: Vec<Token>,
    literal: String,
    /// How many unescaped stars stand in a row at the end of the name at hand, when it has nothing else.
    stars: usize,
    /// The last name is `**`.
    last_is_stars: bool,
}

impl Names {
    fn split(&mut self, text: &str) -> Result<(), &'static str> {
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            rest = rest.get(char.len_utf8()..).unwrap_or_default();
            let token = match char {
                '/' => {
                    self.end(true);
                    continue;
                }
                '*' if self.tokens.last() == Some(&Token::Star) && self.literal.is_empty() => {
                    self.stars += 1;
                    continue;
                }
                '*' => Token::Star,
                '?' => Token::Char,
                '[' => {
                    let (set, after) = set(rest).ok_or("has a `[` without its `]`, so it matches nothing")?;
                    rest = after;
                    Token::Set(set)
                }
                '\\' => {
                    // A lone one at the end stands for itself.
                    let escaped = rest.chars().next().unwrap_or('\\');
                    rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                    self.literal.push(escaped);
                    continue;
                }
                other => {
                    self.literal.push(other);
                    continue;
                }
            };
            self.flush();
            self.stars = usize::from(token == Token::Star && self.tokens.is_empty());
            self.tokens.push(token);
        }
        self.end(false);
        Ok(())
    }

    fn end(&mut self, followed: bool) {
        let is_stars = self.stars == 2 && self.literal.is_empty() && self.tokens.len() == 1;
        self.flush();
        let tokens = std::mem::take(&mut self.tokens);
        self.stars = 0;
        self.last_is_stars = is_stars;
        self.segments.push(match tokens.as_slice() {
            [] => Segment::Literal("".into()),
            [Token::Star] if is_stars && followed => Segment::Any,
            [Token::Star] => Segment::One,
            [Token::Text(text)] => Segment::Literal(text.clone()),
            _ => Segment::Wild(tokens.into()),
        });
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.tokens.push(Token::Text(std::mem::take(&mut self.literal).into()));
        }
    }
}

/// A set, from behind its `[`, and what follows its `]`.
fn set(text: &str) -> Option<(Set, &str)> {
    let inside = text.strip_prefix(['!', '^']);
    let negated = inside.is_some();
    let mut rest = inside.unwrap_or(text);
    let mut ranges = Vec::new();
    while let Some(first) = next_of_set(&mut rest)? {
        let after = rest.strip_prefix('-').filter(|after| !after.starts_with(']'));
        let last = match after {
            Some(after) => {
                rest = after;
                escaped(&mut rest)?
            }
            None => first,
        };
        ranges.push((first, last));
    }
    Some((Set { negated, ranges: ranges.into() }, rest))
}

/// The next character of a set; an inner `None` at its `]`.
#[expect(clippy::option_option, reason = "the end of the text is no set, the `]` is the end of one")]
fn next_of_set(rest: &mut &str) -> Option<Option<char>> {
    if let Some(after) = rest.strip_prefix(']') {
        *rest = after;
        return Some(None);
    }
    escaped(rest).map(Some)
}

fn escaped(rest: &mut &str) -> Option<char> {
    let mut chars = rest.strip_prefix('\\').unwrap_or(rest).chars();
    let char = chars.next()?;
    *rest = chars.as_str();
    Some(char)
}
