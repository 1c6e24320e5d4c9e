//! A small file system in memory, mounted for as long as somebody needs it, or until this process ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use demo::BoxError;
use test_support::Watchdog;

/// Lazily: somebody may still have a file open on it.
const UNMOUNT: &str = r#"umount -l "$1""#;

/// A mounted file system; dropping it unmounts it.
pub(crate) struct Mounted {
    path: PathBuf,
    _watchdog: Watchdog,
}

impl Mounted {
    /// Mounts one of so many mebibytes over a folder, which is made when it is not there.
    pub(super) fn small(path: &Path, mebibytes: u32) -> Result<Self, BoxError> {
        fs::create_dir_all(path)?;
        let watchdog = Watchdog::start(UNMOUNT, &[path.as_os_str()])?;
        let size = format!("size={mebibytes}m,mode=0755");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &size, "metergate-chaos"])
            .arg(path);
        let said = mount.output()?;
        if !said.status.success() {
            return Err(format!("mount: {}", String::from_utf8_lossy(&said.stderr)).into());
        }
        Ok(Self {
            path: path.to_owned(),
            _watchdog: watchdog,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Nobody could do anything about a failure; the watchdog would fail as well.
        let _: std::io::Result<_> = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
