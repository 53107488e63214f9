//! The order in which the addresses of one party are tried.

use alloc::vec::Vec;
use core::net::SocketAddr;

/// Addresses that are tried at most; further ones are left out.
pub const MAX_ADDRESSES: usize = 16;

/// Takes turns between the families, beginning with that of the first address (RFC 8305 §4).
pub(super) fn interleaved(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let (mut first, mut second) = (Vec::new(), Vec::<SocketAddr>::new());
    for address in addresses.into_iter().take(4 * MAX_ADDRESSES) {
        let address = canonical(address);
        let is_first = first.first().is_none_or(|of: &SocketAddr| of.is_ipv4() == address.is_ipv4());
        let family = if is_first { &mut first } else { &mut second };
        if address.port() != 0 && !address.ip().is_unspecified() && !family.contains(&address) {
            family.push(address);
        }
    }
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            mixed.truncate(MAX_ADDRESSES);
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        // An IPv6 address keeps its scope, without which a link-local one is of no use.
        ip if ip.is_ipv6() => address,
        ip => SocketAddr::new(ip, address.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 4070))
    }

    fn v6(n: u16) -> SocketAddr {
        SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, n], 4070))
    }

    #[test]
    fn families_take_turns_beginning_with_the_preferred_one() {
        let mixed = interleaved([v6(1), v6(2), v6(3), v4(1), v6(1), v4(2)]);
        assert_eq!(mixed, [v6(1), v4(1), v6(2), v4(2), v6(3)]);
        assert_eq!(interleaved([v4(1), v4(2), v6(1)]), [v4(1), v6(1), v4(2)]);
    }

    #[test]
    fn addresses_that_nobody_can_have_are_left_out() {
        let zero_port = SocketAddr::from(([192, 0, 2, 1], 0));
        let mapped = SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201], 4070));
        assert_eq!(interleaved([SocketAddr::from(([0; 4], 9)), zero_port, v4(1), mapped]), [v4(1)]);
        assert_eq!(interleaved((0..200).map(v6)).len(), MAX_ADDRESSES);
    }
}
