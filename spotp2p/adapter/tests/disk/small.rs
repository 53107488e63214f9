//! File systems with little room, for whoever may mount them.

use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A folder on a small file system of its own. Unmounted when dropped.
pub(crate) struct Small(TempDir);

impl Small {
    /// `None` where mounting is not allowed, and then the test says that it was skipped.
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted =
            run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder.path()));
        if !mounted {
            println!("skipped: no file system can be mounted here");
        }
        mounted.then(|| Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// From now on it can't be written to.
    pub(crate) fn freeze(&self) {
        assert!(run(Command::new("mount").args(["-o", "remount,ro"]).arg(self.path())));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(self.path()));
    }
}

fn run(command: &mut Command) -> bool {
    command.stderr(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
}
