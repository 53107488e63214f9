//! What people tell the player: names of servers, settings.

use core::str::{FromStr, from_utf8};
use spot_player::server_name::ServerName;
use spot_player::settings::file::ConfigFile;
use spot_player::settings::{Flags, Folders, Settings};
use spot_player::shown::steers;
use std::path::Path;

/// What is read prints as what reads the same.
pub(crate) fn server_name(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    if let Ok(name) = ServerName::from_str(text) {
        let printed = name.to_string();
        assert_eq!(printed.parse().as_ref(), Ok(&name), "{printed}");
    }
}

/// Whatever a file says, there are settings; and each mistake is one line that no terminal obeys.
pub(crate) fn settings(bytes: &[u8]) {
    let home = Path::new("/users/me");
    let place = |name: &str| Some(home.join(name));
    let folders = Folders {
        home: Some(home.into()),
        config: place("config.toml"),
        device: place("device"),
        server: place("server"),
        cache: place("cache"),
    };
    let file = ConfigFile::parse(Path::new("/etc/spot.toml"), bytes, Some(home));
    let resolved = Settings::resolve(&Flags::default(), &|_| None, &file, &folders);
    for mistake in &resolved.mistakes {
        let line = mistake.to_string();
        assert!(!line.contains(steers), "{line:?}");
    }
    let table = resolved.settings.table(&file);
    assert!(!table.contains(|c| c != '\n' && steers(c)), "{table:?}");
    for row in resolved.settings.rows() {
        let _ = row.json();
    }
}
