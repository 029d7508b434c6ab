//! Whether contacts say where in Slack they are: without an address, or with one that Slack has none of, nobody is
//! ever told there.

use super::findings::Findings;
use super::form::{ContactForm, OwnershipForm};
use crate::diagnostic::Problem;
use crate::yaml::{self, span_of};

/// What is wrong with the contacts of `ownership.yaml` that are on one of the channels `slack`. Nothing when the text
/// is broken: [`super::Directory::load`] tells why.
#[must_use]
pub fn check_slack_contacts(file: &str, text: &str, slack: &[String]) -> Vec<Problem> {
    let form: OwnershipForm = yaml::parse(file, text).unwrap_or_default();
    let mut found = Findings::new(file, text);
    let people = form.people.iter().flat_map(|person| &person.contacts);
    let teams = form.teams.iter().flat_map(|team| &team.contacts);
    for contact in people.chain(teams).filter(|contact| slack.contains(&contact.channel.value)) {
        check(contact, &mut found);
    }
    found.finish(std::iter::empty())
}

fn check(contact: &ContactForm, found: &mut Findings<'_>) {
    let channel = &contact.channel.value;
    match &contact.address {
        None => found.error(
            span_of(&contact.channel),
            format!("a contact on `{channel}` needs an address"),
            Some("add `address:` with a person's id (`U…`), a channel's id (`C…`) or its name (`\"#payments\"`)"),
        ),
        Some(address) if !is_address(&address.value) => found.error(
            span_of(address),
            format!("`{}` is no address in Slack", address.value),
            Some("write a person's id (`U…`), a channel's id (`C…`) or its name (`\"#payments\"`)"),
        ),
        Some(_) => {}
    }
}

/// `#name`, or an id: a letter for its kind and then capitals and digits.
fn is_address(text: &str) -> bool {
    if let Some(name) = text.strip_prefix('#') {
        return (1..=80).contains(&name.chars().count())
            && name.chars().all(|char| (char.is_alphanumeric() && !char.is_uppercase()) || "-_".contains(char));
    }
    let clean = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
    text.starts_with(['C', 'G', 'D', 'U', 'W']) && (2..=32).contains(&text.len()) && text.bytes().all(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_in_slack_says_where() {
        let check = |contact: &str, expect: Option<&str>| {
            let text = format!("people:\n  - {{handle: \"@alice\", contacts: [{contact}]}}\n");
            let problems = check_slack_contacts("ownership.yaml", &text, &["slack".to_owned()]);
            let told: Vec<_> = problems.iter().map(|p| format!("{}:{} {}", p.line, p.column, p.message)).collect();
            assert_eq!(told.first().map(String::as_str), expect, "{contact}");
        };
        check("{channel: slack, address: U012AB3CD}", None);
        check("{channel: slack, address: \"#payments-team\"}", None);
        check("{channel: hook}", None);
        check("{channel: slack}", Some("2:45 a contact on `slack` needs an address"));
        check("{channel: slack, address: alice}", Some("2:61 `alice` is no address in Slack"));
        check("{channel: slack, address: \"#Payments\"}", Some("2:61 `#Payments` is no address in Slack"));
    }
}
