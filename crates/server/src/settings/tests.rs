use super::*;

fn parse(text: &str) -> Result<Settings, Vec<Problem>> {
    let env = |name: &str| (name == "OPS_HOOK_SECRET").then(|| "whsec_s3cret".to_owned());
    Settings::parse(text, "mandate.yaml", env)
}

/// What is wrong, as `line:column message (help)`.
fn wrong(text: &str) -> Vec<String> {
    let show = |problem: Problem| {
        let help = problem.help.map_or(String::new(), |help| format!(" ({help})"));
        format!("{}:{} {}{help}", problem.line, problem.column, problem.message)
    };
    parse(text).map_or_else(|problems| problems.into_iter().map(show).collect(), |_| Vec::new())
}

const WHOLE: &str = r#"
server: {listen: "127.0.0.1:9000", public_url: "https://mandate.example.com/", tls: {cert: cert.pem, key: key.pem}}
store: "sqlite:mandate.db"
channels:
  - {name: ops-hook, kind: webhook, url: "http://127.0.0.1:9999/hook", secret: "${OPS_HOOK_SECRET}", allow_private: true}
fallback: {notify: ["@platform"], alternate: [ops-hook]}
admins: ["@platform"]
storm: {enabled: false}
limits: {actor_per_second: 5}
checkpoints: /var/lib/mandate/checkpoints
"#;

#[test]
fn reads_a_whole_file() {
    let settings = parse(WHOLE).unwrap();
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:9000");
    assert_eq!(settings.server.public_url(), "https://mandate.example.com");
    assert_eq!(settings.limits, Limits { actor_per_second: 5, ..Limits::default() });
    assert_eq!(settings.fallback.alternate, ["ops-hook"]);
    let ChannelKind::Webhook { secret, allow_private, .. } = &settings.channels[0].kind else { panic!("a webhook") };
    assert_eq!(secret.expose(), "whsec_s3cret");
    assert!(*allow_private);
    assert!(!format!("{settings:?}").contains("s3cret"), "secrets do not print");
}

#[test]
fn the_public_url_is_its_own_unless_another_is_given() {
    let url = |text| {
        let mut server = parse(text).unwrap().server;
        server.listen = "127.0.0.1:9999".parse().unwrap();
        server.public_url()
    };
    assert_eq!(url("server: {listen: \"127.0.0.1:1\"}"), "http://127.0.0.1:9999", "where it listens in the end");
    assert_eq!(url("server: {listen: \"127.0.0.1:1\", public_url: \"http://127.0.0.1:1/\"}"), "http://127.0.0.1:9999");
    assert_eq!(url("server: {tls: {cert: c, key: k}}"), "https://127.0.0.1:9999");
    assert_eq!(url("server: {public_url: \"https://m.example.com/\"}"), "https://m.example.com");
}

#[test]
fn the_channel_in_the_app_is_there_and_nobodys_to_define() {
    let settings = parse("fallback: {alternate: [in-app]}").unwrap();
    assert_eq!((settings.channels.len(), settings.fallback.alternate), (0, vec!["in-app".to_owned()]));
    let text = WHOLE.replace("ops-hook", "in-app");
    let found = wrong(&text);
    assert!(found[0].contains("the channel `in-app` is built in (take it out"), "{found:?}");
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(parse("").unwrap(), Settings::default());
    assert_eq!(parse("# nothing yet\n").unwrap(), Settings::default());
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    let cases: &[(&str, &[&str])] = &[
        ("chanels: []", &["1:1 unknown key `chanels` (did you mean `channels`?)"]),
        (
            "channels:\n  - {name: s, kind: teams, token: x}",
            &["2:21 teams is not available yet (use `slack` or `webhook`)"],
        ),
        (
            "channels:\n  - {name: s, kind: slack}",
            &[
                "2:12 the slack channel `s` has no `token` (give it the app's bot token, such as `token: \"${SLACK_BOT_TOKEN}\"`)",
            ],
        ),
        (
            "channels:\n  - {name: s, kind: slack, token: xapp-1, app_token: xoxb-1, signing_secret: \" \"}",
            &[
                "2:35 `token` is not a bot token; it begins with `xoxb-`, this is an app-level token (copy it from the app's \
                 page, OAuth & Permissions)",
                "2:54 `app_token` is not an app-level token; it begins with `xapp-`, this is a bot token (copy it from the \
                 app's page, Basic Information, App-Level Tokens)",
                "2:78 `signing_secret` is blank: anybody could sign with that (copy it from the app's page, Basic Information)",
            ],
        ),
        (
            "channels:\n  - {name: s, kind: slack, token: xoxb-1, url: \"http://h\"}",
            &["2:48 a slack channel takes no `url` (it takes `token`, `app_token`, `signing_secret`, `base_url` and \
                 `allow_private`)"],
        ),
        (
            "channels:\n  - {name: s, kind: webhok}",
            &["2:21 `webhok` is not a kind of channel (did you mean `webhook`?)"],
        ),
        ("channels:\n  - {name: s, kind: webhook}", &["2:12 the webhook `s` has no `url` (say where to post)"]),
        (
            "channels:\n  - {name: s, kind: webhook, url: \"http://h\"}",
            &[
                "2:12 the webhook `s` has no `secret` (say what signs its messages, such as `secret: \"${OPS_HOOK_SECRET}\"`)",
            ],
        ),
        (
            "channels:\n  - {name: s, kind: webhook, url: \"http://h\", secret: x, token: x}",
            &["2:65 a webhook takes no `token` (it takes `url`, `secret` and `allow_private`)"],
        ),
        (
            "channels:\n  - {name: s, kind: webhook, url: \"http://h\", secret: \"${NOPE}\"}",
            &["2:55 the environment variable `NOPE` is not set (set it before starting, or write the value here)"],
        ),
        ("storm: {window: 4s}", &["1:17 `4s` is no time between two edits of a message (write `5s` to `15m`)"]),
        (
            "storm: {per_person_per_minute: 0}",
            &["1:32 `0` is no number of messages for one person in a minute (write 1 to 1000; critical notices come \
               beside them)"],
        ),
        ("admins: [platform]", &["1:10 `platform` is not a handle (write `@` and the name of a person or team)"]),
        (
            "server: {listen: \"localhost\"}\nadmins: [x]",
            &[
                "1:18 `localhost` is not an address to listen on (write an IP address and a port, such as `127.0.0.1:7878`)",
                "2:10 `x` is not a handle (write `@` and the name of a person or team)",
            ],
        ),
        (
            "channels: [{name: hook, kind: webhook, url: \"http://h\", secret: x}]\nfallback: {alternate: [hoook]}",
            &["2:24 there is no channel `hoook` (did you mean `hook`?)"],
        ),
    ];
    for (text, expect) in cases {
        assert_eq!(wrong(text), *expect, "{text}");
    }
}

#[test]
fn only_secrets_are_expanded() {
    let text = "channels: [{name: \"${X}\", kind: webhook, secret: x, url: \"https://h/$${Y}\"}]";
    let settings = parse(text).unwrap();
    assert_eq!(settings.channels[0].name, "${X}");
    let ChannelKind::Webhook { url, .. } = &settings.channels[0].kind else { panic!("a webhook") };
    assert_eq!(url.expose(), "https://h/${Y}");
}

#[test]
fn the_schema_has_the_keys_that_the_reader_takes() {
    let schema = schema();
    assert_eq!(schema["additionalProperties"], false);
    let keys = |of: &serde_json::Value| of["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let problems = parse("_: 1").unwrap_err();
    let help = problems[0].help.as_deref().unwrap();
    let mut taken: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
    taken.sort_unstable();
    assert_eq!(keys(&schema), taken);
    assert_eq!(
        keys(&schema["definitions"]["Channel"]),
        ["allow_private", "app_token", "base_url", "kind", "name", "secret", "signing_secret", "token", "url"]
    );
}
