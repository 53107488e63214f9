//! How a server is named: `address#key`.

use core::fmt;
use core::net::Ipv6Addr;
use core::str::FromStr;
use spotproto::crypto::PublicKey;

/// Port of a server that none is named for.
pub const DEFAULT_PORT: u16 = 4070;

/// A server's address, and its key if it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerName {
    /// `host:port`.
    pub address: String,
    /// The key that it has to show.
    pub key: Option<PublicKey>,
}

/// What is wrong with a server's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadServerName {
    /// There is no host in it.
    NoHost,
    /// The port is no number from 1 to 65535.
    Port,
    /// The key is not 64 hexadecimal digits.
    Key,
}

impl fmt::Display for BadServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHost => "a server is named HOST, HOST:PORT or HOST:PORT#KEY",
            Self::Port => "the port must be a number from 1 to 65535",
            Self::Key => "the key behind # must be 64 hexadecimal digits, as `spot serve` prints it",
        })
    }
}

impl core::error::Error for BadServerName {}

impl FromStr for ServerName {
    type Err = BadServerName;

    fn from_str(text: &str) -> Result<Self, BadServerName> {
        let (address, key) = match text.split_once('#') {
            Some((address, key)) => (address, Some(parse_key(key).ok_or(BadServerName::Key)?)),
            None => (text, None),
        };
        Ok(Self { address: with_port(address)?, key })
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)?;
        self.key.map_or(Ok(()), |key| write!(f, "#{key}"))
    }
}

/// A key as 64 hexadecimal digits.
#[must_use]
pub fn parse_key(text: &str) -> Option<PublicKey> {
    spotproto::content::FileId::from_str(text).ok().map(|bytes| PublicKey(bytes.0))
}

fn with_port(address: &str) -> Result<String, BadServerName> {
    let (host, port) = split(address).ok_or(BadServerName::NoHost)?;
    let is_v6 = address.starts_with('[') || host.contains(':');
    // What stands behind the percent sign names the interface (RFC 4007 §11).
    let number = host.split('%').next().unwrap_or(host);
    if host.is_empty() || host.contains(['[', ']']) || is_v6 && number.parse::<Ipv6Addr>().is_err() {
        return Err(BadServerName::NoHost);
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(BadServerName::Port)?,
        None => DEFAULT_PORT,
    };
    Ok(if is_v6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// A host, and its port if one is named.
fn split(address: &str) -> Option<(&str, Option<&str>)> {
    let Some(rest) = address.strip_prefix('[') else {
        // An IPv6 address without a port has colons of its own.
        let port = address.split_once(':').filter(|(_, port)| !port.contains(':'));
        return Some(port.map_or((address, None), |(host, port)| (host, Some(port))));
    };
    let (host, rest) = rest.split_once(']')?;
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Result<String, BadServerName> {
        text.parse::<ServerName>().map(|name| name.to_string())
    }

    #[test]
    fn the_port_may_be_left_out() {
        assert_eq!(address("music.local").as_deref(), Ok("music.local:4070"));
        assert_eq!(address("10.0.0.1:99").as_deref(), Ok("10.0.0.1:99"));
        assert_eq!(address("::1").as_deref(), Ok("[::1]:4070"));
        assert_eq!(address("[::1]:99").as_deref(), Ok("[::1]:99"));
    }

    #[test]
    fn a_key_goes_round() {
        let name = format!("h:1#{}", "ab".repeat(32));
        assert_eq!(address(&name), Ok(name));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(address(""), Err(BadServerName::NoHost));
        assert_eq!(address(":80"), Err(BadServerName::NoHost));
        assert_eq!(address("h:0"), Err(BadServerName::Port));
        assert_eq!(address("h:99999"), Err(BadServerName::Port));
        assert_eq!(address("h:1#12"), Err(BadServerName::Key));
    }

    #[test]
    fn an_address_in_brackets_is_one_and_nothing_else_is() {
        assert_eq!(address("[::1]").as_deref(), Ok("[::1]:4070"));
        assert_eq!(address("fe80::1%eth0").as_deref(), Ok("[fe80::1%eth0]:4070"));
        for name in ["[::1];99", "[::1", "::1]", "[h]:1", "[]:1", "a:b:c", "h[:1", "[::1]99"] {
            assert_eq!(address(name), Err(BadServerName::NoHost), "{name}");
        }
    }
}
