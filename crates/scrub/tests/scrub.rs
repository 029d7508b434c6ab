//! What is replaced and what stays, case by case.
//!
//! Expected marks leave out the digest: `[redacted:password]`. A `~` in a fixture is taken out before use, so that no
//! line of this file is itself a token of a known format.

use mandate_scrub::{Scrubber, Settings, TenantPattern};
use serde_json::{Value, json};

const KEY: [u8; 32] = [7; 32];

fn without_digests(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("[redacted:") {
        let close = at + rest[at..].find(']').expect("a mark is closed");
        out.push_str(&rest[..close - 7]);
        out.push(']');
        rest = &rest[close + 1..];
    }
    out + rest
}

/// The one entry: free text scrubs to `expect`, and scrubbing it again under another key changes nothing.
#[track_caller]
fn check(text: &str, expect: &str) {
    let text = text.replace('~', "");
    let scrubbed = Scrubber::new(KEY).scrub_text(&text).into_owned();
    assert_eq!(without_digests(&scrubbed), expect, "for {text}");
    assert_eq!(Scrubber::new([9; 32]).scrub_text(&scrubbed), scrubbed, "scrubbed twice: {text}");
}

#[track_caller]
fn check_same(texts: &[&str]) {
    for text in texts {
        let text = text.replace('~', "");
        assert_eq!(Scrubber::new(KEY).scrub_text(&text), text);
    }
}

/// The entry for attributes.
#[track_caller]
fn check_json(value: Value, expect: Value) {
    check_json_with(&Scrubber::new(KEY), value, expect);
}

#[track_caller]
fn check_json_with(scrubber: &Scrubber, value: Value, expect: Value) {
    let mut scrubbed: Value = serde_json::from_str(&value.to_string().replace('~', "")).unwrap();
    scrubber.scrub_value(&mut scrubbed);
    let seen: Value = serde_json::from_str(&without_digests(&scrubbed.to_string())).unwrap();
    assert_eq!(seen, expect);
    let once = scrubbed.clone();
    scrubber.scrub_value(&mut scrubbed);
    assert_eq!(scrubbed, once, "scrubbed twice");
}

#[test]
fn tokens_of_known_formats_go_wherever_they_stand() {
    for (text, expect) in [
        ("key AK~IAIOSFODNN7EXAMPLE in use", "key [redacted:aws_key] in use"),
        ("AS~IAIOSFODNN7EXAMPLE", "[redacted:aws_key]"),
        ("AK~IAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[redacted:aws_key] [redacted:aws_secret]"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY:AK~IAIOSFODNN7EXAMPLE", "[redacted:aws_secret]:[redacted:aws_key]"),
        ("push with gh~p_16C7e42F292c6912E7710c838347Ae178B4a done", "push with [redacted:github_token] done"),
        ("gh~s_16C7e42F292c6912E7710c838347Ae178B4a", "[redacted:github_token]"),
        ("github~_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv", "[redacted:github_token]"),
        ("xo~xb-123456789012-abcdefABCDEF", "[redacted:slack_token]"),
        ("xa~pp-1-A0123-456-abcdef", "[redacted:slack_token]"),
        (
            "post to https://hooks.slack~.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX now",
            "post to https://hooks.slack.com/[redacted:slack_webhook] now",
        ),
        ("sk~_live_4eC39HqLyjWDarjtT1zdp7dc", "[redacted:stripe_key]"),
        ("(rk~_live_4eC39HqLyjWDarjtT1zdp7dc)", "([redacted:stripe_key])"),
        ("sk~_test_4eC39HqLyjWDarjtT1zdp7dc", "[redacted:stripe_key]"),
        ("AI~zaSyA1234567890abcdefghijklmnopqrstuv", "[redacted:google_key]"),
        ("np~m_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted:npm_token]"),
        ("py~pi-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMA", "[redacted:pypi_token]"),
        ("gl~pat-abcdefghij0123456789", "[redacted:gitlab_token]"),
        ("whs~ec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "[redacted:webhook_secret]"),
        ("eyJhb~GciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN. Next", "[redacted:jwt]. Next"),
        ("mk~_4f9a8c7b6d5e4f3a2b1c0d9e8f7a6b5c", "[redacted:mandate_key]"),
        ("line\\ngh~p_16C7e42F292c6912E7710c838347Ae178B4a\\nnext", "line\\n[redacted:github_token]\\nnext"),
        (
            "a\n-----BEGIN RSA PRIVATE ~KEY-----\nMIIEow\nab==\n-----END RSA PRIVATE ~KEY-----\nb",
            "a\n[redacted:private_key]\nb",
        ),
        ("-----BEGIN OPENSSH PRIVATE ~KEY-----\\nb3BlbnNz cut off here", "[redacted:private_key]"),
        ("call with Bearer abc123def456 please", "call with Bearer [redacted:bearer] please"),
        ("Basic dXNlcjpwYXNz", "Basic [redacted:authorization]"),
    ] {
        check(text, expect);
    }
}

#[test]
fn values_beside_telling_names_go() {
    for (text, expect) in [
        ("password=hunter2", "password=[redacted:password]"),
        ("password: hunter2, user: bob", "password: [redacted:password], user: bob"),
        ("PGPASSWORD=s3cr,et! psql", "PGPASSWORD=[redacted:password] psql"),
        ("Server=db;Pwd=hunter2!;Database=x", "Server=db;Pwd=[redacted:password];Database=x"),
        ("DB_PASSWORD_PROD='a b c'", "DB_PASSWORD_PROD='[redacted:password]'"),
        ("{\"password\":\"hun\\\"ter2\",\"user\":\"bob\"}", "{\"password\":\"[redacted:password]\",\"user\":\"bob\"}"),
        (
            "{\\\"password\\\":\\\"hunter2\\\",\\\"n\\\":1}",
            "{\\\"password\\\":\\\"[redacted:password]\\\",\\\"n\\\":1}",
        ),
        ("{\"api_key\": 12345, \"n\": 5}", "{\"api_key\": [redacted:api_key], \"n\": 5}"),
        (
            "{\"credentials\": {\"user\": \"a\", \"x\": [1]}, \"n\": 5}",
            "{\"credentials\": {[redacted:credential]}, \"n\": 5}",
        ),
        ("config[\"password\"] = 'hunter2'", "config[\"password\"] = '[redacted:password]'"),
        ("password := \"hunter2\"", "password := \"[redacted:password]\""),
        (":password => 'hunter2'", ":password => '[redacted:password]'"),
        ("API key: abcdef", "API key: [redacted:api_key]"),
        ("X-Api-Key: abcdef", "X-Api-Key: [redacted:api_key]"),
        ("run --token abcdef --verbose", "run --token [redacted:token] --verbose"),
        ("run --api-key=abcdef --verbose", "run --api-key=[redacted:api_key] --verbose"),
        ("run --password 'a b' x", "run --password '[redacted:password]' x"),
        ("curl -u alice:hunter2 http://x", "curl -u alice:[redacted:password] http://x"),
        (
            "curl -H 'Authorization: Bearer abc.def' http://x",
            "curl -H 'Authorization: Bearer [redacted:bearer]' http://x",
        ),
        ("Authorization: Basic dXNlcjpwYXNz\nHost: x", "Authorization: Basic [redacted:authorization]\nHost: x"),
        ("authorization: xyz", "authorization: [redacted:authorization]"),
        ("Cookie: a=b; c=d\nHost: x", "Cookie: [redacted:cookie]\nHost: x"),
        ("GET /x?token=abcdef&page=2", "GET /x?token=[redacted:token]&page=2"),
        ("https://h/x?a=1&access_token=ab-cd#f", "https://h/x?a=1&access_token=[redacted:token]"),
        ("postgres://app:pa:s@s@db:5432/x", "postgres://app:[redacted:password]@db:5432/x"),
        ("redis://:hunter2@cache", "redis://:[redacted:password]@cache"),
        ("<password>hunter2</password>", "<password>[redacted:password]</password>"),
        ("ALTER USER app WITH PASSWORD 'hunter2'", "ALTER USER app WITH PASSWORD '[redacted:password]'"),
        ("CREATE USER app IDENTIFIED BY 'hunter2'", "CREATE USER app IDENTIFIED BY '[redacted:password]'"),
        ("secret: hunter2", "secret: [redacted:secret]"),
        ("token=9d5ed678fe57bcca610140957afab571", "token=[redacted:token]"),
        ("auth=9d5ed678fe57bcca610140957afab571", "auth=[redacted:auth]"),
        ("password=gh~p_16C7e42F292c6912E7710c838347Ae178B4a", "password=[redacted:github_token]"),
        ("api_key=550e8400-e29b-41d4-a716-446655440000", "api_key=[redacted:api_key]"),
        ("client_ip=203.0.113.9 ok", "client_ip=[redacted:ip] ok"),
        ("пароль password=пар\u{301}оль конец", "пароль password=[redacted:password] конец"),
    ] {
        check(text, expect);
    }
}

#[test]
fn personal_numbers_go() {
    for (text, expect) in [
        ("card 4111 1111 1111 1111 charged", "card [redacted:card] charged"),
        ("4111-1111-1111-1111.", "[redacted:card]."),
        ("pay 5555555555554444", "pay [redacted:card]"),
        ("amex 3782 822463 10005", "amex [redacted:card]"),
        ("12 4111 1111 1111 1111", "12 [redacted:card]"),
        ("ssn 123-45-6789", "ssn [redacted:ssn]"),
        ("mail alice@example.com now", "mail [redacted:email] now"),
        ("<alice.b+x@mail.example.co.uk>", "<[redacted:email]>"),
        ("call +1 (415) 555-0100 now", "call [redacted:phone] now"),
        ("call +4930123456.", "call [redacted:phone]."),
    ] {
        check(text, expect);
    }
}

#[test]
fn ids_and_ordinary_text_stay() {
    check_same(&[
        "",
        "Deploy payments-service v2.3.1 to production",
        "550e8400-e29b-41d4-a716-446655440000",
        "event 0197b2c4-5d3e-7f00-8000-000000000001 session_id=0197b2c4-5d3e-7f00-8000-000000000001",
        "token=550e8400-e29b-41d4-a716-446655440000",
        "commit 3ed823f0c9d4b2a1e5f60718293a4b5c6d7e8f90 on main",
        "image app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "secret=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "http://h:80?to=a:c@b and https://h?x=a:b@c",
        "10.0.0.1:5432",
        "[2001:db8::1]:443 and 203.0.113.9",
        "max_tokens=4096 prompt_tokens: 512",
        "token expired; token: expired; token_type=bearer",
        "next_page_token=CAUQAA123456789",
        "the password is required; password: required",
        "secret_name=prod/db password_file=/run/secrets/db",
        "PWD=/home/agent",
        "pass=12 fail=0",
        "author: alice, authorized: true, monkey=banana",
        "auth=oidc",
        "token=${GITHUB_TOKEN} password=$DB_PASSWORD key={{ secret }}",
        "password=**** token: ''",
        "let token = Token::new(text);",
        "git@github.com:acme/shop.git",
        "/etc/systemd/system/openvpn@client.service postgresql@main.service icons/flag@dark.svg getty@tty.timer a@b.JSON",
        "icons/logo@2x.png lodash@4.17.21 pkg@v1.2.0-beta.rc @alice",
        "https://alice@host/x and http://h:8080/a@b",
        "docker run -u 1000:1000 app",
        "1767225600000 1767225600012345678 0.4111111111111111 41111111-1111-1111",
        "2026-01-31 12:34:56+0200 +02:00",
        "build 1.0.0+20130313144700",
        "order 4111111111111112",
        "000-12-3456 123-45-67890 a123-45-6789",
        "Basic authentication and bearer of news",
        "mk_dir_all_the_way_down task-abcdefghijklmnopqrst1",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "eyJustAWord.and another",
        "src/auth/token.rs:120:14: error",
        "[redacted:password:0a1b2c] and password=[redacted:password:0a1b2c]",
        "a \u{0} b \u{10ffff} é: ö=ü",
    ]);
}

#[test]
fn attributes_go_by_name_and_by_shape() {
    for (value, expect) in [
        (json!({"password": "x y", "n": 1}), json!({"password": "[redacted:password]", "n": 1})),
        (
            json!({"apiKey": 12345, "token": null, "secret": true}),
            json!({"apiKey": "[redacted:api_key]", "token": null, "secret": true}),
        ),
        (
            json!({"credentials": {"user": "bob", "parts": ["a", 1, false, null]}}),
            json!({"credentials": {"user": "[redacted:credential]", "parts": ["[redacted:credential]", "[redacted:credential]", false, null]}}),
        ),
        (
            json!({"auth": {"user": "bob", "pass": "hunter"}}),
            json!({"auth": {"user": "[redacted:auth]", "pass": "[redacted:auth]"}}),
        ),
        (json!({"auth": "oidc", "max_tokens": 5, "tokens": 7}), json!({"auth": "oidc", "max_tokens": 5, "tokens": 7})),
        (
            json!({"headers": {"Authorization": "Bearer abc", "Accept": "x"}}),
            json!({"headers": {"Authorization": "Bearer [redacted:bearer]", "Accept": "x"}}),
        ),
        (
            json!({"env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "PORT", "value": "80"}]}),
            json!({"env": [{"name": "DB_PASSWORD", "value": "[redacted:password]"}, {"name": "PORT", "value": "80"}]}),
        ),
        (
            json!({"args": ["--token", "abc", "--path", "x"]}),
            json!({"args": ["--token", "[redacted:token]", "--path", "x"]}),
        ),
        (json!({"x": {"/actor/password": "a"}}), json!({"x": {"/actor/password": "[redacted:password]"}})),
        (json!({"log": "token=abc123 done"}), json!({"log": "token=[redacted:token] done"})),
        (json!({"gh~p_16C7e42F292c6912E7710c838347Ae178B4a": 1}), json!({"[redacted:github_token]": 1})),
        (
            json!({"userEmail": "alice", "to": "alice@example.com"}),
            json!({"userEmail": "[redacted:email]", "to": "[redacted:email]"}),
        ),
        (
            json!({"phone": "555 0100 1", "mobile": 4155550100_u64, "note": "(415) 555-0100"}),
            json!({"phone": "[redacted:phone]", "mobile": "[redacted:phone]", "note": "[redacted:phone]"}),
        ),
        (
            json!({"client_ip": "10.0.0.1:80", "host": "203.0.113.9"}),
            json!({"client_ip": "[redacted:ip]", "host": "[redacted:ip]"}),
        ),
        (
            json!({"host": "127.0.0.1", "db": "10.0.0.1:5432", "version": "1.2.3.4"}),
            json!({"host": "127.0.0.1", "db": "10.0.0.1:5432", "version": "1.2.3.4"}),
        ),
        (json!({"first_name": "Alice", "name": "main"}), json!({"first_name": "[redacted:name]", "name": "main"})),
        (json!({"name": "Alice", "email": "a"}), json!({"name": "[redacted:name]", "email": "[redacted:email]"})),
        (
            json!({"call": {"server": "fs", "tool": "write_file", "arguments": {"path": "src/pay.rs", "size": 4111111111111112_u64}, "remote": "git@github.com:acme/shop.git"}}),
            json!({"call": {"server": "fs", "tool": "write_file", "arguments": {"path": "src/pay.rs", "size": 4111111111111112_u64}, "remote": "git@github.com:acme/shop.git"}}),
        ),
        (
            json!({"pan": 4111111111111111_u64, "all": [378282246310005_u64, 5], "at": 1767225600000_u64, "below": -4111111111111111_i64}),
            json!({"pan": "[redacted:card]", "all": ["[redacted:card]", 5], "at": 1767225600000_u64, "below": -4111111111111111_i64}),
        ),
        (
            json!({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "token": "550e8400-e29b-41d4-a716-446655440000"}),
            json!({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "token": "550e8400-e29b-41d4-a716-446655440000"}),
        ),
    ] {
        check_json(value, expect);
    }
}

#[test]
fn a_tenant_adds_patterns_and_exempts_fields() {
    let settings = Settings::default()
        .allow(["session_token", "Public-Key"])
        .keep_personal(["reporterEmail"])
        .with_patterns(vec![
            TenantPattern::new("badge", r"\bBDG-\d{4}\b").unwrap(),
            TenantPattern::new("ticket", r"pin (?<secret>\d+)").unwrap(),
        ])
        .unwrap();
    let scrubber = Scrubber::with_settings(KEY, settings);
    check_json_with(
        &scrubber,
        json!({"a": "BDG-1234 pin 99", "sessionToken": "abc", "reporter_email": "a@example.com", "email": "b@example.com"}),
        json!({"a": "[redacted:badge] pin [redacted:ticket]", "sessionToken": "abc", "reporter_email": "a@example.com", "email": "[redacted:email]"}),
    );
    assert_eq!(scrubber.scrub_text("session_token=abc"), "session_token=abc");
    check_json_with(
        &scrubber,
        json!({"reporter_email": "gh~p_16C7e42F292c6912E7710c838347Ae178B4a"}),
        json!({"reporter_email": "[redacted:github_token]"}),
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let name = TenantPattern::new("My Pattern", "x").unwrap_err();
    assert_eq!(name.to_string(), "`My Pattern` is not a pattern's name: use 1 to 32 of a-z, 0-9 and `_`");
    let pattern = TenantPattern::new("open", "(").unwrap_err();
    assert!(pattern.to_string().starts_with("pattern `open` cannot be used: "), "{pattern}");
    let many = vec![TenantPattern::new("x", "x").unwrap(); 101];
    assert!(Settings::default().with_patterns(many).is_err());
}

#[test]
fn equal_secrets_stay_equal_under_one_key_and_the_key_does_not_print() {
    let (one, other) = (Scrubber::new(KEY), Scrubber::new([8; 32]));
    let mark = |scrubber: &Scrubber, text: &str| scrubber.scrub_text(text).split_once('=').unwrap().1.to_owned();
    assert_eq!(mark(&one, "password=hunter2"), mark(&one, "DB_PASSWORD=hunter2"));
    assert_ne!(mark(&one, "password=hunter2"), mark(&one, "password=hunter3"));
    assert_ne!(mark(&one, "password=hunter2"), mark(&other, "password=hunter2"));
    // HMAC-SHA-256 of `hunter2` under 32 times the byte 7, as any other implementation has it.
    assert_eq!(mark(&one, "password=hunter2"), "[redacted:password:326eb4]");
    assert_eq!(format!("{one:?}"), "Scrubber { patterns: 0, .. }");
}

#[test]
fn clean_text_is_borrowed() {
    let text = "Deploy payments-service v2.3.1: owner=@alice, at 12:30";
    assert!(matches!(Scrubber::new(KEY).scrub_text(text), std::borrow::Cow::Borrowed(_)));
}
