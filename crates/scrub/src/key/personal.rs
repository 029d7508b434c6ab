//! Names of fields that hold personal data.

use super::Words;

/// The kinds of personal data that a field's name can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Personal {
    Email,
    Phone,
    Ip,
    Name,
}

impl Personal {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Ip => "ip",
            Self::Name => "name",
        }
    }

    /// Whether `value` can be such data at all.
    pub(crate) fn accepts(self, value: &str) -> bool {
        let digits = || value.bytes().filter(u8::is_ascii_digit).count();
        match self {
            Self::Email | Self::Name => true,
            Self::Phone => digits() >= 5,
            Self::Ip => value.contains(':') || digits() >= 4,
        }
    }
}

/// The personal data that `name` tells of, judged by its last words.
pub(crate) fn personal(name: &Words) -> Option<Personal> {
    let mut words = name.as_str().rsplit('_').filter(|word| !word.is_empty());
    let last = words.next()?;
    let before = words.next().unwrap_or("");
    match (before, last) {
        (_, "email" | "emails" | "mail" | "emailaddress") => Some(Personal::Email),
        ("email" | "mail", "address" | "addresses") => Some(Personal::Email),
        (_, "phone" | "phones" | "telephone" | "mobile" | "msisdn" | "fax" | "cellphone" | "phonenumber") => {
            Some(Personal::Phone)
        }
        ("phone" | "mobile" | "telephone" | "cell" | "fax" | "contact", "number" | "numbers") => Some(Personal::Phone),
        (_, "ip" | "ips" | "ipv4" | "ipv6" | "ipaddr" | "ipaddress") => Some(Personal::Ip),
        ("ip" | "remote" | "client" | "peer", "addr" | "address" | "addresses") => Some(Personal::Ip),
        ("forwarded", "for") => Some(Personal::Ip),
        (
            "first" | "last" | "full" | "given" | "family" | "middle" | "maiden" | "legal" | "customer" | "patient"
            | "cardholder" | "holder" | "contact" | "person" | "employee" | "recipient" | "guest" | "applicant",
            "name" | "names",
        ) => Some(Personal::Name),
        (_, "firstname" | "lastname" | "fullname" | "surname" | "givenname" | "familyname") => Some(Personal::Name),
        _ => None,
    }
}
