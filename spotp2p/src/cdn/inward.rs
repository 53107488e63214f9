//! Redirects that would have a client look around in its own network.

use super::url::{Host, Url};
use core::net::{Ipv4Addr, Ipv6Addr};

/// Whether a public host names, in so many words, an address that only this machine or its own network can mean. (A name
/// that stands for such an address is not looked through.)
#[must_use]
pub(crate) fn leads_inward(from: &Url, to: &Url) -> bool {
    is_inward(to.host()) && !is_inward(from.host())
}

fn is_inward(host: &Host) -> bool {
    match host {
        // RFC 6761 §6.3.
        Host::Name(name) => &**name == "localhost" || name.ends_with(".localhost"),
        Host::V4(address) => is_inward_v4(*address),
        Host::V6(address) => is_inward_v6(*address),
    }
}

fn is_inward_v4(address: Ipv4Addr) -> bool {
    // The last one: a carrier's customers, RFC 6598.
    matches!(
        address.octets(),
        [0 | 10 | 127 | 224.., ..] | [169, 254, ..] | [172, 16..32, ..] | [192, 168, ..] | [100, 64..128, ..]
    )
}

fn is_inward_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_inward_v4(v4);
    }
    match address.segments() {
        // A translator's prefix (RFC 6052), behind which is an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            is_inward_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Loopback and the like, unique local, link-local, site-local, multicast.
        [first, ..] => first == 0 || (0xfc00..=0xfdff).contains(&first) || first >= 0xfe80,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn url(host: &str) -> Url {
        format!("http://{host}/x").parse().expect("an address")
    }

    #[test]
    fn what_only_an_own_network_can_mean_is_told_from_the_rest() {
        for host in [
            "localhost",
            "a.localhost:81",
            "127.0.0.1",
            "10.1.2.3:8080",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[::ffff:192.168.1.1]",
            "[64:ff9b::7f00:1]",
            "[fd00::1]",
            "[fe80::1]",
            "[ff02::1]",
        ] {
            assert!(leads_inward(&url("music.example"), &url(host)), "{host}");
            assert!(leads_inward(&url("198.51.100.1"), &url(host)), "{host}");
            assert!(!leads_inward(&url("192.168.7.7"), &url(host)), "{host}");
        }
        for host in [
            "other.example",
            "198.51.100.1",
            "172.32.0.1",
            "100.128.0.1",
            "[2001:db8::1]",
            "[::ffff:198.51.100.1]",
        ] {
            assert!(!leads_inward(&url("music.example"), &url(host)), "{host}");
        }
    }
}
