//! The part of an address that one household or network shares.

use core::net::IpAddr;

/// A /24, or a /56 in IPv6 (RFC 6177): what one subscriber gets, and what costs something to have many of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Prefix([u8; 8]);

impl Prefix {
    /// The prefix of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                [0, 0, 0, 0, 4, a, b, c]
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, ..] = v6.octets();
                [a, b, c, d, e, f, g, 6]
            }
        })
    }

    /// The wider network: a /24, or a /48 in IPv6, which a site gets and cuts into hundreds of the others.
    #[must_use]
    pub(crate) const fn site(self) -> Self {
        match self.0 {
            [a, b, c, d, e, f, _, 6] => Self([a, b, c, d, e, f, 0, 6]),
            v4 => Self(v4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Prefix {
        Prefix::of(address.parse().expect("an address"))
    }

    #[test]
    fn neighbours_share_a_prefix_and_others_do_not() {
        assert_eq!(of("11.0.0.1"), of("11.0.0.254"));
        assert_eq!(of("11.0.0.1"), of("::ffff:11.0.0.9"));
        assert_ne!(of("11.0.0.1"), of("11.0.1.1"));
        assert_eq!(of("2001:db8:1:200::1"), of("2001:db8:1:2ff::1"));
        assert_ne!(of("2001:db8:1:200::1"), of("2001:db8:1:300::1"));
        assert_eq!(of("2001:db8:1:200::1").site(), of("2001:db8:1:300::1").site());
        assert_ne!(of("11.0.0.1").site(), of("11.0.1.1").site());
    }
}
