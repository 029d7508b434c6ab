//! Laws that hold for any text: no panic, scrubbing twice is scrubbing once, no planted secret survives, and time
//! grows no faster than the text.

use mandate_scrub::{Scrubber, Settings, TenantPattern};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn scrubber() -> Scrubber {
    Scrubber::new([1; 32])
}

/// What holds whatever `text` is: a plain function, so that a fuzzer can drive it as well.
fn check_invariants(text: &str) {
    let once = scrubber().scrub_text(text).into_owned();
    assert_eq!(Scrubber::new([2; 32]).scrub_text(&once), once, "scrubbing twice changed {text:?}");
    let mut value = Value::from(text);
    scrubber().scrub_value(&mut value);
    check_value_settles(value);
    check_value_settles(Value::Array(text.split(' ').map(Value::from).collect()));
    let members: Map<String, Value> = text
        .split('\n')
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    check_value_settles(Value::Object(members));
}

fn check_value_settles(mut value: Value) {
    scrubber().scrub_value(&mut value);
    let once = value.clone();
    Scrubber::new([2; 32]).scrub_value(&mut value);
    assert_eq!(value, once);
}

/// Text of the pieces that finders look at, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("password".to_owned()),
        Just("token".to_owned()),
        Just("auth".to_owned()),
        Just("Authorization".to_owned()),
        Just("Cookie".to_owned()),
        Just("secret".to_owned()),
        Just("email".to_owned()),
        Just("ip".to_owned()),
        Just("Bearer ".to_owned()),
        Just("Basic ".to_owned()),
        Just("--token ".to_owned()),
        Just("-u ".to_owned()),
        Just("=".to_owned()),
        Just(": ".to_owned()),
        Just(":".to_owned()),
        Just("://".to_owned()),
        Just("@".to_owned()),
        Just("\"".to_owned()),
        Just("\\\"".to_owned()),
        Just("'".to_owned()),
        Just("\\".to_owned()),
        Just(" ".to_owned()),
        Just("\n".to_owned()),
        Just("[redacted:".to_owned()),
        Just("[redacted:x:0a1b2c]".to_owned()),
        Just("]".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("<password>".to_owned()),
        Just(",".to_owned()),
        Just("&".to_owned()),
        Just("AKIA".to_owned()),
        Just("ghp_".to_owned()),
        Just("eyJ".to_owned()),
        Just("mk_".to_owned()),
        Just(".".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("-----END ".to_owned()),
        Just("+1".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("123-45-6789".to_owned()),
        Just("ü".to_owned()),
        Just("語".to_owned()),
        "[a-z0-9]{1,8}",
        "[A-Z0-9]{16,20}",
        "[A-Za-z0-9+/]{40}",
        "\\d{1,6}",
        "[a-z]{2,6}\\.com",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A secret whose format tells, and nothing around it has to.
fn tokens() -> impl Strategy<Value = String> {
    prop_oneof![
        "AKIA[A-Z2-7]{16}",
        "ASIA[A-Z2-7]{16}",
        "gh[pousr]_[A-Za-z0-9]{36}",
        "github_pat_[A-Za-z0-9_]{40,60}",
        "xox[abprs]-[0-9]{10,12}-[A-Za-z0-9]{16}",
        "xapp-1-[A-Z0-9]{8}-[a-z0-9]{20}",
        "[sr]k_live_[A-Za-z0-9]{24}",
        "sk_test_[A-Za-z0-9]{24}",
        "AIza[A-Za-z0-9_-]{35}",
        "npm_[A-Za-z0-9]{35}7",
        "pypi-[A-Za-z0-9_-]{60}",
        "eyJ[A-Za-z0-9_-]{20}\\.eyJ[A-Za-z0-9_-]{20}\\.[A-Za-z0-9_-]{20}",
        "mk_[a-z0-9]{31}7",
        "glpat-[A-Za-z0-9_-]{20}",
    ]
}

/// Ways to write a secret beside a telling name. `{}` is the secret.
const PLACES: [&str; 16] = [
    "password={}",
    "password: {}",
    "\"api_key\":\"{}\"",
    "\"client_secret\" : \"{}\", ",
    "--password {}",
    "--api-key={}",
    "Authorization: Bearer {}",
    "authorization: {}",
    "https://user:{}@host/path",
    "?access_token={}&x=1",
    "X-Api-Key: {}",
    "<password>{}</password>",
    "PASSWORD '{}'",
    "export DB_PASSWORD={}",
    "{\\\"password\\\":\\\"{}\\\"}",
    "passwd = '{}'",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_settles(text in any::<String>()) {
        check_invariants(&text);
    }

    #[test]
    fn any_pieces_settle(text in pieces()) {
        check_invariants(&text);
    }

    #[test]
    fn a_token_never_survives(before in pieces(), token in tokens(), after in "\\PC{0,40}") {
        for (open, close) in [(" ", " "), ("\n", "\n"), ("\"", "\""), ("(", ")"), ("=", "&"), ("/", "/"), ("\\n", "\\n")] {
            let text = format!("{before}{open}{token}{close}{after}");
            let scrubbed = scrubber().scrub_text(&text).into_owned();
            prop_assert!(!scrubbed.contains(&token), "{token} survives in {scrubbed}");
        }
    }

    #[test]
    fn a_value_beside_a_telling_name_never_survives(
        before in "[ -~]{0,20}", secret in "[A-Za-z][A-Za-z0-9!#%_.~-]{10,20}[A-Z0-9]{3}", after in "\\PC{0,40}"
    ) {
        for place in PLACES {
            let text = format!("{before}\n{}\n{after}", place.replace("{}", &secret));
            let scrubbed = scrubber().scrub_text(&text).into_owned();
            prop_assert!(!scrubbed.contains(&secret), "{secret} survives in {scrubbed}");
        }
    }

    #[test]
    fn a_secret_member_never_survives_at_any_depth(
        name in "(db_|X-|my_)?(password|api[_-]?key|clientSecret|access_token|private-key)", secret in "[a-z][ -~]{0,6}[A-Z0-9]{8}[ -~]{0,6}", depth in 0_usize..6
    ) {
        let mut value = Value::from(secret.clone());
        for level in 0..depth {
            value = if level % 2 == 0 { serde_json::json!([value, 7]) } else { serde_json::json!({"inner": value, "n": null}) };
        }
        let mut value = serde_json::json!({"call": {name: value}});
        scrubber().scrub_value(&mut value);
        let shown = value.to_string();
        let escaped = Value::from(secret).to_string();
        prop_assert!(!shown.contains(escaped.trim_matches('"')), "{escaped} survives in {shown}");
        check_value_settles(value);
    }

    #[test]
    fn ids_stay(uuid in "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", sha in "[0-9a-f]{40}", digest in "[0-9a-f]{64}") {
        let text = format!("event {uuid} commit={sha} image: app@sha256:{digest}, trace_id: {}, token={uuid}", &digest[..32]);
        prop_assert_eq!(scrubber().scrub_text(&text), text.clone());
    }

    #[test]
    fn a_tenants_pattern_settles(text in pieces(), pattern in "(\\[a-z\\]\\+|\\\\d\\{2,3\\}|red|redacted|[:\\]]|x\\|y|\\.\\*)") {
        let pattern = TenantPattern::new("own", &pattern).unwrap();
        let scrubber = Scrubber::with_settings([1; 32], Settings::default().with_patterns(vec![pattern]).unwrap());
        let once = scrubber.scrub_text(&text).into_owned();
        prop_assert_eq!(scrubber.scrub_text(&once), once.clone());
    }
}

/// 64 KiB of each piece that makes a finder look far. Were one of them to take quadratic time, this would take minutes.
#[test]
fn hostile_text_ends() {
    for piece in [
        "auth=",
        "tokens=",
        "password=)))))",
        "npm_",
        " sk-",
        "AKIAIOSFODNN7EXAMPLEa",
        "authorization: x ",
        "\"password\":[",
        "password=",
        "password=\"",
        "password=\\\"",
        "--token ",
        "a@",
        "a.a",
        "://",
        "://a:b",
        "AKIAIOSFODNN7EXAMPLE ",
        "eyJ",
        "eyJa.",
        "-----BEGIN PRIVATE KEY----- ",
        "4111 ",
        "{\"auth\":[",
        "[redacted:",
        "+1",
        "key:",
        "password: {",
        "_",
        "-",
        "<password>",
        "'",
        "Bearer ",
        "[redacted:x:0a1b2c] password=",
    ] {
        check_invariants(&piece.repeat(65_536 / piece.len()));
    }
}
