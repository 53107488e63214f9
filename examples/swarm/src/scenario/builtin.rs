//! The scenarios that come with the program.

/// Their names and texts.
const BUILT_IN: [(&str, &str); 15] = [
    ("paper-2010", include_str!("../../scenarios/paper-2010.toml")),
    ("no-prefetch", include_str!("../../scenarios/no-prefetch.toml")),
    ("no-cache", include_str!("../../scenarios/no-cache.toml")),
    ("no-peers", include_str!("../../scenarios/no-peers.toml")),
    ("no-overlay-search", include_str!("../../scenarios/no-overlay-search.toml")),
    ("no-tracker", include_str!("../../scenarios/no-tracker.toml")),
    ("flash-crowd", include_str!("../../scenarios/flash-crowd.toml")),
    ("server-dies", include_str!("../../scenarios/server-dies.toml")),
    ("half-mobile", include_str!("../../scenarios/half-mobile.toml")),
    ("hostile-30-percent", include_str!("../../scenarios/hostile-30-percent.toml")),
    ("two-continents", include_str!("../../scenarios/two-continents.toml")),
    ("idle-cwnd-reset", include_str!("../../scenarios/idle-cwnd-reset.toml")),
    ("today", include_str!("../../scenarios/today.toml")),
    ("million", include_str!("../../scenarios/million.toml")),
    ("twelve", include_str!("../../scenarios/twelve.toml")),
];

/// Names of the scenarios that come with the program.
pub const NAMES: [&str; BUILT_IN.len()] = {
    let mut names = [""; BUILT_IN.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = BUILT_IN[at].0;
        at += 1;
    }
    names
};

/// The text of the scenario with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(of, _)| *of == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    #[test]
    fn every_scenario_that_comes_with_the_program_is_one() {
        for name in NAMES {
            let scenario = parse(named(name).unwrap()).unwrap_or_else(|bad| panic!("{name}: {bad}"));
            assert!(!scenario.about.is_empty(), "{name} says what it shows");
        }
        assert_eq!(named("paper"), None);
    }
}
