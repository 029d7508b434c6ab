//! Glob patterns over names and paths, as rules and captures write them.
//!
//! `*` is any run of characters, `?` any one, `{a,b}` either. In a path, `*` and `?` stop at `/`, `**` does
//! not, and `**/` at the start of a segment is any number of folders, also none. In a name, which has no
//! segments, `*` crosses everything. Letters are compared as they are, with no folding of case.

/// A pattern may have this many alternatives after its braces are expanded.
const MAX_ALTERNATIVES: usize = 64;
/// A pattern may have this many wildcards: matching is at worst their number times the square of the text.
const MAX_WILDCARDS: usize = 8;

/// One compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    alternatives: Vec<Shape>,
}

/// What a pattern is matched against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// A name: `*` crosses `/`.
    Name,
    /// A path: `*` stops at `/`.
    Path,
}

/// What is known of a text before it is matched: enough to look a pattern up instead of trying it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Literal<'p> {
    /// The text is this.
    Whole(&'p str),
    /// The text begins with this, which may be empty.
    Prefix(&'p str),
    /// The text ends with this, which is not empty.
    Suffix(&'p str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Whole(Box<str>),
    /// A literal and then anything at all.
    Prefix(Box<str>),
    /// Anything at all and then a literal.
    Suffix(Box<str>),
    Glob {
        prefix: Box<str>,
        tokens: Box<[Token]>,
        /// What `tokens` end with: a cheap look before the matching.
        suffix: Box<str>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`, within a segment.
    One,
    /// `*`, within a segment.
    Run,
    /// `**`, or `*` in a name.
    Any,
    /// `**/` at the start of a segment.
    Folders,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Says what is wrong: a brace without its partner, or too many wildcards or alternatives.
    pub fn compile(text: &str, over: Over) -> Result<Self, String> {
        let mut alternatives = Vec::new();
        for alternative in expand(text)? {
            let shape = Shape::compile(&alternative, over);
            if shape.wildcards() > MAX_WILDCARDS {
                return Err(format!("`{text}` has more than {MAX_WILDCARDS} wildcards"));
            }
            alternatives.push(shape);
        }
        Ok(Self { alternatives })
    }

    /// Whether a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.alternatives.iter().any(|shape| shape.matches(text))
    }

    /// Whether it can match more than one text.
    #[must_use]
    pub fn is_wild(&self) -> bool {
        !matches!(self.alternatives.as_slice(), [Shape::Whole(_)])
    }

    /// What each alternative says of the texts that match it.
    pub(crate) fn literals(&self) -> impl Iterator<Item = Literal<'_>> {
        self.alternatives.iter().map(|shape| match shape {
            Shape::Whole(text) => Literal::Whole(text),
            Shape::Suffix(suffix) => Literal::Suffix(suffix),
            Shape::Glob { prefix, suffix, .. } if prefix.is_empty() && !suffix.is_empty() => Literal::Suffix(suffix),
            Shape::Prefix(prefix) | Shape::Glob { prefix, .. } => Literal::Prefix(prefix),
        })
    }
}

impl Shape {
    fn compile(text: &str, over: Over) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let at_segment = matches!(tokens.last(), None | Some(Token::Char('/') | Token::Folders));
            let (token, after) = if let Some(after) = rest.strip_prefix("**/")
                && over == Over::Path
                && at_segment
            {
                (Token::Folders, after)
            } else if first == '*' {
                let after = rest.trim_start_matches('*');
                let stars = rest.len() - after.len();
                (if over == Over::Name || stars > 1 { Token::Any } else { Token::Run }, after)
            } else {
                let after = rest.strip_prefix(first).unwrap_or_default();
                (if first == '?' { Token::One } else { Token::Char(first) }, after)
            };
            tokens.push(token);
            rest = after;
        }
        let literal = |token: &Token| if let Token::Char(letter) = token { Some(*letter) } else { None };
        let prefix: String = tokens.iter().map_while(literal).collect();
        let mut suffix: Vec<char> = tokens.iter().rev().map_while(literal).collect();
        suffix.reverse();
        let suffix: String = suffix.into_iter().collect();
        let letters = prefix.chars().count();
        match tokens.get(letters..) {
            None | Some([]) => Self::Whole(prefix.into()),
            // A lone `*` is meant to match everything, in a path as well.
            Some([Token::Any]) => Self::Prefix(prefix.into()),
            Some([Token::Run]) if letters == 0 => Self::Prefix(prefix.into()),
            Some([Token::Any, after @ ..]) if letters == 0 && after.iter().all(|token| literal(token).is_some()) => {
                Self::Suffix(suffix.into())
            }
            Some(after) => Self::Glob { tokens: after.into(), prefix: prefix.into(), suffix: suffix.into() },
        }
    }

    fn wildcards(&self) -> usize {
        match self {
            Self::Whole(_) => 0,
            Self::Prefix(_) | Self::Suffix(_) => 1,
            Self::Glob { tokens, .. } => tokens.iter().filter(|token| !matches!(token, Token::Char(_))).count(),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Whole(whole) => **whole == *text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Suffix(suffix) => text.ends_with(&**suffix),
            Self::Glob { prefix, tokens, suffix } => {
                text.ends_with(&**suffix) && text.strip_prefix(&**prefix).is_some_and(|rest| glob(tokens, rest))
            }
        }
    }
}

/// Matches greedily, going back to the last wildcard, or when that is stuck at `/`, to the last that crosses it.
///
/// Going further back is never needed: what an earlier wildcard could take in more, the later one can.
fn glob(tokens: &[Token], text: &str) -> bool {
    let mut left = tokens;
    let mut rest = text;
    // Where to go on when what follows does not match: the tokens after the wildcard, and the text it leaves.
    let mut run: Option<(&[Token], &str)> = None;
    let mut any: Option<(&[Token], &str, bool)> = None;
    loop {
        if let Some((token, after)) = left.split_first() {
            match token {
                Token::Run => {
                    run = Some((after, rest));
                    left = after;
                    continue;
                }
                Token::Any | Token::Folders => {
                    (any, run) = (Some((after, rest, *token == Token::Folders)), None);
                    left = after;
                    continue;
                }
                Token::Char(_) | Token::One => {}
            }
            let mut letters = rest.chars();
            let fits = match (token, letters.next()) {
                (Token::Char(wanted), Some(found)) => *wanted == found,
                (Token::One, Some(found)) => found != '/',
                _ => false,
            };
            if fits {
                (left, rest) = (after, letters.as_str());
                continue;
            }
        } else if rest.is_empty() {
            return true;
        }
        if let Some((after, from)) = run
            && let Some(shorter) = tail(from).filter(|_| !from.starts_with('/'))
        {
            run = Some((after, shorter));
            (left, rest) = (after, shorter);
            continue;
        }
        let Some((after, from, folders)) = any else { return false };
        let shorter = if folders { from.split_once('/').map(|(_, rest)| rest) } else { tail(from) };
        let Some(shorter) = shorter else { return false };
        (any, run) = (Some((after, shorter, folders)), None);
        (left, rest) = (after, shorter);
    }
}

/// The text without its first character; nothing when it has none.
fn tail(text: &str) -> Option<&str> {
    let mut letters = text.chars();
    letters.next()?;
    Some(letters.as_str())
}

/// `a{b,c}` as `ab` and `ac`.
fn expand(text: &str) -> Result<Vec<String>, String> {
    let mut done = vec![String::new()];
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(open);
        let inner = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((inner, after)) = inner.filter(|(inner, _)| !inner.contains('{')) else {
            return Err(format!("`{text}` has a brace without its partner; write `{{a,b}}`"));
        };
        done = done
            .iter()
            .flat_map(|start| inner.split(',').map(move |choice| format!("{start}{before}{choice}")))
            .collect();
        if done.len() > MAX_ALTERNATIVES {
            return Err(format!("`{text}` has more than {MAX_ALTERNATIVES} alternatives"));
        }
        rest = after;
    }
    for start in &mut done {
        start.push_str(rest);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(over: Over, pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = Pattern::compile(pattern, over).unwrap();
        for text in yes {
            assert!(compiled.matches(text), "`{pattern}` takes `{text}`");
        }
        for text in no {
            assert!(!compiled.matches(text), "`{pattern}` does not take `{text}`");
        }
    }

    #[test]
    fn names_have_no_segments() {
        check(Over::Name, "deploy", &["deploy"], &["deploys", "", "Deploy"]);
        check(Over::Name, "*", &["", "a/b"], &[]);
        check(Over::Name, "*_read", &["file_read", "a/b_read", "_read"], &["file_reader", "read"]);
        check(Over::Name, "stripe.*", &["stripe.charge", "stripe."], &["stripe", "xstripe.a"]);
        check(Over::Name, "a?c", &["abc", "aüc"], &["ac", "abbc"]);
        check(Over::Name, "{git,svn}_*", &["git_log", "svn_"], &["hg_log"]);
    }

    #[test]
    fn paths_have_segments() {
        check(Over::Path, "src/*.rs", &["src/a.rs", "src/.rs"], &["src/a/b.rs", "a.rs"]);
        check(Over::Path, "src/**", &["src/a", "src/a/b"], &["src", "xsrc/a"]);
        check(Over::Path, "**/CODEOWNERS", &["CODEOWNERS", "a/b/CODEOWNERS", "/CODEOWNERS"], &["XCODEOWNERS"]);
        check(Over::Path, "a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "ab"]);
        check(Over::Path, "**/.claude/settings*.json", &[".claude/settings.local.json"], &[".claude/x/settings.json"]);
        check(Over::Path, "*", &["a", "a/b"], &[]);
        check(Over::Path, "payments-*", &["payments-api"], &["payments", "payments-a/b"]);
    }

    #[test]
    fn what_cannot_be_a_pattern_says_why() {
        for text in ["{a", "a}", "{a,{b}}", "********************a{", "*a*a*a*a*a*a*a*a*a"] {
            assert!(Pattern::compile(text, Over::Path).is_err(), "{text}");
        }
    }

    /// The definition, without cleverness.
    fn slow(tokens: &[Token], text: &str) -> bool {
        let Some((token, after)) = tokens.split_first() else { return text.is_empty() };
        match token {
            Token::Char(c) => text.strip_prefix(*c).is_some_and(|rest| slow(after, rest)),
            Token::One => text.chars().next().is_some_and(|c| c != '/') && slow(after, tail(text).unwrap()),
            Token::Run => {
                slow(after, text) || (!text.starts_with('/') && tail(text).is_some_and(|rest| slow(tokens, rest)))
            }
            Token::Any => slow(after, text) || tail(text).is_some_and(|rest| slow(tokens, rest)),
            Token::Folders => slow(after, text) || text.split_once('/').is_some_and(|(_, rest)| slow(tokens, rest)),
        }
    }

    proptest! {
        #[test]
        fn matching_follows_the_definition(pattern in "[ab/*?]{0,7}", text in "[ab/]{0,10}") {
            let compiled = Pattern::compile(&pattern, Over::Path).unwrap();
            for shape in &compiled.alternatives {
                if let Shape::Glob { prefix, tokens, .. } = shape {
                    let expected = text.strip_prefix(&**prefix).is_some_and(|rest| slow(tokens, rest));
                    prop_assert_eq!(compiled.matches(&text), expected, "{} {}", pattern, text);
                }
            }
        }
    }
}
