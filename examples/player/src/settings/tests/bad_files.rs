//! What is said of files that are wrong.

use super::super::{Flags, Settings, table};
use super::{file, folders, resolve};

/// The lines that are said of a file.
fn said(text: impl AsRef<[u8]>) -> Vec<String> {
    let resolved = Settings::resolve(&Flags::default(), &|_| None, &file(text), &folders());
    resolved.mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn each_mistake_is_one_line_with_its_place_and_what_is_allowed() {
    let limit = table::CACHE_LIMIT.about.allowed;
    let patience = table::PATIENCE.about.allowed;
    let folder = table::DEVICE.about.allowed;
    let output = table::OUTPUT.about.allowed;
    let all = "server, device, output, port, patience, prefetch, serve.listen, serve.state, serve.cdn, cache.dir, cache.limit, peers.mode, peers.neighbours, peers.uploads, peers.upload-rate";
    let cases: [(&str, String); 19] = [
        ("\nsevrer = 'a'", format!("2: no setting has the name \"sevrer\"; allowed: {all}")),
        ("[cache]\n\nlimt = 0", format!("3: no setting has the name \"cache.limt\"; allowed: {all}")),
        ("[chache]\nlimit = 0", format!("1: no setting has the name \"chache\"; allowed: {all}")),
        ("\"\\u001b[2J\" = 1", format!("1: no setting has the name \"\\u{{1b}}[2J\"; allowed: {all}")),
        ("server = 1", "1: server must be text in quotes, and is of type integer; allowed: HOST, HOST:PORT or HOST:PORT#KEY".into()),
        ("[server]\nhost = 'a'", "1: server must be text in quotes, and is of type table; allowed: HOST, HOST:PORT or HOST:PORT#KEY".into()),
        ("server = 'a:0'", "1: server = \"a:0\": the port must be a number from 1 to 65535; allowed: HOST, HOST:PORT or HOST:PORT#KEY".into()),
        ("cache = 5", "1: cache is a section; allowed: cache.dir, cache.limit".into()),
        ("[[cache]]\nlimit = 0", "1: cache is a section; allowed: cache.dir, cache.limit".into()),
        ("[cache]\nlimit = true", format!("2: cache.limit must be a whole number or text in quotes, and is of type boolean; allowed: {limit}")),
        ("cache.limit = 500", format!("1: cache.limit = 500: the unit is missing (B, kB, KiB, MB, MiB, GB, GiB, TB, TiB); allowed: {limit}")),
        ("cache.limit = '1 kB'", format!("1: cache.limit = \"1 kB\": too small; allowed: {limit}")),
        ("cache.limit = -1", format!("1: cache.limit = -1: this does not begin with a number; allowed: {limit}")),
        ("port = 65536", "1: port = 65536: no port has this number; allowed: a number from 0 to 65535; 0 lets the system choose".into()),
        ("patience = 0", format!("1: patience = 0: too short; allowed: {patience}")),
        ("patience = 1.5", format!("1: patience must be a whole number or text in quotes, and is of type float; allowed: {patience}")),
        ("device = 'keys'", format!("1: device = \"keys\": from which folder this leads is not clear; allowed: {folder}")),
        ("output = 'alsa'", format!("1: output = \"alsa\": no output has this name; allowed: {output}")),
        ("serve.listen = '4070'", "1: serve.listen = \"4070\": this is no address with a port; allowed: ADDRESS:PORT, such as 192.168.1.2:4070 or [::]:4070".into()),
    ];
    for (text, line) in cases {
        assert_eq!(said(text), [format!("/etc/spot.toml:{line}")], "{text}");
    }
}

#[test]
fn what_is_no_toml_is_one_line_too() {
    for (text, line) in [
        ("port = 1\nport = 2", 2),
        ("# fine\n\nserver = music", 3),
        ("[cache\nlimit = 0", 1),
        ("port = 1\n[cache]\nlimit =", 3),
        ("server = 'a\nport = 1", 1),
    ] {
        let said = said(text);
        let place = format!("/etc/spot.toml:{line}: ");
        assert!(
            matches!(&said[..], [only] if only.starts_with(&place) && only.len() > place.len()),
            "{said:?}"
        );
        assert!(said.iter().all(|line| !line.contains('\n')), "{said:?}");
    }
    assert_eq!(said(b"port = 1\n# \xff\n"), ["/etc/spot.toml:2: this line is not UTF-8"]);
}

#[test]
fn mistakes_come_in_the_order_of_lines_and_the_rest_of_the_file_holds() {
    let text = "port = 99999\nsevrer = 1\npatience = 30\n[cache]\nlimit = 'much'\ndir = 3\n";
    let resolved = resolve(&[], &[], text);
    let lines: Vec<_> = resolved.mistakes.iter().map(|mistake| mistake.origin.line()).collect();
    assert_eq!(lines, [1, 2, 5, 6].map(Some));
    assert_eq!(resolved.settings.patience.value.map(|time| time.as_secs()), Some(30));
    assert_eq!(resolved.settings.port.value, 0);
}

#[test]
fn a_long_value_is_cut_and_steers_no_terminal() {
    let said = said(format!("output = '{}'\nserver = \"\\u001b]0;#\"", "x".repeat(5000)));
    assert!(said.iter().all(|line| line.len() < 250 && !line.contains('\u{1b}')), "{said:?}");
    assert_eq!(said.len(), 2);
}

#[test]
fn words_that_are_not_utf_8_are_refused_where_text_is_wanted() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let word = |name: &str| {
            let ours = ["SPOT_OUTPUT", "SPOT_STATE"].contains(&name);
            ours.then(|| std::ffi::OsString::from_vec(b"/\xff".to_vec()))
        };
        let resolved = Settings::resolve(&Flags::default(), &word, &file(""), &folders());
        let said: Vec<String> = resolved.mistakes.iter().map(ToString::to_string).collect();
        assert!(
            matches!(&said[..], [only] if only.contains("SPOT_OUTPUT") && only.contains("not UTF-8")),
            "{said:?}"
        );
        // A folder may have any name.
        assert_eq!(resolved.settings.serve.state.origin, super::super::Origin::Environment("SPOT_STATE"));
    }
}
