//! What a listener's device keeps: its key, the keys of the servers it met, and the server it used last.

use crate::failure::{Exit, Failure};
use crate::server_name::{ServerName, parse_key};
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto, SecretKey};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder that only its owner may look into.
#[derive(Clone, Debug)]
pub struct Device {
    folder: PathBuf,
}

impl Device {
    /// The device whose things are kept in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn at(folder: &Path) -> Result<Self, Failure> {
        make_private(folder)
            .map_err(|error| Failure::runtime(format!("cannot make {}: {error}", folder.display())))?;
        Ok(Self { folder: folder.into() })
    }

    /// The device's key; made at the first call.
    ///
    /// # Errors
    /// It can't be read or written.
    pub fn identity(&self) -> Result<KeyPair, Failure> {
        let path = self.folder.join("device.key");
        let secret = match fs::read_to_string(&path) {
            Ok(text) => {
                let key = parse_key(text.trim());
                let says = "is damaged; delete it to get a new device key";
                SecretKey(key.ok_or_else(|| Failure::runtime(format!("{} {says}", path.display())))?.0)
            }
            Err(_) => {
                let secret = runtime_tokio::entropy::secret_key().map_err(Failure::runtime)?;
                self.write("device.key", &format!("{}\n", PublicKey(secret.0)))?;
                secret
            }
        };
        Ok(KeyPair::new::<RustCrypto>(secret))
    }

    /// The server to use when none is named.
    #[must_use]
    pub fn last_server(&self) -> Option<ServerName> {
        fs::read_to_string(self.folder.join("last-server")).ok()?.trim().parse().ok()
    }

    /// What was kept of the last play, if there was one.
    #[must_use]
    pub fn last_play(&self) -> Option<String> {
        fs::read_to_string(self.folder.join("last-play.json")).ok()
    }

    /// Keeps what there is to say of a play, instead of what was kept before.
    ///
    /// # Errors
    /// It can't be written.
    pub fn keep_play(&self, text: &str) -> Result<(), Failure> {
        self.write("last-play.json", text)
    }

    /// The key that a server showed at first contact.
    #[must_use]
    pub fn known_key(&self, address: &str) -> Option<PublicKey> {
        self.known().into_iter().find(|(known, _)| known == address).map(|(_, key)| key)
    }

    /// Remembers a server that was used.
    ///
    /// # Errors
    /// It can't be written.
    pub fn remember(&self, server: &ServerName) -> Result<(), Failure> {
        self.write("last-server", &format!("{server}\n"))?;
        let Some(key) = server.key else { return Ok(()) };
        let mut known = self.known();
        if known.iter().any(|(address, pinned)| *address == server.address && *pinned == key) {
            return Ok(());
        }
        known.retain(|(address, _)| *address != server.address);
        known.push((server.address.clone(), key));
        let lines: String = known.iter().map(|(address, key)| format!("{address} {key}\n")).collect();
        self.write("known-servers", &lines)
    }

    /// Insists on the key that a server has, or had at first contact.
    ///
    /// # Errors
    /// [`Exit::Untrusted`] if the one named is another than the one remembered.
    pub fn pinned(&self, mut server: ServerName) -> Result<ServerName, Failure> {
        let known = self.known_key(&server.address);
        match (server.key, known) {
            (Some(named), Some(known)) if named != known => Err(Failure::new(
                Exit::Untrusted,
                format!(
                    "{} had another key when it was first met ({known}); if the change is right, delete its line \
                     from {}",
                    server.address,
                    self.folder.join("known-servers").display()
                ),
            )),
            _ => {
                server.key = server.key.or(known);
                Ok(server)
            }
        }
    }

    /// Where the keys of servers are kept.
    #[must_use]
    pub fn known_servers_path(&self) -> PathBuf {
        self.folder.join("known-servers")
    }

    fn known(&self) -> Vec<(String, PublicKey)> {
        let text = fs::read_to_string(self.known_servers_path()).unwrap_or_default();
        text.lines()
            .filter_map(|line| {
                let (address, key) = line.split_once(' ')?;
                Some((address.to_owned(), parse_key(key.trim())?))
            })
            .collect()
    }

    /// Written beside and renamed, so that a crash leaves the old or the new and never half of it.
    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let beside = self.folder.join(format!(".{name}.{}", std::process::id()));
        private_file(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(|error| Failure::runtime(format!("cannot write {}: {error}", path.display())))
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<fs::File> {
    fs::File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> (tempfile::TempDir, Device) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let device = Device::at(&folder.path().join("device")).expect("a device");
        (folder, device)
    }

    fn server(key: u8) -> ServerName {
        ServerName { address: "h:1".into(), key: Some(PublicKey([key; 32])) }
    }

    #[test]
    fn the_device_key_stays_the_same_and_is_private() {
        let (_folder, device) = device();
        let first = device.identity().expect("made").public;
        assert_eq!(device.identity().expect("read").public, first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(device.folder.join("device.key")).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_server_met_once_must_show_the_same_key() {
        let (_folder, device) = device();
        device.remember(&server(1)).expect("written");
        assert_eq!(device.last_server(), Some(server(1)));
        let unnamed = ServerName { key: None, ..server(1) };
        assert_eq!(device.pinned(unnamed), Ok(server(1)));
        assert_eq!(device.pinned(server(2)).unwrap_err().exit, Exit::Untrusted);
    }
}
