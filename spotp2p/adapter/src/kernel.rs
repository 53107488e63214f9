//! What an operator should know about the kernel's settings.

use core::fmt;

/// Where Linux keeps the setting; it belongs to the network namespace and can't be set for one socket.
const SLOW_START: &str = "/proc/sys/net/ipv4/tcp_slow_start_after_idle";

/// A setting to change. Its [`Display`](fmt::Display) is one line that says what to set, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Advice {
    /// Connections begin anew with a small window whenever they were idle.
    SlowStartAfterIdle,
}

/// What this machine's kernel could do better; `None` if nothing is known.
#[must_use]
pub fn advice() -> Option<Advice> {
    read(&std::fs::read_to_string(SLOW_START).ok()?)
}

fn read(slow_start: &str) -> Option<Advice> {
    (slow_start.trim() == "1").then_some(Advice::SlowStartAfterIdle)
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // RFC 5681 §4.1 has it as a SHOULD. Kreitz 2010: the traffic is bursty, and its first burst is the one
            // that somebody waits for.
            Self::SlowStartAfterIdle => f.write_str(
                "sysctl -w net.ipv4.tcp_slow_start_after_idle=0: a listener's connection idles between tracks, \
                 and would start slowly at each one",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_given_only_where_it_helps() {
        assert_eq!(read("1\n"), Some(Advice::SlowStartAfterIdle));
        assert_eq!(read("0\n"), None);
        assert_eq!(read(""), None);
        let _ = advice();
    }

    #[test]
    fn advice_is_one_line_that_can_be_followed() {
        let line = Advice::SlowStartAfterIdle.to_string();
        assert!(line.starts_with("sysctl -w net.ipv4.tcp_slow_start_after_idle=0: "));
        assert_eq!(line.lines().count(), 1);
        assert!(!line.contains("  "));
    }
}
