//! A server's keys and catalogue: one folder, which is all there is to back up.

mod epochs;
mod error;
mod key_file;

pub use epochs::{Epoch, Epochs};
pub use error::StateError;

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;
pub(super) use key_file::create_private;
use key_file::read_or_draw;
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use std::fs::{self, DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};

/// A server's lasting state, held by one server at a time.
#[derive(Debug)]
pub struct State {
    /// Who the server is: what clients pin.
    pub identity: KeyPair,
    /// Signs tickets.
    pub ticket_key: SecretKey,
    /// What pseudonyms are drawn from.
    pub pseudonym_key: SecretKey,
    /// What files are sealed with.
    pub epochs: Epochs,
    folder: PathBuf,
    /// Held, and so the folder locked, for as long as this lives.
    _lock: File,
}

impl State {
    /// Where the state is if nobody says otherwise: `$XDG_STATE_HOME/spot/server`.
    ///
    /// # Errors
    /// [`StateError::Homeless`] if the user has no home folder.
    pub fn default_folder() -> Result<PathBuf, StateError> {
        let base = Xdg::new().map_err(|_| StateError::Homeless)?;
        let state = base.state_dir().ok_or(StateError::Homeless)?;
        Ok(state.join("spot").join("server"))
    }

    /// Opens a state folder, and makes what is missing in it.
    ///
    /// # Errors
    /// What keeps a server from starting with it. A key that cannot be read is never replaced by a new one.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        make_folder(folder)?;
        let lock = lock(&folder.join("lock"))?;
        let secret = read_or_draw(
            &folder.join("identity.key"),
            "Who this server is (X25519). Whoever has a copy can pretend to be it.",
        )?;
        Ok(Self {
            identity: KeyPair::new::<RustCrypto>(secret),
            ticket_key: read_or_draw(&folder.join("ticket.key"), "Signs this server's tickets (Ed25519).")?,
            pseudonym_key: read_or_draw(&folder.join("pseudonym.key"), "What pseudonyms are drawn from.")?,
            epochs: Epochs::open(&folder.join("master.key"))?,
            folder: folder.to_owned(),
            _lock: lock,
        })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the catalogue is.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.join("library.sqlite")
    }
}

fn make_folder(folder: &Path) -> Result<(), StateError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| StateError::unusable(folder, &error))?;
    let metadata = fs::metadata(folder).map_err(|error| StateError::unusable(folder, &error))?;
    // Who may write to the folder may put other keys in place. A folder that was there before keeps its mode: it
    // may serve something else, too.
    if key_file::mode(&metadata) & 0o022 != 0 {
        return Err(StateError::OpenFolder(folder.to_owned()));
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StateError> {
    let file = create_private(path, false).map_err(|error| StateError::unusable(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse(path.with_file_name(""))),
        Err(TryLockError::Error(error)) => Err(StateError::unusable(path, &error)),
    }
}
