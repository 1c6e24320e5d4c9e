//! The output folder: what a file in it may be called, and how one gets there.
//!
//! nginx serves the folder as it is, so a file in it is complete or absent. A
//! [`Draft`] is written under a name that starts with a dot (nginx is set up
//! to serve none), synced, renamed, and the folder is synced; writing again
//! replaces. What a killed run left behind is removed by the next one: drafts
//! hold a file lock, which ends with the process, so a leftover is a draft
//! that nobody has locked.
//!
//! File names carry a customer's name. No error of this module contains one,
//! so errors may be logged. Nothing here knows what a file contains, and it
//! depends on the standard library and `jiff` only. The calls block: from
//! asynchronous code use a blocking task.

mod draft;
mod name;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use draft::Draft;
pub use name::{FileName, NameError, Stem};

/// Start and end of a draft's name; nothing else in the folder is ever cleaned up.
const DRAFT_PREFIX: &str = ".metergate-";
const DRAFT_SUFFIX: &str = ".partial";

/// Readable for the owner and the group that nginx belongs to, for nobody else.
pub const DEFAULT_MODE: u32 = 0o640;

/// What went wrong in the output folder, with the remedy and without the name
/// of any file.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The folder is missing or is no folder.
    #[error(
        "the output folder cannot be opened ({source}): create it, or correct the setting that names it"
    )]
    Folder {
        /// What the system said.
        source: io::Error,
    },
    /// The volume is full, or a quota is used up.
    #[error(
        "the volume of the output folder is full (while {step}): free some space, then run the job again"
    )]
    Full {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The process may not write there.
    #[error(
        "the output folder is not writable (while {step}; {source}): let the service's user write to it and check that the volume is not mounted read-only"
    )]
    NotWritable {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else the file system refuses.
    #[error(
        "the output folder refused a step ({step}): {source}; check the volume and its mount options"
    )]
    Io {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl PlaceError {
    /// Sorts an input/output error met while doing `step` by its remedy.
    #[must_use]
    pub fn at(step: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { step, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { step, source }
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Folder { source },
            _ => Self::Io { step, source },
        }
    }
}

/// Why [`Place::write`] left nothing: the folder, or the one who fills the file.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The file system.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The closure that fills the file.
    #[error(transparent)]
    Content(E),
}

/// An existing folder that receives files.
#[derive(Debug, Clone)]
pub struct Place {
    folder: PathBuf,
    mode: u32,
}

impl Place {
    /// Opens an existing folder. Files get [`DEFAULT_MODE`].
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, PlaceError> {
        let folder = folder.into();
        let found = fs::metadata(&folder).map_err(|source| PlaceError::Folder { source })?;
        if !found.is_dir() {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(PlaceError::Folder { source });
        }
        Ok(Self {
            folder,
            mode: DEFAULT_MODE,
        })
    }

    /// Opens a folder, creating it and its parents first when they are missing.
    pub fn create(folder: impl Into<PathBuf>) -> Result<Self, PlaceError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|e| PlaceError::at("creating the folder", e))?;
        Self::open(folder)
    }

    /// Sets the permission bits of files written from now on, as in `chmod`;
    /// the process's umask does not narrow them.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file of this name is.
    #[must_use]
    pub fn path_of(&self, name: &FileName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// Starts a file that appears under its name only when committed.
    pub fn begin(&self) -> Result<Draft, PlaceError> {
        self.clean_up()?;
        Draft::create(self)
    }

    /// Writes one file: what `fill` writes, whole, or nothing. A file of the
    /// same name is replaced in one step.
    pub fn write<T, E>(
        &self,
        name: &FileName,
        fill: impl FnOnce(&mut Draft) -> Result<T, E>,
    ) -> Result<T, WriteError<E>> {
        let mut draft = self.begin()?;
        let filled = fill(&mut draft).map_err(WriteError::Content)?;
        draft.commit(name)?;
        Ok(filled)
    }

    /// Removes a file; `false` when there was none.
    pub fn remove(&self, name: &FileName) -> Result<bool, PlaceError> {
        match fs::remove_file(self.path_of(name)) {
            Ok(()) => self.sync().map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(PlaceError::at("removing a file", error)),
        }
    }

    /// Whether a file of this name is there.
    pub fn contains(&self, name: &FileName) -> Result<bool, PlaceError> {
        self.path_of(name)
            .try_exists()
            .map_err(|e| PlaceError::at("looking for a file", e))
    }

    /// How long ago a file was written, by the folder's own clock, which may be another machine's; `None` when there is
    /// no file of this name.
    pub fn age(&self, name: &FileName) -> Result<Option<Duration>, PlaceError> {
        let at = |error| PlaceError::at("looking at a file", error);
        let written = match fs::symlink_metadata(self.path_of(name)) {
            Ok(found) => found.modified().map_err(at)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(error)),
        };
        let now = self.begin()?.made().map_err(at)?;
        Ok(Some(now.duration_since(written).unwrap_or_default()))
    }

    /// The files that are there, of those whose names this program could have made.
    pub fn files(&self) -> Result<BTreeSet<FileName>, PlaceError> {
        let at = |error| PlaceError::at("listing it", error);
        let mut files = BTreeSet::new();
        for entry in fs::read_dir(&self.folder).map_err(at)? {
            let name = entry.map_err(at)?.file_name();
            files.extend(name.to_str().and_then(|name| name.parse().ok()));
        }
        Ok(files)
    }

    /// Removes the drafts of processes that are gone and says how many there
    /// were. Drafts being written are locked and stay, in other processes too.
    pub fn clean_up(&self) -> Result<usize, PlaceError> {
        let entries = fs::read_dir(&self.folder).map_err(|e| PlaceError::at("listing it", e))?;
        let mut removed = 0;
        for entry in entries {
            let entry = entry.map_err(|e| PlaceError::at("listing it", e))?;
            let name = entry.file_name();
            let ours = name
                .to_str()
                .is_some_and(|n| n.starts_with(DRAFT_PREFIX) && n.ends_with(DRAFT_SUFFIX));
            if ours && remove_abandoned(&entry.path())? {
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Makes renames and removals survive a power cut.
    fn sync(&self) -> Result<(), PlaceError> {
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| PlaceError::at("syncing the folder", e))
    }
}

/// Removes a draft that nobody holds the lock of; `false` when it stays.
fn remove_abandoned(path: &Path) -> Result<bool, PlaceError> {
    let at = |error| PlaceError::at("removing a leftover", error);
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        // Committed or cleaned up between the listing and now.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // Another user's draft in a shared folder is not ours to judge.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(false),
        Err(error) => return Err(at(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        // Without locks nothing tells a leftover from a draft under way: keep it.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            return Ok(false);
        }
        Err(TryLockError::Error(error)) => return Err(at(error)),
    }
    // The draft may have been committed since it was opened, and its temporary name taken by
    // another one. Once this is checked under the lock, nobody else gives or takes the name.
    let opened = file.metadata().map_err(at)?;
    let named = match fs::symlink_metadata(path) {
        Ok(named) => named,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(at(error)),
    };
    if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        return Ok(false);
    }
    fs::remove_file(path).map(|()| true).map_err(at)
}

#[cfg(test)]
mod tests;
