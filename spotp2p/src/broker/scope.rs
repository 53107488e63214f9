//! Who may be told of an address.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether an address may be told to a client whose own connection comes from `asker`.
///
/// A global address may; one that is private (RFC 1918), shared by a carrier's customers (RFC 6598), unique local (RFC 4193),
/// link-local or loopback only to who comes from the same scope and prefix, and so may reach it; no other may ever.
pub(super) fn may_be_told(address: SocketAddr, asker: SocketAddr) -> bool {
    let (Some(one), Some(other)) = (Place::of(address), Place::of(asker)) else { return false };
    address.port() != 0 && (one.scope == Scope::Global || one == other)
}

/// A scope, and the prefix of it that is one network, as far as an outsider can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    scope: Scope,
    prefix: u64,
    /// Which of this machine's links a link-local address is on.
    zone: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    Global,
    Private,
    Link,
    Host,
}

impl Place {
    fn of(address: SocketAddr) -> Option<Self> {
        match address.ip().to_canonical() {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => {
                let zone = match address {
                    SocketAddr::V6(v6) => v6.scope_id(),
                    SocketAddr::V4(_) => 0,
                };
                Self::of_v6(v6, zone)
            }
        }
    }

    fn of_v4(address: Ipv4Addr) -> Option<Self> {
        let [a, b, c, _] = address.octets();
        let (scope, bytes) = match (a, b) {
            (0 | 224.., _) => return None,
            (127, _) => (Scope::Host, [a, 0, 0]),
            (169, 254) => (Scope::Link, [a, b, 0]),
            (10, _) | (172, 16..32) | (192, 168) | (100, 64..128) => (Scope::Private, [a, b, c]),
            _ => (Scope::Global, [0; 3]),
        };
        let [a, b, c] = bytes;
        // Above what a /64 of IPv6 can be, whose first byte is never 4 in these scopes.
        Some(Self { scope, prefix: u64::from_be_bytes([4, 0, 0, 0, 0, a, b, c]), zone: 0 })
    }

    fn of_v6(address: Ipv6Addr, zone: u32) -> Option<Self> {
        let [a, b, c, d, ..] = address.segments();
        let words = [a, b, c, d].map(u64::from);
        let net = words.into_iter().fold(0, |net, word| net << 16 | word);
        let scope = match a {
            _ if address.is_unspecified() || address.is_multicast() => return None,
            _ if address.is_loopback() => Scope::Host,
            0xfe80..=0xfebf => Scope::Link,
            0xfc00..=0xfdff => Scope::Private,
            // Site-local addresses, given up by RFC 3879, and what stands for another address (RFC 4291 §2.5.5).
            0xfec0..=0xfeff | 0 => return None,
            _ => Scope::Global,
        };
        let zone = if scope == Scope::Link { zone } else { 0 };
        Some(Self { scope, prefix: if scope == Scope::Global { 0 } else { net }, zone })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(address: &str, asker: &str) -> bool {
        may_be_told(address.parse().expect("an address"), asker.parse().expect("an asker"))
    }

    #[test]
    fn a_global_address_is_told_to_anyone_who_may_be_told_anything() {
        for asker in ["11.0.0.1:9", "10.0.0.1:9", "[2001:db8::1]:9", "[fd00::1]:9", "127.0.0.1:9"] {
            assert!(told("203.0.113.7:4070", asker) && told("[2001:db8::7]:4070", asker), "{asker}");
        }
        assert!(!told("203.0.113.7:0", "11.0.0.1:9"), "port 0 is none");
    }

    #[test]
    fn a_narrower_address_is_told_within_its_scope_and_prefix_only() {
        let narrow = [
            ("10.1.2.3:5", "10.1.2.250:9", "10.1.3.3:9"),
            ("192.168.1.3:5", "192.168.1.4:9", "192.168.2.3:9"),
            ("172.16.0.3:5", "172.16.0.4:9", "10.16.0.3:9"),
            ("100.64.1.2:5", "100.64.1.9:9", "100.65.1.2:9"),
            ("169.254.1.2:5", "169.254.200.2:9", "10.254.1.2:9"),
            ("127.0.0.1:5", "127.9.0.2:9", "[::1]:9"),
            ("[::1]:5", "[::1]:9", "127.0.0.1:9"),
            ("[fd00:1::3]:5", "[fd00:1::4]:9", "[fd00:2::3]:9"),
            ("[fe80::3%2]:5", "[fe80::4%2]:9", "[fe80::4%3]:9"),
            ("[::ffff:10.1.2.3]:5", "10.1.2.9:9", "[::ffff:10.1.3.9]:9"),
        ];
        for (address, near, far) in narrow {
            assert!(told(address, near), "{address} to {near}");
            for asker in [far, "11.0.0.1:9", "[2001:db8::1]:9"] {
                assert!(!told(address, asker), "{address} to {asker}");
            }
        }
    }

    #[test]
    fn what_nobody_can_come_from_is_told_to_nobody() {
        let never = [
            "0.0.0.0:5",
            "0.1.2.3:5",
            "224.0.0.1:5",
            "255.255.255.255:5",
            "[::]:5",
            "[ff02::1]:5",
            "[fec0::1]:5",
            "[::7]:5",
        ];
        for address in never {
            assert!(!told(address, "11.0.0.1:9") && !told(address, address), "{address}");
            assert!(!told("203.0.113.7:5", address), "to {address}");
        }
    }
}
