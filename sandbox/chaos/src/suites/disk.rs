//! There is no room in the download folder, then there is again: files appear whole, and none is there half before.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use demo::BoxError;
use serde_json::Value;

use super::mounted::Mounted;
use crate::breaker::Breaker;
use crate::load::Breaking;
use crate::world::Setup;

/// How often.
const ROUNDS: u32 = 8;
/// Room of the folder when there is some.
const ROOM_MIB: u32 = 256;
/// Not a name that is served.
const BALLAST: &str = ".ballast";
/// An export that met the fault and waits to try again, or tries.
const STUCK: &str = "SELECT count(*) > 0 FROM jobs.job WHERE kind = 'csv.export'
    AND state IN ('available', 'running') AND errors <> '{}'";

pub(super) fn plan() -> (Setup, Box<Breaking>) {
    let setup = Setup {
        unnoticed: true,
        ..Setup::default()
    };
    (setup, Box::new(break_it))
}

fn break_it(breaker: &mut Breaker) -> Result<(), BoxError> {
    breaker.until_more(0, 1)?;
    let output = breaker.stack.output();
    let mounted = mount(breaker, &output)?;
    let how = if mounted.is_some() {
        "a full file system"
    } else {
        "a folder that refuses writes (needs root for more)"
    };
    breaker.notes.insert("how".to_owned(), Value::from(how));
    for _ in 0..ROUNDS {
        fill(&output, mounted.is_some())?;
        breaker.until(STUCK)?;
        breaker.pause(500, 3_000);
        nothing_half(breaker, &output)?;
        make_room(&output, mounted.is_some())?;
        breaker.did("download folder full");
        breaker.until_more(0, 2)?;
    }
    if let Some(mounted) = mounted {
        breaker.keep(mounted);
    }
    Ok(())
}

/// A small file system over the folder, with the files that are there already. None when this user may not.
fn mount(breaker: &mut Breaker, output: &Path) -> Result<Option<Mounted>, BoxError> {
    // No file may appear between looking and mounting.
    breaker.stack.kill("csv-exporter")?;
    let mut files = Vec::new();
    for entry in fs::read_dir(output)? {
        let entry = entry?;
        files.push((
            entry.path(),
            fs::read(entry.path())?,
            entry.metadata()?.permissions(),
        ));
    }
    let mounted = Mounted::small(output, ROOM_MIB).ok();
    if mounted.is_some() {
        for (path, bytes, permissions) in files {
            fs::write(&path, bytes)?;
            fs::set_permissions(&path, permissions)?;
        }
    }
    breaker.stack.launch("csv-exporter")?;
    Ok(mounted)
}

fn fill(output: &Path, mounted: bool) -> Result<(), BoxError> {
    if !mounted {
        return Ok(fs::set_permissions(output, Permissions::from_mode(0o555))?);
    }
    let mut ballast = File::create(output.join(BALLAST))?;
    let block = vec![0; 64 * 1024];
    while ballast.write_all(&block).is_ok() {}
    Ok(())
}

fn make_room(output: &Path, mounted: bool) -> Result<(), BoxError> {
    if !mounted {
        return Ok(fs::set_permissions(output, Permissions::from_mode(0o755))?);
    }
    Ok(fs::remove_file(output.join(BALLAST))?)
}

/// What is there under a name that is served was finished before.
fn nothing_half(breaker: &mut Breaker, output: &Path) -> Result<(), BoxError> {
    let finished = "SELECT unnest(ARRAY[electricity_file, gas_file]) AS name FROM smd.authorization
        WHERE exported_at IS NOT NULL";
    let rows = breaker.wait(breaker.stack.rows(finished))?;
    let finished: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.get("name")?.as_str())
        .collect();
    let mut early = Vec::new();
    for entry in fs::read_dir(output)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_whole = || -> Result<bool, BoxError> {
            // Of two files the first may be whole before the second finds no room.
            let is_page = Path::new(&name).extension() == Some("html".as_ref());
            let end: &[u8] = if is_page { b"</html>" } else { b"\n" };
            Ok(fs::read(entry.path())?.ends_with(end))
        };
        if !name.starts_with('.') && !finished.contains(&name.as_str()) && !is_whole()? {
            early.push(name);
        }
    }
    breaker.claims.note(
        "no file is there half while there is no room",
        early.is_empty(),
        format!("{early:?}"),
    );
    Ok(())
}
