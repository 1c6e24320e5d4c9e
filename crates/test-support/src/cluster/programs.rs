//! Where Postgres's programs are, and as whom they run.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::statvfs::statvfs;
use nix::unistd::{User, geteuid};

use super::ClusterError;

/// The folder of Postgres's server programs, and the user that runs them.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    owner: Owner,
}

/// As whom Postgres runs.
#[derive(Debug)]
pub(super) enum Owner {
    /// The user who runs this process.
    Myself,
    /// Another one, because this process runs as root.
    Other { user: u32, group: u32 },
}

impl Programs {
    /// Looks where Debian and others put them; the newest version wins.
    pub(super) fn find() -> Result<Self, ClusterError> {
        let folder = candidates().into_iter().find(|folder| {
            ["initdb", "postgres"]
                .iter()
                .all(|program| folder.join(program).is_file())
        });
        let folder = folder.ok_or(ClusterError::NotInstalled)?;
        Ok(Self {
            folder,
            owner: Owner::find()?,
        })
    }

    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    pub(super) const fn owner(&self) -> &Owner {
        &self.owner
    }
}

/// `pg_config` first: whoever puts one into the path means that installation. Only a development
/// package has it, so the usual folders follow.
fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        folders.push(PathBuf::from(folder));
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .map(|version| version.path())
        .map(|path| (version_of(&path), path.join("bin")))
        .collect();
    versions.sort();
    folders.extend(versions.into_iter().rev().map(|(_, folder)| folder));
    #[expect(
        clippy::disallowed_methods,
        reason = "the search path is no configuration of ours"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders
}

/// Linux's memory file system, when there is plenty of it; containers often have 64 MiB only.
pub(super) fn roomy_memory() -> Option<PathBuf> {
    const ENOUGH: u64 = 1 << 30;
    let folder = PathBuf::from("/dev/shm");
    let room = statvfs(&folder).ok()?;
    let bytes = room.blocks_available().saturating_mul(room.fragment_size());
    let probe = tempfile::tempdir_in(&folder);
    (bytes >= ENOUGH && probe.is_ok()).then_some(folder)
}

fn version_of(folder: &Path) -> u32 {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

impl Owner {
    fn find() -> Result<Self, ClusterError> {
        if !geteuid().is_root() {
            return Ok(Self::Myself);
        }
        let user = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .ok_or(ClusterError::NoUser)?;
        Ok(Self::Other {
            user: user.uid.as_raw(),
            group: user.gid.as_raw(),
        })
    }

    /// Gives `path` to this user.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::Myself => Ok(()),
            Self::Other { user, group } => {
                std::os::unix::fs::chown(path, Some(*user), Some(*group))
            }
        }
    }

    /// A command that runs `program` as this user.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Not the caller's folder: the other user may not be allowed to look into it.
        command.current_dir("/");
        if let Self::Other { user, group } = self {
            command.uid(*user).gid(*group);
        }
        command
    }
}
