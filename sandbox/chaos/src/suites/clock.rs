//! The clocks of services jump, each by itself, forwards and back, by minutes and hours (libfaketime). The database,
//! the custodian and the homes keep the right time.

use std::fs;
use std::path::{Path, PathBuf};

use demo::{BoxError, SERVICES, StackOptions};

use crate::breaker::Breaker;
use crate::load::Breaking;
use crate::suites::replicas::keeps_the_budget;
use crate::world::Setup;

/// How often each service's clock jumps away and back.
const ROUNDS: usize = 3;
/// Seconds by which clocks jump: minutes and hours, ahead and behind.
const JUMPS: [i64; 6] = [90, -90, 8 * 60, -8 * 60, 3 * 3_600, -3 * 3_600];
/// Work done under a wrong clock.
const WORK: (i64, i64) = (15, 1);
/// Where Debian puts the library, below a folder of the machine's kind.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

pub(super) fn plan(folder: &Path) -> Result<(Setup, Box<Breaking>), BoxError> {
    let library = library()?;
    let mut options = StackOptions::default();
    for service in SERVICES {
        set(folder, service.name, 0)?;
        let file = file(folder, service.name).display().to_string();
        let variables = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            // Looks at the file each time.
            ("FAKETIME_NO_CACHE", "1"),
            // A clock that is set does not change how long a second lasts.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        let of_service = |(name, value): (&str, &str)| {
            (service.name.to_owned(), name.to_owned(), value.to_owned())
        };
        options.of_service.extend(variables.map(of_service));
    }
    let folder = folder.to_owned();
    let setup = Setup {
        options,
        budget: true,
        ..Setup::default()
    };
    Ok((setup, Box::new(move |breaker| break_it(breaker, &folder))))
}

fn break_it(breaker: &mut Breaker, folder: &Path) -> Result<(), BoxError> {
    for _ in 0..ROUNDS {
        let jumps = breaker.dice.shuffled(JUMPS);
        for (service, jump) in breaker.dice.shuffled(SERVICES).into_iter().zip(jumps) {
            set(folder, service.name, jump)?;
            breaker.until_more(WORK.0, WORK.1)?;
            set(folder, service.name, 0)?;
            breaker.until_more(WORK.0, 0)?;
            breaker.did("clocks set wrong and right again");
        }
    }
    keeps_the_budget(breaker)
}

fn file(folder: &Path, service: &str) -> PathBuf {
    folder.join(format!("clock-of-{service}"))
}

/// In one step: a reader must not find it empty.
fn set(folder: &Path, service: &str, seconds: i64) -> Result<(), BoxError> {
    let new = folder.join("clock.new");
    fs::write(&new, format!("{seconds:+}\n"))?;
    Ok(fs::rename(new, file(folder, service))?)
}

fn library() -> Result<String, BoxError> {
    for entry in fs::read_dir(LIBRARIES)? {
        let path = entry?.path().join(LIBRARY);
        if path.is_file() {
            return Ok(path.display().to_string());
        }
    }
    Err("libfaketime is missing: apt-get install faketime".into())
}
