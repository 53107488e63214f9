//! The later layer wins, for every setting.

use super::super::file::{ConfigFile, ENVIRONMENT, Location};
use super::super::{CacheLimit, Flags, Folders, Origin, Settings, table};
use super::{FILE, folders, resolve};
use crate::failure::Exit;
use std::ffi::OsString;
use std::path::Path;

/// A setting, and a value for each layer.
struct Case {
    key: &'static str,
    default: Option<&'static str>,
    /// As it stands in the file, and as it is shown.
    file: (&'static str, &'static str),
    environment: &'static str,
    flag: &'static str,
}

const CASES: [Case; 15] = [
    case("server", None, ("\"file:1\"", "file:1"), "environment:2", "flag:3"),
    case("device", Some("/users/me/device"), ("\"~/keys\"", "/users/me/keys"), "/e", "/f"),
    case("output", Some("auto"), ("\"null\"", "null"), "wav:e.wav", "null:fast"),
    case("port", Some("0"), ("1", "1"), "2", "3"),
    case("patience", None, ("90", "90 s"), "2 min", "3 s"),
    case("prefetch", Some("on"), ("\"off\"", "off"), "on", "off"),
    case("serve.listen", None, ("\"[::]:1\"", "[::]:1"), "127.0.0.1:2", "127.0.0.1:3"),
    case("serve.state", Some("/users/me/server"), ("\"/s\"", "/s"), "/e", "/f"),
    case("serve.cdn", None, ("\"http://f/\"", "http://f/"), "http://e/x", "http://g/"),
    case("cache.dir", Some("/users/me/cache"), ("\"~\"", "/users/me"), "/e", "/f"),
    case("cache.limit", Some("auto"), ("0", "0"), "2 GB", "3 GB"),
    case("peers.mode", Some("full"), ("\"off\"", "off"), "take", "full"),
    case("peers.neighbours", None, ("7", "7"), "8", "9"),
    case("peers.uploads", None, ("7", "7"), "8", "9"),
    case("peers.upload-rate", Some("0"), ("\"20 kB\"", "20 kB"), "30 kB", "1 MB"),
];

const fn case(
    key: &'static str,
    default: Option<&'static str>,
    file: (&'static str, &'static str),
    environment: &'static str,
    flag: &'static str,
) -> Case {
    Case { key, default, file, environment, flag }
}

#[test]
fn every_setting_has_a_case() {
    assert_eq!(CASES.map(|case| case.key), table::ALL.map(|about| about.key));
}

#[test]
fn of_four_layers_the_later_one_wins() {
    for case in CASES {
        let about = table::about(case.key).expect("a setting");
        let flag = [format!("--{}", about.flag), case.flag.to_owned()];
        let flag = flag.each_ref().map(String::as_str);
        let environment = [(about.environment, case.environment)];
        let text = format!("# A comment.\n{} = {}\n", case.key, case.file.0);
        let holds = |arguments: &[&str], environment: &[(&str, &str)], text: &str| {
            let resolved = resolve(arguments, environment, text);
            assert_eq!(resolved.mistakes, [], "{}", case.key);
            let rows = resolved.settings.rows();
            let row = rows.iter().find(|row| row.about == about).expect("a row");
            // Nothing else is touched.
            let others = rows.iter().filter(|row| row.about != about);
            assert!(others.clone().all(|row| *row.origin == Origin::Default), "{}", case.key);
            (row.value.clone(), row.origin.clone())
        };
        let told = |value: &str, origin| (Some(value.to_owned()), origin);
        let in_file = told(case.file.1, Origin::File { path: FILE.into(), line: 2 });
        let outside = told(case.environment, Origin::Environment(about.environment));
        let on_line = told(case.flag, Origin::CommandLine(about.flag));
        assert_eq!(holds(&[], &[], ""), (case.default.map(str::to_owned), Origin::Default));
        assert_eq!(holds(&[], &[], &text), in_file);
        assert_eq!(holds(&[], &environment, ""), outside);
        assert_eq!(holds(&[], &environment, &text), outside);
        assert_eq!(holds(&flag, &[], ""), on_line);
        assert_eq!(holds(&flag, &[], &text), on_line);
        assert_eq!(holds(&flag, &environment, ""), on_line);
        assert_eq!(holds(&flag, &environment, &text), on_line);
        // What is set to nothing is not set.
        assert_eq!(holds(&[], &[(about.environment, "")], &text), in_file);
    }
}

#[test]
fn a_section_may_be_written_in_any_way_of_toml() {
    for text in [
        "cache.limit = '1 GB'",
        "[cache]\nlimit = '1 GB'",
        "cache = { limit = '1 GB' }",
        "\"cache\".limit = '1 GB'",
    ] {
        let resolved = resolve(&[], &[], text);
        assert_eq!(resolved.mistakes, []);
        assert_eq!(resolved.settings.cache.limit.value, CacheLimit::Bytes(1_000_000_000), "{text}");
    }
}

#[test]
fn a_mistake_is_told_even_where_a_later_layer_wins() {
    let resolved = resolve(&["--port", "3"], &[("SPOT_PORT", "two")], "port = 'one'\n");
    assert_eq!(resolved.settings.port.value, 3);
    let lines: Vec<String> = resolved.mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "/etc/spot.toml:1: port must be a whole number, and is of type string; allowed: a number from 0 to \
             65535; 0 lets the system choose",
            "environment: SPOT_PORT = \"two\": no port has this number; allowed: a number from 0 to 65535; 0 lets the \
             system choose",
        ]
    );
}

#[test]
fn without_a_home_a_folder_has_to_be_named() {
    let nowhere = Folders::default();
    let none = |_: &str| None;
    let settings = Settings::resolve(&Flags::default(), &none, &ConfigFile::default(), &nowhere).settings;
    let failure = settings.device_folder().expect_err("no folder");
    assert!(failure.line.ends_with("--device"), "{failure}");
    assert!(settings.state_folder().is_err_and(|failure| failure.line.ends_with("--state")));
    assert!(settings.cache_folder().is_err_and(|failure| failure.line.ends_with("--cache-dir")));
    let file = ConfigFile::parse(Path::new(FILE), b"device = '~/keys'", None);
    let mistakes = Settings::resolve(&Flags::default(), &none, &file, &nowhere).mistakes;
    assert!(mistakes.first().is_some_and(|mistake| mistake.what.contains("no home folder is known")));
}

#[test]
fn the_file_is_where_the_command_line_says_then_the_environment() {
    let named = |name: &str| (name == ENVIRONMENT).then(|| OsString::from("/e.toml"));
    let empty = |name: &str| (name == ENVIRONMENT).then(OsString::new);
    let find = |flag: Option<&str>, environment: &dyn Fn(&str) -> Option<OsString>| {
        Location::find(flag.map(Path::new), environment, &folders())
            .map(|place| (place.path.display().to_string(), place.origin))
    };
    let usual = ("/users/me/config.toml".to_owned(), Origin::Default);
    assert_eq!(find(Some("/f.toml"), &named), Some(("/f.toml".into(), Origin::CommandLine("config"))));
    assert_eq!(find(None, &named), Some(("/e.toml".into(), Origin::Environment(ENVIRONMENT))));
    assert_eq!(find(None, &empty), Some(usual));
    assert_eq!(Location::find(None, &empty, &Folders::default()), None);
}

#[test]
fn only_the_usual_file_may_be_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    let read = |origin| Location { path: path.clone(), origin }.read(None);
    let usual = read(Origin::Default).expect("it may be missing");
    assert!(!usual.there && usual.path == path);
    for origin in [Origin::CommandLine("config"), Origin::Environment(ENVIRONMENT)] {
        let failure = read(origin.clone()).expect_err("it is not there");
        assert_eq!(failure.exit, Exit::NotFound);
        assert!(failure.line.contains(&origin.to_string()), "{failure}");
    }
    std::fs::write(&path, vec![b'\n'; super::super::file::LEN_MAX as usize + 1]).expect("written");
    assert!(read(Origin::Default).is_err_and(|failure| failure.line.contains("longer than")));
}
