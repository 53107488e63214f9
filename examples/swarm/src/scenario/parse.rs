//! Reading a scenario: the file is laid over the defaults, key by key, so that a wrong one is named.

use super::{Scenario, check};
use core::fmt;
use toml::{Table, Value};

/// A scenario that is none, in one line: the key, and what it may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadScenario(String);

impl BadScenario {
    pub(super) fn new(key: &str, what: impl fmt::Display) -> Self {
        // Keys and texts are the file's own words: no terminal shall obey them.
        let line = format!("{key}: {what}");
        Self(line.chars().map(|it| if it.is_control() { char::REPLACEMENT_CHARACTER } else { it }).collect())
    }
}

impl fmt::Display for BadScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for BadScenario {}

/// Reads a scenario.
///
/// # Errors
/// One line that names the key, and what it may be.
pub fn parse(text: &str) -> Result<Scenario, BadScenario> {
    over(&Scenario::default(), text)
}

/// A scenario as it would stand in a file, with every number.
///
/// # Errors
/// A number is none that a file can hold.
pub fn written(scenario: &Scenario) -> Result<String, BadScenario> {
    toml::to_string(scenario).map_err(|why| BadScenario::new("scenario", why))
}

/// A scenario with some numbers exchanged: `KEY=VALUE`, as in `peers.slots=8`.
///
/// # Errors
/// One line that names the key, and what it may be.
pub fn with(scenario: &Scenario, settings: &[String]) -> Result<Scenario, BadScenario> {
    let mut whole = table(scenario)?;
    for setting in settings {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(BadScenario::new(setting, "KEY=VALUE is expected, as in peers.slots=8"));
        };
        let (key, value) = (key.trim(), value.trim());
        let line = format!("{key} = {value}");
        // What is no value by itself is a text without quotes.
        let quoted = format!("{key} = {value:?}");
        let text = if line.parse::<Table>().is_ok() { line } else { quoted };
        lay(&mut whole, told(&text)?, "")?;
    }
    made(scenario, whole)
}

fn over(base: &Scenario, text: &str) -> Result<Scenario, BadScenario> {
    let mut whole = table(base)?;
    lay(&mut whole, told(text)?, "")?;
    made(base, whole)
}

fn table(scenario: &Scenario) -> Result<Table, BadScenario> {
    Table::try_from(scenario).map_err(|bad| BadScenario::new("scenario", bad))
}

fn told(text: &str) -> Result<Table, BadScenario> {
    text.parse().map_err(|bad: toml::de::Error| {
        let line =
            bad.span().map_or(1, |span| 1 + text.get(..span.start).unwrap_or("").matches('\n').count());
        BadScenario::new(&format!("line {line}"), bad.message().replace('\n', ", "))
    })
}

/// What was laid over `base`, if it makes sense.
fn made(base: &Scenario, whole: Table) -> Result<Scenario, BadScenario> {
    let whole = Value::Table(whole);
    let scenario: Scenario = whole.clone().try_into().map_err(|bad: toml::de::Error| {
        let none = || BadScenario::new("scenario", bad.to_string().trim().replace('\n', " "));
        too_large(base, &whole).unwrap_or_else(none)
    })?;
    check::check(&scenario)?;
    Ok(scenario)
}

/// The whole number that does not even fit where it belongs.
fn too_large(base: &Scenario, whole: &Value) -> Option<BadScenario> {
    let seed = ("seed", 0.0, 0.0..=i64::MAX as f64);
    check::ranges(base).chain(core::iter::once(seed)).find_map(|(key, _, range)| {
        let told = key.split('.').try_fold(whole, |at, part| at.get(part))?.as_integer()? as f64;
        (!range.contains(&told)).then(|| check::out_of(key, told, &range))
    })
}

/// Lays what is told over what is there; every key has to be there, with a value of its kind.
fn lay(base: &mut Table, told: Table, path: &str) -> Result<(), BadScenario> {
    for (key, value) in told {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let known: Vec<String> = base.keys().cloned().collect();
        let Some(place) = base.get_mut(&key) else {
            let of = if path.is_empty() { String::new() } else { format!(" in [{path}]") };
            return Err(BadScenario::new(
                &name,
                format!("there is no such key{of}; there are {}", known.join(", ")),
            ));
        };
        match (place, value) {
            (Value::Table(inner), Value::Table(told)) => lay(inner, told, &name)?,
            (Value::Table(inner), _) => {
                let keys: Vec<&str> = inner.keys().map(String::as_str).collect();
                return Err(BadScenario::new(&name, format!("is a part, with {}", keys.join(", "))));
            }
            (place @ Value::Float(_), Value::Integer(whole)) => *place = Value::Float(whole as f64),
            (place, value) if place.same_type(&value) => *place = value,
            (place, value) => {
                let (is, wants) = (value.type_str(), place.type_str());
                return Err(BadScenario::new(
                    &name,
                    format!("is of type {is}, and has to be of type {wants}"),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        let bad = parse(text).expect_err("it is no scenario").to_string();
        assert!(!bad.contains('\n'), "one line: {bad}");
        bad
    }

    #[test]
    fn what_is_not_said_is_as_by_default() {
        assert_eq!(parse("").unwrap(), Scenario::default());
        let scenario = parse("seed = 7\n[peers]\nslots = 8\nahead_s = 10").unwrap();
        assert_eq!((scenario.seed, scenario.peers.slots), (7, 8));
        assert!((scenario.peers.ahead_s - 10.0).abs() < 1e-9);
        assert_eq!(scenario.lines, Scenario::default().lines);
    }

    #[test]
    fn an_unknown_key_is_named_with_those_that_there_are() {
        assert!(complaint("[peers]\nslotz = 8").starts_with("peers.slotz: there is no such key in [peers]"));
        assert!(complaint("colour = 1").starts_with("colour: there is no such key; there are about"));
    }

    #[test]
    fn a_value_of_another_kind_is_named() {
        assert!(complaint("[peers]\nslots = \"many\"").starts_with("peers.slots: is of type string"));
        assert!(complaint("peers = 3").starts_with("peers: is a part, with"));
        assert!(complaint("seed = -1").contains("seed"));
    }

    #[test]
    fn an_impossible_value_is_named_with_its_range() {
        assert_eq!(
            complaint("[listening]\nrandom = 1.5"),
            "listening.random: is 1.5, and has to be from 0 to 1"
        );
        assert!(complaint("[population]\nclients = 0").contains("from 2 to 4000000"));
        assert!(complaint("[lines]\ndown_kbit_s = nan").starts_with("lines.down_kbit_s: is NaN"));
        assert!(complaint("[listening]\nhours = [1.0, 2.0]").starts_with("listening.hours:"));
        assert!(complaint("[caches]\neviction = \"random\"").contains("lru"));
    }

    #[test]
    fn times_that_never_come_are_told_with_their_range() {
        for key in
            ["server.dies_at_h = inf", "server.dies_at_h = nan", "flash.at_h = inf", "flash.within_min = nan"]
        {
            let name = key.split(' ').next().unwrap();
            assert!(complaint(key).starts_with(&format!("{name}: is ")), "{key}");
        }
        assert_eq!(parse("flash.at_h = -1").unwrap(), Scenario::default());
    }

    #[test]
    fn no_terminal_obeys_what_a_file_says() {
        assert!(!complaint("\"\\u001b[2J\" = 1").contains('\u{1b}'));
        assert!(!complaint("caches.eviction = \"\\u001b[2J\"").contains('\u{1b}'));
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let scenario = parse("about = 'a\\n'\nseed = 7\nlines.loss = 0.1\n").unwrap();
        assert_eq!(parse(&written(&scenario).unwrap()), Ok(scenario));
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_line() {
        assert!(complaint("seed = 1\n[peers\n").starts_with("line 2:"));
    }

    #[test]
    fn settings_are_laid_over_a_scenario() {
        let scenario = parse("[peers]\nslots = 8").unwrap();
        let settings = ["peers.few=20".to_owned(), "caches.eviction=s3-fifo".to_owned()];
        let scenario = with(&scenario, &settings).unwrap();
        assert_eq!((scenario.peers.slots, scenario.peers.few), (8, 20));
        assert!(with(&scenario, &["peers.few".to_owned()]).is_err());
    }
}
