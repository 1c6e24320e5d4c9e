//! A folder with feeds in it, and the program beside.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// A folder with feeds in it and the program beside.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub(crate) fn run(&self, command: &str, files: &[PathBuf], options: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_metergate"));
        program.arg(command).args(files).args(options);
        if command == "convert" {
            program.arg("--out").arg(self.out());
        }
        program.output().unwrap()
    }

    /// Runs `convert`, which must work, and gives what it printed.
    pub(crate) fn convert(&self, files: &[PathBuf], options: &[&str]) -> String {
        let done = self.run("convert", files, options);
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8(done.stdout).unwrap()
    }

    /// Runs `convert` or `inspect`, which must not work, and gives its complaint.
    pub(crate) fn refused(&self, command: &str, files: &[PathBuf], options: &[&str]) -> String {
        let done = self.run(command, files, options);
        assert!(!done.status.success());
        assert!(!self.out().exists(), "nothing is written after an error");
        String::from_utf8(done.stderr).unwrap()
    }

    pub(crate) fn inspect(&self, files: &[PathBuf]) -> Value {
        let done = self.run("inspect", files, &[]);
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        serde_json::from_slice(&done.stdout).unwrap()
    }

    pub(crate) fn written(&self, name: &str) -> String {
        fs::read_to_string(self.out().join(name)).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.out())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn column(csv: &str, index: usize) -> Vec<&str> {
    csv.lines()
        .skip(1)
        .map(|line| line.split(',').nth(index).unwrap())
        .collect()
}
