//! Cleans up when this process ends, in whatever way, SIGKILL included.
//!
//! A small shell waits on a pipe whose other end only this process holds. When the pipe ends
//! without a word, this process has died, and the shell does the cleaning.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Cleans up when this process dies; dropping it calls that off.
#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Starts a shell that runs `script` with `arguments` (as `$1`, `$2` …) once this process is
    /// gone.
    pub fn start(script: &str, arguments: &[&std::ffi::OsStr]) -> io::Result<Self> {
        // Deaf to the signals that a terminal sends to everybody.
        let program = format!("trap '' INT TERM HUP; read word && exit 0; {script}");
        let shell = Command::new("/bin/sh")
            .arg("-c")
            .arg(program)
            .arg("watchdog")
            .args(arguments)
            .stdin(Stdio::piped())
            // Whoever reads this process's output must not wait for the shell.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            // A shell that is gone already needs no word.
            let _: io::Result<()> = pipe.write_all(b"done\n");
        }
        let _: io::Result<_> = self.shell.wait();
    }
}
