//! What a listener's device keeps: its key, the keys of the servers it met, and the server it used last.

use crate::failure::{Exit, Failure};
use crate::server_name::{ServerName, parse_key};
use crate::start_log::StartLog;
use spotp2p::playout::{SUMMARY_LEN, Summary};
use spotproto::codec::Reader;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto, SecretKey};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Servers of which the link stays known.
pub const MOST_LINKS: usize = 16;

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

    /// What is known of the link over which a server was reached.
    #[must_use]
    pub fn link(&self, address: &str) -> Summary {
        let known = self.links().into_iter().find(|(known, _)| known == address);
        known.map_or(Summary::UNKNOWN, |(_, link)| link)
    }

    /// Keeps what is known of the link over which a server was reached, for [`MOST_LINKS`] servers.
    ///
    /// # Errors
    /// It can't be written.
    pub fn keep_link(&self, address: &str, link: &Summary) -> Result<(), Failure> {
        let mut links = self.links();
        links.retain(|(known, _)| known != address);
        links.insert(0, (address.into(), *link));
        links.truncate(MOST_LINKS);
        let line = |(address, link): &(String, Summary)| {
            let mut bytes = Vec::new();
            link.encode(&mut bytes);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{address} {hex}\n")
        };
        self.write("links", &links.iter().map(line).collect::<String>())
    }

    /// The starts of earlier plays.
    #[must_use]
    pub fn starts(&self) -> StartLog {
        StartLog::at(self.folder.join("starts.jsonl"))
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

    /// The one that was used last first. Damaged lines are passed over: what they said is learnt again.
    fn links(&self) -> Vec<(String, Summary)> {
        let text = fs::read_to_string(self.folder.join("links")).unwrap_or_default();
        let links = text.lines().filter_map(|line| {
            let (address, hex) = line.split_once(' ')?;
            let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
            let bytes: Vec<u8> = (0..2 * SUMMARY_LEN).step_by(2).map(byte).collect::<Option<_>>()?;
            Some((address.to_owned(), Summary::decode(&mut Reader::new(&bytes)).ok()?))
        });
        links.take(MOST_LINKS).collect()
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
    use core::time::Duration;
    use spotp2p::playout::{Pace, Throughput};
    use spotproto::Instant;

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
    fn a_link_stays_known_by_its_server_and_damage_makes_it_unknown() {
        let (_folder, device) = device();
        assert_eq!(device.link("h:1"), Summary::UNKNOWN);
        let mut seen = Throughput::new(Summary::UNKNOWN);
        for second in 0..20 {
            seen.arrived(Instant::after_start(Duration::from_secs(second)), 50_000, Pace::Free);
        }
        let link = seen.summary();
        for number in 0..2 * MOST_LINKS {
            device.keep_link(&format!("h:{number}"), &link).expect("written");
        }
        device.keep_link("h:17", &link).expect("written");
        for (address, known) in [("h:17", true), ("h:31", true), ("h:3", false)] {
            assert_eq!(device.link(address).is_known(), known, "{address}");
        }
        assert_eq!(device.links().len(), MOST_LINKS);
        let ones = format!("\0\nh:17 {}\n", "ff".repeat(SUMMARY_LEN));
        for damage in ["", "h:17", "h:17 ", "h:17 zz", "h:17 01", "h:17 0ä1ä", &ones] {
            device.write("links", damage).expect("written");
            assert_eq!(device.link("h:17"), Summary::UNKNOWN, "{damage}");
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
