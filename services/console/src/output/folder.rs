//! Reading the folder: names of all, one after the other; kept of them, what one page shows.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use jiff::Timestamp;

use super::group::{File, Group, Named, Rank, encoded_bytes, rank, time_of, title};

/// Names that are looked at; a folder with more is beyond what this page is for, and it says so.
const MOST_NAMES: usize = 100_000;
/// Files of one group that are shown.
const MOST_FILES: usize = 8;

/// What a page shows.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) groups: Vec<Group>,
    /// Groups that match, on this page and on others.
    pub(super) total: usize,
    pub(super) more: bool,
    /// There were more names than are looked at.
    pub(super) is_cut: bool,
}

/// The first groups of those that were added, however many there are.
struct First {
    most: usize,
    /// Files as their names tell.
    groups: BTreeMap<Rank, Vec<(OsString, Named)>>,
}

impl First {
    /// A group that is pushed out stays out: what is in comes before it, from then on.
    fn add(&mut self, rank: Rank, name: OsString, named: Named) {
        let is_full = self.groups.len() == self.most;
        let is_late = self.groups.keys().next_back() < Some(&rank);
        if is_full && is_late {
            return;
        }
        self.groups.entry(rank).or_default().push((name, named));
        if self.groups.len() > self.most {
            self.groups.pop_last();
        }
    }
}

/// Up to `limit` groups whose name holds `wanted` (in lower case), those after the key `after`.
pub(super) fn read(folder: &Path, wanted: &str, after: &str, limit: usize) -> io::Result<Found> {
    let start = (!after.is_empty()).then(|| rank(time_of(after), after));
    // One more than is shown, as that tells whether there are more.
    let mut first = First {
        most: limit + 1,
        groups: BTreeMap::new(),
    };
    let (hasher, mut keys) = (RandomState::new(), HashSet::new());
    let mut looked_at = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        looked_at += 1;
        if looked_at > MOST_NAMES {
            break;
        }
        let name = entry.file_name();
        // What begins with a dot is not finished; what is no plain file is not served.
        if name.as_bytes().starts_with(b".") || !entry.file_type()?.is_file() {
            continue;
        }
        let named = Named::of(&name.to_string_lossy());
        if !wanted.is_empty() && !named.key.to_lowercase().contains(wanted) {
            continue;
        }
        keys.insert(hasher.hash_one(&named.key));
        let rank = rank(named.authorized, &named.key);
        if start.as_ref().is_none_or(|start| rank > *start) {
            first.add(rank, name, named);
        }
    }
    let more = first.groups.len() > limit;
    let groups = first.groups.into_iter().take(limit);
    let groups = groups
        .map(|((authorized, key), files)| Group {
            title: title(&key, authorized.0).to_owned(),
            authorized: authorized.0,
            expires: None,
            files: describe(folder, files),
            key,
        })
        // Files that went meanwhile leave nothing to show.
        .filter(|group| !group.files.is_empty())
        .collect();
    Ok(Found {
        groups,
        total: keys.len(),
        more,
        is_cut: looked_at > MOST_NAMES,
    })
}

fn describe(folder: &Path, mut files: Vec<(OsString, Named)>) -> Vec<File> {
    files
        .sort_unstable_by(|(a, named_a), (b, named_b)| (named_a.order, a).cmp(&(named_b.order, b)));
    let files = files.into_iter().take(MOST_FILES);
    let described = files.filter_map(|(name, named)| {
        let metadata = fs::symlink_metadata(folder.join(&name)).ok()?;
        let written = metadata.modified().ok();
        Some(File {
            name: crate::view::readable(name.as_bytes()),
            link: format!("/output/{}", encoded_bytes(name.as_bytes())),
            what: named.what,
            bytes: metadata.len(),
            written: written.and_then(|at| Timestamp::try_from(at).ok()),
        })
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        folder
    }

    fn keys(found: &Found) -> Vec<&str> {
        found
            .groups
            .iter()
            .map(|group| group.key.as_str())
            .collect()
    }

    const OLD: &str = "Ann-Old-1-20250101T000000Z";
    const NEW: &str = "Bob-New-2-20260101T000000Z";

    #[test]
    fn the_newest_come_first_and_every_page_goes_on_where_the_last_ended() {
        let names = [
            &format!("{OLD}-gas.csv"),
            &format!("{OLD}-electricity.csv"),
            &format!("{NEW}-report.html"),
            "notes.txt",
            "b.txt",
        ];
        let folder = folder(&names);
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let found = read(folder.path(), "", &after, 1).unwrap();
            assert_eq!(found.total, 4);
            seen.extend(keys(&found).into_iter().map(str::to_owned));
            after.clone_from(seen.last().unwrap());
            if !found.more {
                break;
            }
        }
        assert_eq!(seen, [NEW, OLD, "b.txt", "notes.txt"]);
        let found = read(folder.path(), "ann-old", "", 10).unwrap();
        assert_eq!(keys(&found), [OLD]);
        let kinds: Vec<_> = found.groups[0].files.iter().map(|file| file.what).collect();
        assert_eq!(kinds, ["Electricity, CSV", "Gas, CSV"]);
    }

    #[test]
    fn a_page_keeps_what_it_shows_in_whatever_order_the_names_come() {
        let named = |day: u8| {
            let name = format!("Ann-Old-1-202501{day:02}T000000Z-gas.csv");
            let named = Named::of(&name);
            (rank(named.authorized, &named.key), name.into(), named)
        };
        for days in [
            [1, 2, 3, 4, 1, 2, 3, 4],
            [4, 3, 2, 1, 4, 3, 2, 1],
            [2, 4, 1, 3, 3, 1, 4, 2],
        ] {
            let mut first = First {
                most: 2,
                groups: BTreeMap::new(),
            };
            for day in days {
                let (rank, name, named) = named(day);
                first.add(rank, name, named);
                assert!(first.groups.len() <= 2);
            }
            let expected: Vec<_> = [4, 3].map(|day| named(day).0).into();
            assert!(first.groups.keys().eq(&expected), "{days:?}");
            assert!(first.groups.values().all(|files| files.len() == 2));
        }
    }

    #[test]
    fn what_is_hidden_unfinished_or_no_file_is_not_there() {
        let folder = folder(&[".draft.csv", "seen.csv"]);
        fs::create_dir(folder.path().join("below")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.csv")).unwrap();
        let found = read(folder.path(), "", "", 10).unwrap();
        assert_eq!(keys(&found), ["seen.csv"]);
    }
}
