//! Secrets: a text type that does not print itself ([`Secret`]), reading one from the environment
//! or a file ([`read`]), and encryption at rest ([`Keyring`]).

mod keyring;

use std::path::{Path, PathBuf};

pub use keyring::{Keyring, KeyringConfig, KeyringError, Sealed};
pub use secrecy::ExposeSecret;

/// A text that `Debug` shows as a placeholder, that has no `Display`, and that is wiped from
/// memory when dropped. Can be a field of a `clap::Args` struct.
pub type Secret = secrecy::SecretString;

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Both the variable and the variable with the file's name are set.
    #[error("both {name} and {name}_FILE are set: keep one of them")]
    Both {
        /// The variable's name.
        name: &'static str,
    },
    /// Neither is set.
    #[error("neither {name} nor {name}_FILE is set: set one of them")]
    Missing {
        /// The variable's name.
        name: &'static str,
    },
    /// The file cannot be read.
    #[error("{name}_FILE names {path}, which cannot be read: check the path and who may read it")]
    Unreadable {
        /// The variable's name.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
}

/// Reads the secret `name` from `value` (the variable of that name) or from `file` (the path in
/// the variable `{name}_FILE`, as container platforms mount secrets). White space around the text
/// of a file is dropped, because editors end files with a new line. An empty value counts as unset.
pub fn read(
    name: &'static str,
    value: Option<&Secret>,
    file: Option<&Path>,
) -> Result<Secret, SecretError> {
    let value = value.filter(|value| !value.expose_secret().is_empty());
    let file = file.filter(|file| !file.as_os_str().is_empty());
    match (value, file) {
        (Some(_), Some(_)) => Err(SecretError::Both { name }),
        (None, None) => Err(SecretError::Missing { name }),
        (Some(value), None) => Ok(value.clone()),
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = Secret::from(text);
                Ok(Secret::from(text.expose_secret().trim()))
            }
            Err(source) => Err(SecretError::Unreadable {
                name,
                path: path.to_owned(),
                source,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let secret = Secret::from("open sesame");
        assert!(!format!("{secret:?}").contains("sesame"));
    }

    #[test]
    fn a_secret_comes_from_the_variable_or_from_the_file_but_not_from_both() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "from the file\n").unwrap();
        let value = Secret::from("from the variable");
        let empty = Secret::from("");

        let text = |value, file| {
            read("NAME", value, file)
                .unwrap()
                .expose_secret()
                .to_owned()
        };
        assert_eq!(text(Some(&value), None), "from the variable");
        assert_eq!(text(Some(&empty), Some(file.as_path())), "from the file");
        assert_eq!(text(Some(&value), Some(Path::new(""))), "from the variable");

        let both = read("NAME", Some(&value), Some(&file)).unwrap_err();
        assert_eq!(
            both.to_string(),
            "both NAME and NAME_FILE are set: keep one of them"
        );
        let missing = read("NAME", Some(&empty), None).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "neither NAME nor NAME_FILE is set: set one of them"
        );
        let gone = read("NAME", None, Some(&folder.path().join("gone"))).unwrap_err();
        assert!(gone.to_string().starts_with("NAME_FILE names "), "{gone}");
    }
}
