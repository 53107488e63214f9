//! Sizes and times as people write them: a number, a space or none, and a unit.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// Units of a size, in bytes.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Units of a time, in milliseconds.
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// How much of the disk a cache may take.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum CacheLimit {
    /// A tenth of what is free, between bounds.
    #[default]
    Auto,
    /// So many bytes; none turns the cache off.
    Bytes(u64),
}

impl CacheLimit {
    /// The least that `auto` comes to, in bytes.
    pub const AUTO_MIN: u64 = 50_000_000;
    /// The most that `auto` comes to, in bytes.
    pub const AUTO_MAX: u64 = 10_000_000_000;
    /// The least that may be said, but for none at all: no track fits into less.
    pub const MIN: u64 = 1_000_000;
    /// The most that may be said.
    pub const MAX: u64 = 100_000_000_000_000;

    /// The limit in bytes where so many are free on the disk, those that the cache holds already among them. None
    /// means that there is no cache.
    #[must_use]
    pub fn bytes(self, free: u64) -> u64 {
        match self {
            Self::Auto => (free / 10).clamp(Self::AUTO_MIN, Self::AUTO_MAX),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl FromStr for CacheLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        match size(text)? {
            0 => Ok(Self::Bytes(0)),
            1..Self::MIN => Err("too small".into()),
            bytes @ Self::MIN..=Self::MAX => Ok(Self::Bytes(bytes)),
            _ => Err("too large".into()),
        }
    }
}

impl fmt::Display for CacheLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Bytes(0) => f.write_str("0"),
            Self::Bytes(bytes) => in_units(*bytes, &SIZES, f),
        }
    }
}

/// Bytes a second from 16 kB to 1 GB, or 0 for as many as there can be.
pub(super) fn rate(text: &str) -> Result<u32, String> {
    match size(text)? {
        0 => Ok(0),
        1..16_000 => Err("too little".into()),
        bytes @ 16_000..=1_000_000_000 => u32::try_from(bytes).map_err(|_| "too much".into()),
        _ => Err("too much".into()),
    }
}

/// Bytes as [`rate`] reads them.
pub(super) struct ShownRate(pub(super) u32);

impl fmt::Display for ShownRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("0") } else { in_units(self.0.into(), &SIZES, f) }
    }
}

/// A time from a second to a day; a bare number counts seconds.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let bare = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
    let ms = if bare { quantity(&format!("{text} s"), &TIMES)? } else { quantity(text, &TIMES)? };
    match ms {
        0..1_000 => Err("too short".into()),
        1_000..=86_400_000 => Ok(Duration::from_millis(ms)),
        _ => Err("too long".into()),
    }
}

/// A time as [`time`] reads it.
pub(super) struct ShownTime(pub(super) Duration);

impl fmt::Display for ShownTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_units(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &TIMES, f)
    }
}

/// Bytes; only nothing needs no unit.
fn size(text: &str) -> Result<u64, String> {
    if text == "0" { Ok(0) } else { quantity(text, &SIZES) }
}

/// In the largest unit that leaves no fraction.
fn in_units(amount: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = units.iter().find(|(_, unit)| amount.is_multiple_of(*unit) && amount > 0);
    let (name, unit) = whole.or(units.last()).copied().unwrap_or(("", 1));
    write!(f, "{} {name}", amount / unit)
}

/// A number with a unit, rounded down to a whole number of the smallest one.
fn quantity(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    if number.is_empty() {
        return Err("this does not begin with a number".into());
    }
    // All small or all capital letters are as good, but Mb is not: that would be bits.
    let is = |name: &str| unit == name || unit == name.to_lowercase() || unit == name.to_uppercase();
    let Some((_, factor)) = units.iter().find(|(name, _)| is(name)) else {
        let names: Vec<&str> = units.iter().rev().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(match unit {
            "" => format!("the unit is missing ({names})"),
            _ => format!("no unit has this name ({names})"),
        });
    };
    times(number, *factor)
}

/// A decimal number times a factor, without the rounding of floats.
fn times(number: &str, factor: u64) -> Result<u64, String> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if (1..=9).contains(&fraction.len()) => (whole, fraction),
        Some(_) => return Err("this is no number".into()),
        None => (number, "0"),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err("this is no number".into());
    }
    let whole: u64 = whole.parse().map_err(|_| "too large")?;
    let part: u64 = fraction.parse().map_err(|_| "this is no number")?;
    let scale = fraction.bytes().fold(1u128, |scale, _| scale * 10);
    let part = u128::from(part) * u128::from(factor) / scale;
    u64::try_from(u128::from(whole) * u128::from(factor) + part).map_err(|_| "too large".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("0 MB", 0),
            ("500MB", 500_000_000),
            ("2 GB", 2_000_000_000),
            ("1GiB", 1 << 30),
            ("1.5 GB", 1_500_000_000),
            ("0.001 GiB", 1_073_741),
            ("3 mib", 3 << 20),
            ("1000 KB", 1_000_000),
            ("1000000 B", 1_000_000),
            ("100 TB", CacheLimit::MAX),
        ] {
            assert_eq!(text.parse(), Ok(CacheLimit::Bytes(bytes)), "{text}");
        }
        assert_eq!("auto".parse(), Ok(CacheLimit::Auto));
    }

    #[test]
    fn what_is_wrong_with_a_size_is_named() {
        for (text, why) in [
            ("", "this does not begin with a number"),
            ("-1 GB", "this does not begin with a number"),
            ("+1 GB", "this does not begin with a number"),
            (" 1 GB", "this does not begin with a number"),
            ("Auto", "this does not begin with a number"),
            ("500", "the unit is missing"),
            ("1 ", "the unit is missing"),
            ("1  GB", "no unit has this name"),
            ("1 GB ", "no unit has this name"),
            ("1 Mb", "no unit has this name"),
            ("1 G", "no unit has this name"),
            ("1e9 B", "no unit has this name"),
            ("1_000 MB", "no unit has this name"),
            ("1.2.3 GB", "this is no number"),
            (".5 GB", "this is no number"),
            ("5. GB", "this is no number"),
            ("0.1234567890 GB", "this is no number"),
            ("99999999999999999999 B", "too large"),
            ("18446744073709551615 TiB", "too large"),
            ("101 TB", "too large"),
            ("1 B", "too small"),
            ("999999 B", "too small"),
        ] {
            let read = text.parse::<CacheLimit>();
            assert!(read.as_ref().is_err_and(|error| error.starts_with(why)), "{text:?}: {read:?}");
        }
    }

    #[test]
    fn a_limit_reads_as_it_is_shown() {
        for (bytes, shown) in [
            (0, "0"),
            (1_000_001, "1000001 B"),
            (1_500_000_000, "1500 MB"),
            (2_000_000_000, "2 GB"),
            (1 << 30, "1 GiB"),
            (1 << 40, "1 TiB"),
        ] {
            let limit = CacheLimit::Bytes(bytes);
            assert_eq!(limit.to_string(), shown);
            assert_eq!(shown.parse(), Ok(limit));
        }
    }

    #[test]
    fn auto_is_a_tenth_of_what_is_free_within_bounds() {
        let auto = |free| CacheLimit::Auto.bytes(free);
        assert_eq!([auto(0), auto(499_999_999)], [50_000_000; 2]);
        assert_eq!(auto(20_000_000_000), 2_000_000_000);
        assert_eq!([auto(100_000_000_010), auto(u64::MAX)], [10_000_000_000; 2]);
        assert_eq!(CacheLimit::Bytes(7_000_000).bytes(0), 7_000_000);
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, ms) in [
            ("1", 1_000),
            ("90", 90_000),
            ("90 s", 90_000),
            ("1.5s", 1_500),
            ("5 min", 300_000),
            ("24h", 86_400_000),
            ("2500 ms", 2_500),
        ] {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for (text, why) in [
            ("", "this does not begin"),
            ("-1", "this does not begin"),
            ("soon", "this does not begin"),
            ("1.5", "the unit is missing"),
            ("5 m", "no unit"),
            ("0", "too short"),
            ("999 ms", "too short"),
            ("86401", "too long"),
            ("25 h", "too long"),
            ("99999999999999999999", "too large"),
        ] {
            let read = time(text);
            assert!(read.as_ref().is_err_and(|error| error.starts_with(why)), "{text:?}: {read:?}");
        }
    }

    #[test]
    fn a_time_reads_as_it_is_shown() {
        for (ms, shown) in [(1_500, "1500 ms"), (90_000, "90 s"), (300_000, "5 min"), (86_400_000, "24 h")] {
            let time_is = Duration::from_millis(ms);
            assert_eq!(ShownTime(time_is).to_string(), shown);
            assert_eq!(time(shown), Ok(time_is));
        }
    }
}
