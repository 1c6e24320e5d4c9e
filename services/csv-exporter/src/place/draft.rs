//! A file being written, invisible until it is committed.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::time::SystemTime;

use super::{DRAFT_PREFIX, DRAFT_SUFFIX, FileName, Place, PlaceError};

/// How many names are tried before giving up. Replicas in containers often
/// share a process number, so a taken name is normal; this many are not.
const ATTEMPTS: u32 = 10_000;

/// A file under a temporary name in its [`Place`]. Dropped without
/// [`Draft::commit`], it vanishes.
#[derive(Debug)]
pub struct Draft {
    place: Place,
    path: PathBuf,
    /// `None` once committed, so that the drop has nothing left to remove.
    out: Option<BufWriter<File>>,
}

impl Draft {
    pub(super) fn create(place: &Place) -> Result<Self, PlaceError> {
        for attempt in 0..ATTEMPTS {
            let name = format!(
                "{DRAFT_PREFIX}{}-{attempt}{DRAFT_SUFFIX}",
                std::process::id()
            );
            let path = place.folder().join(name);
            let opened = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            let file = match opened {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(PlaceError::at("creating a file", error)),
            };
            let claimed = claim(&file);
            let draft = Self {
                place: place.clone(),
                path,
                out: Some(BufWriter::new(file)),
            };
            if claimed? {
                return Ok(draft);
            }
            // The name belongs to the clean-up now, and so may the file that has it next.
            draft.forget();
        }
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(PlaceError::at("finding a free temporary name", source))
    }

    /// Makes the file durable and puts it under its name, in place of what was
    /// there.
    pub fn commit(mut self, name: &FileName) -> Result<(), PlaceError> {
        let Some(mut out) = self.out.take() else {
            return Ok(());
        };
        let done = out
            .flush()
            .map_err(|e| PlaceError::at("writing a file", e))
            .and_then(|()| {
                let file = out.get_ref();
                file.set_permissions(Permissions::from_mode(self.place.mode))
                    .map_err(|e| PlaceError::at("setting a file's permissions", e))?;
                // Before the rename: a crash must not leave the name on an empty file.
                file.sync_all()
                    .map_err(|e| PlaceError::at("syncing a file", e))?;
                fs::rename(&self.path, self.place.path_of(name))
                    .map_err(|e| PlaceError::at("renaming a file", e))
            });
        if let Err(error) = done {
            self.out = Some(out);
            return Err(error);
        }
        self.place.sync()
    }

    /// When it was made, by the folder's own clock.
    pub(super) fn made(&self) -> io::Result<SystemTime> {
        let out = self.out.as_ref().ok_or_else(committed)?;
        out.get_ref().metadata()?.modified()
    }

    fn forget(mut self) {
        self.out = None;
    }

    fn out(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.out.as_mut().ok_or_else(committed)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out()?.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(out) = self.out.take() {
            // What is buffered is of no use any more, and flushing it on a full disk takes time.
            let (_file, _unwritten) = out.into_parts();
            // A failure leaves a draft without a lock, which the next run removes.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn committed() -> io::Error {
    io::Error::other("the draft is committed")
}

/// Locks a new draft; `false` when a clean-up was faster than the lock and
/// took the name away.
fn claim(file: &File) -> Result<bool, PlaceError> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        // No locks on this file system: then no clean-up touches drafts either.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(PlaceError::at("locking a file", error)),
    }
    let found = file
        .metadata()
        .map_err(|e| PlaceError::at("looking at a new file", e))?;
    Ok(found.nlink() > 0)
}
