//! Dates as HTTP writes them (RFC 9110 §5.6.7): one form that is written, two older ones that must be read.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of a date between the years 1970 and 9999; `None` for anything else. The day of the week is not
/// compared with the date.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let mut words = text.split([' ', '-', ',']).filter(|word| !word.is_empty());
    let (_weekday, second) = (words.next()?, words.next()?);
    // `Sun Nov  6 08:49:37 1994`, by asctime; the others name the day first: `Sun, 06 Nov 1994 08:49:37 GMT` and
    // `Sunday, 06-Nov-94 08:49:37 GMT`.
    let (day, month, year, time) = if let Some(month) = month(second) {
        let (day, time) = (words.next()?, words.next()?);
        (day, month, words.next()?, time)
    } else {
        let month = month(words.next()?)?;
        let (year, time) = (words.next()?, words.next()?);
        if words.next()? != "GMT" {
            return None;
        }
        (second, month, year, time)
    };
    if words.next().is_some() {
        return None;
    }
    Some(days(year_of(year)?, month, number(day, 2)?)? * 86_400 + time_of_day(time)?)
}

fn number(text: &str, most_digits: usize) -> Option<u64> {
    let digits = text.len() <= most_digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn month(text: &str) -> Option<usize> {
    MONTHS.iter().position(|month| *month == text)
}

fn year_of(text: &str) -> Option<u64> {
    match (text.len(), number(text, 4)?) {
        (2, year) if year >= 70 => Some(1900 + year),
        (2, year) => Some(2000 + year),
        (4, year) if year >= 1970 => Some(year),
        _ => None,
    }
}

fn time_of_day(text: &str) -> Option<u64> {
    let mut parts = text.split(':').map(|part| number(part, 2));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    // A leap second is the 60th.
    let fits = parts.next().is_none() && hours < 24 && minutes < 60 && seconds <= 60;
    fits.then_some(hours * 3600 + minutes * 60 + seconds)
}

fn days(year: u64, month: usize, day: u64) -> Option<u64> {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const LONG: [u64; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = leaps(year) > leaps(year - 1);
    let most = LONG.get(month)? - u64::from(month == 1 && !is_leap);
    let before = BEFORE.get(month)? + u64::from(month > 1 && is_leap);
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    (1..=most).contains(&day).then_some(years + before + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_three_forms_of_the_standard_mean_the_same() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn known_days_come_out_right() {
        for (text, wanted) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Tue, 19 Jan 2038 03:14:08 GMT", 1 << 31),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "120",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT more",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, -6 Nov 1994 +8:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn junk_never_panics(text in "[A-Za-z0-9:, -]{0,40}|\\PC{0,40}") {
            let _ = seconds(&text);
        }
    }
}
