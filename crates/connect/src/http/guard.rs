//! Which addresses a channel may reach.
//!
//! A channel's address is chosen by a tenant, the request is made from inside the operator's network; so the
//! guard decides by the IP address that is about to be dialled, after name resolution, on every new connection.
//! A name that answers a public address to a check and a private one to the connection gains nothing.

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far a channel may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Only globally routable unicast addresses.
    Public,
    /// Also loopback and private networks (`allow_private: true`); still no cloud metadata service.
    Private,
}

/// A target that the guard turned down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{host}` leads to {address}, {why}")]
pub struct Forbidden {
    /// The host as configured.
    pub host: String,
    /// The first address that was turned down.
    pub address: IpAddr,
    /// What that address is, with a hint when something can be done.
    pub why: &'static str,
}

/// Says why `address` may not be reached, or nothing when it may.
#[must_use]
pub fn refusal(address: IpAddr, reach: Reach) -> Option<&'static str> {
    let why = kind(address)?;
    (reach == Reach::Public || why == METADATA).then_some(why)
}

/// The guard's verdict, when it is what made a request fail: `error` or one of its sources carries it.
#[must_use]
pub fn forbidden<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Forbidden> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(verdict) = inside.and_then(|inside| inside.downcast_ref()) {
            return Some(verdict);
        }
        next = error.source();
    }
    None
}

/// Reads a host that names an IP address itself, in every form that a resolver would read as one: brackets,
/// decimal, octal and hexadecimal parts, fewer than four parts. Nothing when it is a name to be looked up.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let zoneless = bare.split_once('%').map_or(bare, |(address, _)| address);
    if let Ok(address) = zoneless.parse::<Ipv6Addr>() {
        return Some(address.into());
    }
    loose_v4(host.strip_suffix('.').unwrap_or(host)).map(IpAddr::V4)
}

const METADATA: &str = "a cloud metadata address, which no channel may reach";
const LOOPBACK: &str = "a loopback address; set `allow_private: true` to reach it";
const PRIVATE: &str = "a private network address; set `allow_private: true` to reach it";
const LINK_LOCAL: &str = "a link-local address; set `allow_private: true` to reach it";
const SHARED: &str = "a carrier-grade NAT address; set `allow_private: true` to reach it";
const UNSPECIFIED: &str = "an unspecified address";
const MULTICAST: &str = "a multicast address";
const RESERVED: &str = "a reserved address";

/// Metadata and credential services of the large clouds; the last one answers on a public address.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

fn kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

fn kind_v4(address: Ipv4Addr) -> Option<&'static str> {
    if METADATA_V4.contains(&address) {
        return Some(METADATA);
    }
    match address.octets() {
        [0, ..] => Some(UNSPECIFIED),
        [127, ..] => Some(LOOPBACK),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Some(PRIVATE),
        [169, 254, ..] => Some(LINK_LOCAL),
        [100, 64..=127, ..] => Some(SHARED),
        [224..=239, ..] => Some(MULTICAST),
        // Protocol assignments, documentation, the 6to4 relay, benchmarking, and the future's.
        [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => Some(RESERVED),
        _ => None,
    }
}

fn kind_v6(address: Ipv6Addr) -> Option<&'static str> {
    if METADATA_V6.contains(&address) {
        return Some(METADATA);
    }
    if address.is_unspecified() {
        return Some(UNSPECIFIED);
    }
    if address.is_loopback() {
        return Some(LOOPBACK);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let low = || v4_of(g, h);
    match (a, b) {
        // IPv4-mapped, and NAT64's well-known prefix: as good as the IPv4 address inside.
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0xffff) => kind_v4(low()),
        (0x0064, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => kind_v4(low()),
        // Other embeddings are not routed on the public Internet: a translator of one's own, 6to4, and the
        // deprecated compatible and translated forms. What they hide decides only whether it is metadata.
        (0x0064, 0xff9b) => Some(hidden(low(), PRIVATE)),
        (0, 0) => Some(hidden(low(), RESERVED)),
        (0x2002, _) => Some(hidden(v4_of(b, c), RESERVED)),
        (0xff00..=0xffff, _) => Some(MULTICAST),
        (0xfe80..=0xfebf, _) => Some(hidden(low(), LINK_LOCAL)),
        (0xfc00..=0xfdff | 0xfec0..=0xfeff, _) => Some(PRIVATE),
        // Teredo, benchmarking, ORCHID and their neighbours; documentation.
        (0x2001, 0x0000..=0x01ff | 0x0db8) | (0x3ff0..=0x3fff, _) => Some(RESERVED),
        (0x2000..=0x3fff, _) => None,
        _ => Some(RESERVED),
    }
}

fn hidden(inside: Ipv4Addr, otherwise: &'static str) -> &'static str {
    if METADATA_V4.contains(&inside) { METADATA } else { otherwise }
}

fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
}

/// One to four parts, each decimal, `0x` hexadecimal or `0` octal; the last part fills what is left.
fn loose_v4(host: &str) -> Option<Ipv4Addr> {
    let parts = host.split('.').map(number).collect::<Option<Vec<u64>>>()?;
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || front.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 8 * (4 - u32::try_from(front.len()).ok()?);
    if *last >= 1 << room {
        return None;
    }
    let high = front.iter().fold(0, |sum, part| (sum << 8) | part) << room;
    u32::try_from(high | last).ok().map(Ipv4Addr::from_bits)
}

fn number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.as_bytes() {
        [b'0', b'x' | b'X', ..] => (part.get(2..)?, 16),
        [b'0', _, ..] => (part.get(1..)?, 8),
        _ => (part, 10),
    };
    if radix == 16 && digits.is_empty() {
        return Some(0);
    }
    // `from_str_radix` would take a sign.
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `public` and `private` say whether the address may be reached with that [`Reach`].
    fn check(host: &str, public: bool, private: bool) {
        let address = literal(host).unwrap_or_else(|| panic!("{host} is an address"));
        assert_eq!(refusal(address, Reach::Public).is_none(), public, "{host} ({address}), public");
        assert_eq!(refusal(address, Reach::Private).is_none(), private, "{host} ({address}), private");
    }

    #[test]
    fn public_addresses_pass() {
        for host in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "0x08080808",
            "134744072",
            "010.010.010.010",
            "2606:4700::1111",
            "[2a00:1450:4001::1]",
            "2001:200::1",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            check(host, true, true);
        }
    }

    #[test]
    fn private_addresses_pass_only_when_allowed() {
        for host in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            // Forms that only a resolver would read as an address.
            "0x7f.1",
            "0x7f.0x0.0x0.0x1",
            "0177.0.0.1",
            "017700000001",
            "2130706433",
            "0x7f000001",
            "127.1",
            "127.0.1",
            "10.1",
            "192.168.257",
            "0",
            "0x",
            "127.0.0.1.",
            "0xa9fe0101",
            "::",
            "::1",
            "[::1]",
            "0:0:0:0:0:0:0:1",
            "fe80::1",
            "fe80::1%eth0",
            "febf::1",
            "fc00::1",
            "fdff::1",
            "fec0::1",
            "ff02::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "::ffff:10.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::",
            "2002:808:808::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "4000::1",
            "5f00::1",
        ] {
            check(host, false, true);
        }
    }

    #[test]
    fn metadata_never_passes() {
        for host in [
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "0xa9.0xfe.0xa9.0xfe",
            "0251.0376.0251.0376",
            "169.254.43518",
            "169.254.170.2",
            "169.254.170.23",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::a9fe:a9fe",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "2002:a9fe:a9fe::",
            "fe80::a9fe:a9fe",
        ] {
            check(host, false, false);
        }
    }

    #[test]
    fn names_are_not_literals() {
        for host in [
            "example.com",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.256.1.1",
            "08.1.1.1",
            "127.0.0.1.nip.example",
            "a",
            "",
            "+1",
            "-1",
            "0xg",
            "1..1",
        ] {
            assert_eq!(literal(host), None, "{host}");
        }
    }

    proptest::proptest! {
        /// An address written plainly is read as itself, and its mapped and translated forms are judged the same.
        #[test]
        fn embedded_forms_are_judged_as_the_address_inside(bits: u32) {
            let plain = Ipv4Addr::from_bits(bits);
            proptest::prop_assert_eq!(literal(&plain.to_string()), Some(IpAddr::V4(plain)));
            proptest::prop_assert_eq!(literal(&bits.to_string()), Some(IpAddr::V4(plain)));
            for reach in [Reach::Public, Reach::Private] {
                let verdict = refusal(plain.into(), reach);
                proptest::prop_assert_eq!(refusal(plain.to_ipv6_mapped().into(), reach), verdict);
                let (high, low) = ((bits >> 16) as u16, bits as u16);
                let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
                proptest::prop_assert_eq!(refusal(translated.into(), reach), verdict);
            }
        }
    }
}
