//! Where a user's files are if nobody says otherwise (XDG Base Directory Specification 0.8).

use crate::library::State;
use etcetera::BaseStrategy;
use std::path::PathBuf;

/// Default places; each is missing where there is no home folder.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Folders {
    /// The user's home, for `~/` in the file.
    pub home: Option<PathBuf>,
    /// The settings: `$XDG_CONFIG_HOME/spot/config.toml`. A file.
    pub config: Option<PathBuf>,
    /// A listener's keys: `$XDG_STATE_HOME/spot/device`.
    pub device: Option<PathBuf>,
    /// A server's keys and catalogue: `$XDG_STATE_HOME/spot/server`.
    pub server: Option<PathBuf>,
    /// A listener's cache: `$XDG_CACHE_HOME/spot`.
    pub cache: Option<PathBuf>,
}

impl Folders {
    /// The places of the user that this program runs for.
    #[must_use]
    pub fn of_this_user() -> Self {
        let Ok(base) = etcetera::choose_base_strategy() else { return Self::default() };
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        Self {
            home: Some(base.home_dir().to_owned()),
            config: Some(base.config_dir().join("spot").join("config.toml")),
            device: Some(state.join("spot").join("device")),
            server: State::default_folder().ok(),
            cache: Some(base.cache_dir().join("spot")),
        }
    }
}
