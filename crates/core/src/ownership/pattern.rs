//! Patterns over names with `/`: `?` is one character, `*` any within a segment, `**` any number of segments.
//!
//! Both kinds — CODEOWNERS lines and the `resource:` and `id:` of `ownership.yaml` — are brought into one
//! form, a list of segments that must match a path from its first to its last; what is implied in the text
//! (any depth, a directory's contents) is spelt out in it. There are no alternatives, and sets only in
//! CODEOWNERS of GitLab: elsewhere `[`, `{` and the like are ordinary characters. `\` takes the character
//! after it literally.

/// More wildcards than this in one pattern are refused: matching backtracks over them.
pub(crate) const MAX_WILDCARDS: usize = 32;

/// One segment of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Exactly this name.
    Literal(Box<str>),
    /// A name with wildcards in it.
    Wild(Box<[Token]>),
    /// Any one segment.
    One,
    /// Any number of segments, none included.
    Any,
}

/// A piece of a segment with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// Exactly this text.
    Text(Box<str>),
    /// One character.
    Char,
    /// Any number of characters.
    Star,
    /// One character of a set.
    Set(Set),
}

/// Characters, such as `[a-z_]` or, negated, all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set {
    /// Accepts what is not in it.
    pub(crate) negated: bool,
    /// From the first to the last, both included.
    pub(crate) ranges: Box<[(char, char)]>,
}

impl Set {
    fn accepts(&self, char: char) -> bool {
        let holds = |(first, last): &(char, char)| char == *first || char == *last || (*first..=*last).contains(&char);
        self.ranges.iter().any(holds) != self.negated
    }
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Segment>);

impl Pattern {
    /// A line of CODEOWNERS in GitHub's dialect.
    ///
    /// A `/` at the start or in the middle anchors to the root. A name also owns what is below it; with `/`
    /// at the end only what is below; a last segment of `*` only what it matches itself.
    ///
    /// # Errors
    /// Says what is wrong with it, in words that follow the pattern.
    pub(crate) fn codeowners(text: &str) -> Result<Self, &'static str> {
        if text.contains("***") {
            return Err("has three stars in a row; two cross directories");
        }
        let mut segments = split(text)?;
        let contents = segments.len() > 1 && segments.last().is_some_and(is_empty);
        if contents {
            segments.pop();
        }
        let anchored = segments.len() > 1;
        if segments.first().is_some_and(is_empty) {
            segments.remove(0);
        }
        let mut whole = Vec::with_capacity(segments.len() + 3);
        if !anchored {
            whole.push(Segment::Any);
        }
        let last = segments.last().cloned().ok_or("matches nothing; to own everything write `*`")?;
        whole.append(&mut segments);
        match last {
            _ if contents => whole.extend([Segment::One, Segment::Any]),
            Segment::Any => whole.push(Segment::One),
            Segment::One => {}
            Segment::Literal(_) | Segment::Wild(_) => whole.push(Segment::Any),
        }
        Self::checked(whole)
    }

    /// An id in `ownership.yaml`: the whole of it must match. A lone `*` is every id.
    ///
    /// # Errors
    /// Says what is wrong with it, in words that follow the pattern.
    pub(crate) fn id(text: &str) -> Result<Self, &'static str> {
        let mut segments = split(text)?;
        match segments.as_slice() {
            [Segment::One] => segments.push(Segment::Any),
            // `a/**` is what is in `a`, not `a` itself.
            [.., Segment::Any] => segments.push(Segment::One),
            _ => {}
        }
        Self::checked(segments)
    }

    /// A pattern of these segments.
    ///
    /// # Errors
    /// Says what is wrong with it, in words that follow the pattern.
    pub(crate) fn checked(mut segments: Vec<Segment>) -> Result<Self, &'static str> {
        // `Any One` and `One Any` say the same; with the `One` first, a run of `Any`s folds into one.
        let mut at = 0;
        while let (Some(here), Some(next)) = (segments.get(at), segments.get(at + 1)) {
            match (here, next) {
                (Segment::Any, Segment::Any) => {
                    segments.remove(at);
                    at = at.saturating_sub(1);
                }
                (Segment::Any, Segment::One) if at > 0 || segments.len() == 2 => {
                    segments.swap(at, at + 1);
                    at = at.saturating_sub(1);
                }
                _ => at += 1,
            }
        }
        let wildcards: usize = segments.iter().map(Segment::wildcards).sum();
        if wildcards > MAX_WILDCARDS {
            return Err("has more than 32 wildcards");
        }
        Ok(Self(segments))
    }

    /// Its segments, in order.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The one id that it matches, when it has no wildcards.
    pub(crate) fn literal(&self) -> Option<String> {
        let names: Option<Vec<&str>> = self
            .0
            .iter()
            .map(|segment| match segment {
                Segment::Literal(name) => Some(name.as_ref()),
                _ => None,
            })
            .collect();
        names.map(|names| names.join("/"))
    }

    /// The text that every id it matches begins with, for a pattern made by [`Self::id`].
    pub(crate) fn literal_prefix(&self) -> String {
        let mut prefix = String::new();
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Literal(name) => {
                    prefix.push_str(if at > 0 { "/" } else { "" });
                    prefix.push_str(name);
                }
                Segment::Wild(tokens) => {
                    prefix.push_str(if at > 0 { "/" } else { "" });
                    if let Some(Token::Text(text)) = tokens.first() {
                        prefix.push_str(text);
                    }
                    break;
                }
                // An id's pattern never ends in `Any`, so a `/` follows in each of these.
                Segment::One | Segment::Any => {
                    prefix.push_str(if at > 0 { "/" } else { "" });
                    break;
                }
            }
        }
        prefix
    }

    /// Whether the whole of `path`, split at `/`, is matched.
    pub(crate) fn matches(&self, path: &[&str]) -> bool {
        let (mut at, mut from) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.0.get(at) {
                Some(Segment::Any) => {
                    at += 1;
                    if at == self.0.len() {
                        return true;
                    }
                    retry = Some((at, from));
                    continue;
                }
                Some(segment) if path.get(from).is_some_and(|name| segment.accepts(name)) => {
                    at += 1;
                    from += 1;
                    continue;
                }
                None if from == path.len() => return true,
                _ => {}
            }
            match retry {
                Some((after, tried)) if tried < path.len() => {
                    (at, from) = (after, tried + 1);
                    retry = Some((at, from));
                }
                _ => return false,
            }
        }
    }
}

impl Segment {
    fn wildcards(&self) -> usize {
        match self {
            Self::Literal(_) => 0,
            Self::One | Self::Any => 1,
            Self::Wild(tokens) => tokens.iter().filter(|token| !matches!(token, Token::Text(_))).count(),
        }
    }

    fn accepts(&self, name: &str) -> bool {
        match self {
            Self::Literal(text) => **text == *name,
            Self::Wild(tokens) => wild(tokens, name),
            Self::One => true,
            Self::Any => false,
        }
    }

    /// What stands after the last dot of every name it accepts, when that is fixed.
    pub(crate) fn extension(&self) -> Option<&str> {
        let Self::Wild(tokens) = self else { return None };
        let Some(Token::Text(end)) = tokens.last() else { return None };
        end.rsplit_once('.').map(|(_, extension)| extension)
    }
}

fn wild(tokens: &[Token], name: &str) -> bool {
    match tokens {
        [Token::Star, Token::Text(end)] => return name.ends_with(end.as_ref()),
        [Token::Text(start), Token::Star] => return name.starts_with(start.as_ref()),
        _ => {}
    }
    let (mut at, mut rest) = (0, name);
    let mut retry: Option<(usize, &str)> = None;
    loop {
        let next = match tokens.get(at) {
            Some(Token::Star) => {
                retry = Some((at + 1, rest));
                Some(rest)
            }
            Some(Token::Text(text)) => rest.strip_prefix(text.as_ref()),
            Some(Token::Char) => after_char(rest),
            Some(Token::Set(set)) => rest.chars().next().filter(|char| set.accepts(*char)).and(after_char(rest)),
            None if rest.is_empty() => return true,
            None => None,
        };
        if let Some(next) = next {
            (at, rest) = (at + 1, next);
            continue;
        }
        let Some((after, tried)) = retry else { return false };
        let Some(shorter) = after_char(tried) else { return false };
        (at, rest) = (after, shorter);
        retry = Some((after, shorter));
    }
}

fn after_char(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    chars.next().map(|_| chars.as_str())
}

fn is_empty(segment: &Segment) -> bool {
    matches!(segment, Segment::Literal(name) if name.is_empty())
}

fn split(text: &str) -> Result<Vec<Segment>, &'static str> {
    let mut segments = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut literal = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let token = match char {
            '\\' => match chars.next() {
                Some('/') => {
                    segments.push(segment(&mut tokens, &mut literal));
                    continue;
                }
                Some(escaped) => {
                    literal.push(escaped);
                    continue;
                }
                None => return Err("ends in a lone `\\`"),
            },
            '/' => {
                segments.push(segment(&mut tokens, &mut literal));
                continue;
            }
            '*' => Token::Star,
            '?' => Token::Char,
            other => {
                literal.push(other);
                continue;
            }
        };
        if !literal.is_empty() {
            tokens.push(Token::Text(std::mem::take(&mut literal).into()));
        }
        tokens.push(token);
    }
    segments.push(segment(&mut tokens, &mut literal));
    Ok(segments)
}

fn segment(tokens: &mut Vec<Token>, literal: &mut String) -> Segment {
    if tokens.is_empty() {
        return Segment::Literal(std::mem::take(literal).into());
    }
    if !literal.is_empty() {
        tokens.push(Token::Text(std::mem::take(literal).into()));
    }
    let mut tokens = std::mem::take(tokens);
    match tokens.as_slice() {
        [Token::Star] => Segment::One,
        [Token::Star, Token::Star] => Segment::Any,
        _ => {
            // Inside a name, two stars are no more than one.
            tokens.dedup_by(|next, before| *next == Token::Star && *before == Token::Star);
            Segment::Wild(tokens.into())
        }
    }
}
