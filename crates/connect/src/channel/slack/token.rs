//! What Slack knows us by. Never prints.

use hyper::header::HeaderValue;

/// A token of an app, as the header that carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    header: HeaderValue,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Reads a bot token, `xoxb-…`.
    ///
    /// # Errors
    /// Says which kind of token it is instead. Never shows it.
    pub fn bot(text: &str) -> Result<Self, String> {
        let rotated = text.strip_prefix("xoxe.").unwrap_or(text);
        Self::read(text, rotated.starts_with("xoxb-"), "`token` is not a bot token; it begins with `xoxb-`")
    }

    /// Reads an app-level token, `xapp-…`.
    ///
    /// # Errors
    /// Says which kind of token it is instead. Never shows it.
    pub fn app(text: &str) -> Result<Self, String> {
        Self::read(text, text.starts_with("xapp-"), "`app_token` is not an app-level token; it begins with `xapp-`")
    }

    fn read(text: &str, right: bool, expected: &str) -> Result<Self, String> {
        if !right {
            let found = match text.split_once('-').map(|(kind, _)| kind) {
                Some("xoxb" | "xoxe.xoxb") => ", this is a bot token",
                Some("xoxp" | "xoxe.xoxp") => ", this is a user's token",
                Some("xapp") => ", this is an app-level token",
                _ => "",
            };
            return Err(format!("{expected}{found}"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the token holds a space or another character that none has; copy it again".to_owned());
        }
        let header = HeaderValue::try_from(format!("Bearer {text}"));
        let mut header = header.map_err(|_| "the token cannot be sent; copy it again".to_owned())?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    /// The `authorization` header.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_kind_is_taken_and_none_is_shown() {
        let shown = |token: Result<Token, String>| token.map_or_else(|error| error, |token| format!("{token:?}"));
        assert_eq!(shown(Token::bot("xoxb-1-s3cret")), "Token(…)");
        assert_eq!(shown(Token::bot("xoxe.xoxb-1-s3cret")), "Token(…)");
        assert_eq!(shown(Token::app("xapp-1-s3cret")), "Token(…)");
        let bot = "`token` is not a bot token; it begins with `xoxb-`";
        assert_eq!(shown(Token::bot("xapp-1-s3cret")), format!("{bot}, this is an app-level token"));
        assert_eq!(shown(Token::bot("xoxp-1-s3cret")), format!("{bot}, this is a user's token"));
        assert_eq!(shown(Token::bot("")), bot);
        let app = "`app_token` is not an app-level token; it begins with `xapp-`";
        assert_eq!(shown(Token::app("xoxb-1-s3cret")), format!("{app}, this is a bot token"));
        assert!(shown(Token::bot("xoxb-1 s3cret")).starts_with("the token holds a space"));
        assert!(!format!("{:?}", Token::bot("xoxb-1-s3cret").unwrap().header()).contains("s3cret"));
    }
}
