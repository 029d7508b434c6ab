//! Which agents a key may speak for.

/// The agents that a key is bound to: an id, a glob, or several of these with commas between.
///
/// In a glob `*` stands for any letters, `/` too, and `?` for one.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'k>(&'k str);

impl<'k> Binding<'k> {
    /// Reads what a key's row holds.
    #[must_use]
    pub fn new(text: &'k str) -> Self {
        Self(text)
    }

    /// The parts of it, without the spaces around them.
    pub fn patterns(self) -> impl Iterator<Item = &'k str> {
        self.0.split(',').map(str::trim)
    }

    /// Whether the key may speak for this agent.
    #[must_use]
    pub fn allows(self, agent: &str) -> bool {
        self.patterns().any(|pattern| matches(pattern.as_bytes(), agent.as_bytes()))
    }

    /// The one agent it names, when it names one and no glob.
    #[must_use]
    pub fn only(self) -> Option<&'k str> {
        let one = self.0.trim();
        (!one.contains(['*', '?', ','])).then_some(one)
    }
}

/// Whether a glob matches all of `text`. Linear but for a step back to the last `*`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, read));
                at += 1;
            }
            Some(letter) if *letter == b'?' || text.get(read) == Some(letter) => {
                at += 1;
                read += 1;
            }
            _ => match &mut star {
                Some((after, tried)) => {
                    *tried += 1;
                    (at, read) = (*after, *tried);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_names_ids_and_globs() {
        let cases = [
            ("deployer", "deployer", true),
            ("deployer", "deployer2", false),
            ("deployer", "Deployer", false),
            ("ci/*", "ci/build/7", true),
            ("ci/*", "ci", false),
            ("*@host-?", "claude@host-1", true),
            ("*@host-?", "claude@host-12", false),
            ("a, b*, c", "bee", true),
            ("a, b*, c", "d", false),
            ("*", "anything", true),
            ("a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
            ("", "x", false),
        ];
        for (binding, agent, expect) in cases {
            assert_eq!(Binding::new(binding).allows(agent), expect, "{binding} and {agent}");
        }
        assert_eq!(Binding::new("a").only(), Some("a"));
        assert_eq!((Binding::new("a*").only(), Binding::new("a,b").only()), (None, None));
    }
}
