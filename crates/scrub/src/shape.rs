//! Judging a value by its looks: ids, placeholders, words and random strings.

/// Whether `value` is a UUID, with or without braces.
pub(crate) fn is_uuid(value: &str) -> bool {
    let value = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).unwrap_or(value);
    value.len() == 36
        && value.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether `value` is a digest that names its function, as container images have: `sha256:…`.
pub(crate) fn is_digest(value: &str) -> bool {
    let digest = ["sha256:", "sha512:", "sha1:"].iter().find_map(|prefix| value.strip_prefix(prefix));
    digest.is_some_and(|digest| digest.len() >= 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether `value` stands for a secret rather than being one: `${TOKEN}`, `$TOKEN`, `{{ token }}`, `<token>`, `****`,
/// `null`. Such values stay beside any name.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte))
    };
    let within = |open: &str, close: &str| value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let is_variable = value.strip_prefix('$').is_some_and(|name| {
        name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit())
    });
    let mut bytes = value.bytes();
    let first = bytes.next();
    let is_mask = match first {
        Some(b'*' | b'.' | b'-' | b'_') => bytes.all(|byte| Some(byte) == first),
        Some(b'x' | b'X') => value.len() >= 3 && bytes.all(|byte| Some(byte) == first),
        _ => false,
    };
    value.is_empty()
        || is_mask
        || is_variable
        || within("${", "}").is_some_and(is_name)
        || within("{{", "}}").is_some_and(is_name)
        || within("<", ">").is_some_and(is_name)
        || STATES.iter().any(|state| state.eq_ignore_ascii_case(value))
}

const STATES: [&str; 15] = [
    "true",
    "false",
    "null",
    "none",
    "nil",
    "undefined",
    "required",
    "optional",
    "missing",
    "invalid",
    "expired",
    "incorrect",
    "empty",
    "unset",
    "yes",
];

/// Whether `value` is a call in source code, as in `token = Token::new(text)`.
pub(crate) fn is_call(value: &str) -> bool {
    value.ends_with(')')
        && value.split_once('(').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_.:".contains(&byte))
        })
}

/// Whether `value` is no ordinary word or number: at least 6 bytes, and letters mixed with digits, with symbols of
/// secrets or with capitals inside.
pub(crate) fn is_mixed(value: &str) -> bool {
    let bytes = value.as_bytes();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let capital_inside =
        bytes.windows(2).any(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    let symbol = bytes.iter().any(|byte| b"!#$%^&*+=~".contains(byte));
    bytes.len() >= 6 && ((letters > 0 && (digits > 0 || symbol || capital_inside)) || (digits >= 12))
}

/// Whether `value` looks drawn at random: at least 16 letters of hex or base64, digits among them, and more than 3
/// bits of entropy a letter. Ids, dates, paths and addresses do not.
pub(crate) fn is_random(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < 16 || is_uuid(value) || is_digest(value) || value.contains("://") || value.starts_with(['/', '.'])
    {
        return false;
    }
    let mut counts = [0_u32; 128];
    let (mut letters, mut digits) = (0, 0);
    for &byte in bytes {
        let Some(count) = counts.get_mut(usize::from(byte)) else { return false };
        *count += 1;
        letters += usize::from(byte.is_ascii_alphabetic());
        digits += usize::from(byte.is_ascii_digit());
        if !(byte.is_ascii_alphanumeric() || b"+/=_.~-%:".contains(&byte)) {
            return false;
        }
    }
    letters > 1 && digits * 12 >= bytes.len() && entropy(&counts, bytes.len()) > 3.0
}

/// Shannon's entropy in bits a letter.
fn entropy(counts: &[u32; 128], total: usize) -> f64 {
    let total = total as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

/// Whether `value` is an IP address and nothing else, and can name somebody: not loopback, not unspecified.
pub(crate) fn is_personal_ip(value: &str) -> bool {
    let looks = (2..=45).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'));
    looks && value.parse().is_ok_and(|ip: std::net::IpAddr| !ip.is_loopback() && !ip.is_unspecified())
}
