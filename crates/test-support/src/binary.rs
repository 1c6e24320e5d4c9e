//! Finds the workspace's own programs.

use std::path::{Path, PathBuf};

/// Why a program was not found.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    /// This program does not know where it is.
    #[error("this program does not know its own path")]
    Unknown(#[source] std::io::Error),
    /// Nobody built it.
    #[error("{path} does not exist: build it first with `cargo build --bin {name}`")]
    Missing {
        /// The program.
        name: String,
        /// Where it was looked for.
        path: PathBuf,
    },
}

/// The program `name` that was built with the same profile as the running one. Building it is the
/// caller's job: a test must not start a build inside a build.
pub fn path(name: &str) -> Result<PathBuf, BinaryError> {
    let own = std::env::current_exe().map_err(BinaryError::Unknown)?;
    let path = folder_of(&own).join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(BinaryError::Missing {
            name: name.to_owned(),
            path,
        })
    }
}

/// The folder of the profile: programs lie in it, tests in its `deps`, examples in `examples`.
fn folder_of(own: &Path) -> &Path {
    let folder = own.parent().unwrap_or(own);
    let is_below = folder
        .file_name()
        .is_some_and(|name| name == "deps" || name == "examples");
    folder.parent().filter(|_| is_below).unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_lie_above_tests_and_examples() {
        for own in ["/t/debug/deps/x-1", "/t/debug/examples/x", "/t/debug/x"] {
            assert_eq!(folder_of(Path::new(own)), Path::new("/t/debug"), "{own}");
        }
    }

    #[test]
    fn a_missing_program_says_how_to_build_it() {
        let error = path("no-such-program").unwrap_err().to_string();
        assert!(
            error.contains("cargo build --bin no-such-program"),
            "{error}"
        );
    }
}
