//! One entry of `channels:`. The kind says which members it has; a member of another kind is an error.

use mandate_connect::channel::slack::signature::SigningSecret;
use mandate_connect::channel::slack::token::Token;
use mandate_core::diagnostic::nearest;
use mandate_core::yaml::Spanned;

use super::form::ChannelForm;
use super::{ChannelKind, ChannelSettings, Reader, Secret, SlackSettings};

/// Where Slack's methods are, unless the file names a stand-in or a relay.
const SLACK: &str = "https://slack.com/api/";
/// The kinds that there are, and those that are to come.
const KINDS: [&str; 2] = ["slack", "webhook"];
const LATER: [&str; 3] = ["teams", "pagerduty", "email"];

impl Reader<'_> {
    /// Reads one channel; nothing when it cannot be used at all.
    pub(super) fn channel(&mut self, form: ChannelForm) -> Option<ChannelSettings> {
        let kind = match form.kind.value.as_str() {
            "webhook" => self.webhook(&form)?,
            "slack" => self.slack(&form)?,
            kind if LATER.contains(&kind) => {
                self.error(&form.kind, format!("{kind} is not available yet"), "use `slack` or `webhook`");
                return None;
            }
            kind => {
                let problem = self.problem(&form.kind, format!("`{kind}` is not a kind of channel"));
                let near = nearest(kind, KINDS).map(|near| format!("did you mean `{near}`?"));
                self.problems.push(problem.with_help(near.unwrap_or_else(|| "use `slack` or `webhook`".to_owned())));
                return None;
            }
        };
        Some(ChannelSettings { name: form.name.value, kind })
    }

    fn webhook(&mut self, form: &ChannelForm) -> Option<ChannelKind> {
        for (name, member) in form.of_slack() {
            self.error(member, format!("a webhook takes no `{name}`"), "it takes `url`, `secret` and `allow_private`");
        }
        let Some(url) = &form.url else {
            self.error(&form.name, format!("the webhook `{}` has no `url`", form.name.value), "say where to post");
            return None;
        };
        let target = self.secret(url);
        if !["http://", "https://"].iter().any(|scheme| target.expose().starts_with(scheme)) {
            self.error(url, "a webhook's `url` begins with `https://` or `http://`", "write it whole");
        }
        let Some(secret) = &form.secret else {
            let message = format!("the webhook `{}` has no `secret`", form.name.value);
            self.error(&form.name, message, "say what signs its messages, such as `secret: \"${OPS_HOOK_SECRET}\"`");
            return None;
        };
        let secret = self.secret(secret);
        Some(ChannelKind::Webhook { url: target, secret, allow_private: form.allow_private.unwrap_or(false) })
    }

    fn slack(&mut self, form: &ChannelForm) -> Option<ChannelKind> {
        for (name, member) in form.of_webhook() {
            let takes = "it takes `token`, `app_token`, `signing_secret`, `base_url` and `allow_private`";
            self.error(member, format!("a slack channel takes no `{name}`"), takes);
        }
        let Some(token) = &form.token else {
            let message = format!("the slack channel `{}` has no `token`", form.name.value);
            self.error(&form.name, message, "give it the app's bot token, such as `token: \"${SLACK_BOT_TOKEN}\"`");
            return None;
        };
        let page = "copy it from the app's page, OAuth & Permissions";
        let token = self.checked(token, page, |text| Token::bot(text).map(drop));
        let page = "copy it from the app's page, Basic Information, App-Level Tokens";
        let app_token = form.app_token.as_ref();
        let app_token = app_token.map(|given| self.checked(given, page, |text| Token::app(text).map(drop)));
        let page = "copy it from the app's page, Basic Information";
        let signing_secret = form.signing_secret.as_ref();
        let signing_secret =
            signing_secret.map(|given| self.checked(given, page, |text| SigningSecret::parse(text).map(drop)));
        let base_url = form.base_url.as_ref().map_or(SLACK, |url| &url.value).to_owned();
        let allow_private = form.allow_private.unwrap_or(false);
        Some(ChannelKind::Slack(Box::new(SlackSettings { token, app_token, signing_secret, base_url, allow_private })))
    }

    /// A secret of which `check` says what it cannot be.
    fn checked(&mut self, given: &Spanned<String>, help: &str, check: impl Fn(&str) -> Result<(), String>) -> Secret {
        let before = self.problems.len();
        let secret = self.secret(given);
        if self.problems.len() == before
            && let Err(why) = check(secret.expose())
        {
            self.error(given, why, help);
        }
        secret
    }
}
