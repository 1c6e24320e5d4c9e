//! The download folder: written by us, read by nginx, with room left.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use csv_exporter::OutputConfig;
use nix::sys::statvfs::statvfs;

use super::report::Report;

const MIB: u64 = 1024 * 1024;
/// Below this the next exports fail: one is some megabytes, and drafts lie beside the finished files.
const TOO_LITTLE: u64 = 256 * MIB;
/// Below this somebody should look.
const LITTLE: u64 = 2048 * MIB;

pub(super) fn check(report: &mut Report<'_>, config: &OutputConfig) {
    // A draft that is dropped leaves nothing.
    let tried = config.place().and_then(|place| place.begin().map(drop));
    let is_there = tried.is_ok();
    report.result("output folder", tried.map(|()| "takes files"));
    if !is_there {
        return;
    }
    match std::fs::metadata(&config.output_dir) {
        Ok(folder) => report.result(
            "output folder: readers",
            readers(&folder, config.output_mode),
        ),
        Err(error) => report.failed("output folder: readers", error),
    }
    match statvfs(&config.output_dir) {
        Ok(volume) => space(
            report,
            volume
                .blocks_available()
                .saturating_mul(volume.fragment_size()),
        ),
        Err(error) => report.failed("output folder: space", error),
    }
}

/// Whether those whom the mode of the files lets read them can also reach them in the folder.
fn readers(folder: &Metadata, files: u32) -> Result<String, String> {
    let mode = folder.permissions().mode() & 0o7777;
    let (owner, group) = (folder.uid(), folder.gid());
    let (who, class) = match (files & 0o004 != 0, files & 0o040 != 0) {
        (true, _) => ("everybody".to_owned(), 0o005),
        (false, true) => (format!("the group {group}"), 0o050),
        (false, false) => {
            return Err(format!(
                "METERGATE_OUTPUT_MODE={files:o} lets nobody but the owner read the files, so nginx cannot: write 640 with nginx in the folder's group, or 644"
            ));
        }
    };
    if mode & class == class {
        return Ok(format!(
            "files are {files:o}, the folder {mode:o} of {owner}:{group}: {who} reads them"
        ));
    }
    Err(format!(
        "files are {files:o}, but {who} cannot list the folder, which is {mode:o} of {owner}:{group}: nginx answers 403; chmod {:o}",
        mode | class
    ))
}

fn space(report: &mut Report<'_>, free: u64) {
    let (name, mib) = ("output folder: space", free / MIB);
    if free < TOO_LITTLE {
        report.failed(
            name,
            format_args!("{mib} MiB left: exports fail soon; free some space, or shorten METERGATE_RETENTION_FILES_DAYS"),
        );
    } else if free < LITTLE {
        report.note(
            name,
            format_args!("{mib} MiB left: look what fills the volume"),
        );
    } else {
        report.ok(name, format_args!("{} GiB left", mib / 1024));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn whoever_may_read_the_files_must_reach_them() {
        let folder = tempfile::tempdir().unwrap();
        let told = |mode: u32, files: u32| {
            std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            readers(&std::fs::metadata(folder.path()).unwrap(), files)
        };
        assert!(told(0o750, 0o640).is_ok());
        assert!(told(0o755, 0o644).is_ok());
        let closed = told(0o700, 0o640).unwrap_err();
        assert!(closed.contains("chmod 750"), "{closed}");
        let closed = told(0o750, 0o644).unwrap_err();
        assert!(closed.contains("chmod 755"), "{closed}");
        assert!(
            told(0o755, 0o600)
                .unwrap_err()
                .contains("METERGATE_OUTPUT_MODE")
        );
    }

    #[test]
    fn space_that_runs_out_is_said() {
        let said = |free| {
            let mut out = Vec::new();
            let mut report = Report::new(&mut out, false);
            space(&mut report, free);
            (report.end().unwrap(), String::from_utf8(out).unwrap())
        };
        assert_eq!(said(TOO_LITTLE - 1).0, 1);
        assert!(said(TOO_LITTLE).1.starts_with("note"));
        assert_eq!(said(LITTLE).1, "ok      output folder: space: 2 GiB left\n");
    }
}
