//! Child processes that keep their output for failure messages and never outlive their owner.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::watchdog::Watchdog;

/// What can go wrong with a child process. The messages end with what the process last said.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It cannot be started.
    #[error("cannot start {name} ({program:?}): is it installed and built?")]
    Start {
        /// What the caller calls it.
        name: String,
        /// What was to be run.
        program: OsString,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It cannot be asked or signalled.
    #[error("cannot watch or signal {name}")]
    Control {
        /// What the caller calls it.
        name: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It ended too early.
    #[error("{name} ended early with {status}; it said:\n{output}")]
    Ended {
        /// What the caller calls it.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its output.
        output: String,
    },
    /// It took too long.
    #[error("{name}: waited {waited:?} in vain for {what}; it said:\n{output}")]
    Late {
        /// What the caller calls it.
        name: String,
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// The end of its output.
        output: String,
    },
}

/// A running program in a process group of its own. Dropping it kills the whole group; if this
/// process dies first, the group is killed too.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<std::thread::JoinHandle<()>>,
    watchdog: Option<Watchdog>,
}

impl Process {
    /// Starts `command` and keeps what it writes to standard output and error.
    pub fn spawn(name: &str, mut command: Command) -> Result<Self, ProcessError> {
        let program = command.get_program().to_owned();
        let failed = |source| ProcessError::Start {
            name: name.to_owned(),
            program,
            source,
        };
        let spawned = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(source) => return Err(failed(source)),
        };
        let output = Arc::new(Mutex::new(Vec::new()));
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|pipe| keep(pipe, &output)));
        readers.extend(child.stderr.take().map(|pipe| keep(pipe, &output)));
        let id = child.id();
        let group = Pid::from_raw(i32::try_from(id).unwrap_or_default());
        let mut process = Self {
            name: name.to_owned(),
            child,
            group,
            output,
            readers,
            watchdog: None,
        };
        let argument = OsString::from(id.to_string());
        match Watchdog::start(r#"kill -KILL "-$1""#, &[&argument]) {
            Ok(watchdog) => process.watchdog = Some(watchdog),
            Err(source) => return Err(failed(source)),
        }
        Ok(process)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output).into_owned()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> Result<bool, ProcessError> {
        self.exit_status().map(|status| status.is_none())
    }

    /// Waits until its output contains `text`; fails when it ends before.
    pub fn wait_for_output(&mut self, text: &str, limit: Duration) -> Result<(), ProcessError> {
        self.wait_for(&format!("{text:?} in its output"), limit, |process| {
            process.output().contains(text)
        })
    }

    /// Waits until `condition` holds; fails when the process ends before.
    pub fn wait_for(
        &mut self,
        what: &str,
        limit: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Result<(), ProcessError> {
        let started = Instant::now();
        loop {
            if condition(self) {
                return Ok(());
            }
            if let Some(status) = self.exit_status()? {
                self.collect_output();
                let done = condition(self);
                return if done {
                    Ok(())
                } else {
                    Err(self.ended(status))
                };
            }
            self.check_limit(what, started, limit)?;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the end, at most for `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus, ProcessError> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.exit_status()? {
                self.collect_output();
                return Ok(status);
            }
            self.check_limit("its end", started, limit)?;
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends SIGTERM to the process and its children.
    pub fn terminate(&self) -> Result<(), ProcessError> {
        self.signal(Signal::SIGTERM)
    }

    /// Sends SIGKILL to the process and its children, as a crash would end it.
    pub fn kill(&self) -> Result<(), ProcessError> {
        self.signal(Signal::SIGKILL)
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        killpg(self.group, signal).map_err(|errno| self.control(errno.into()))
    }

    fn exit_status(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.child.try_wait().map_err(|source| self.control(source))
    }

    /// After the end: takes in what is still in the pipes. A grandchild may hold them open, so
    /// this does not wait for ever.
    fn collect_output(&self) {
        let readers = &self.readers;
        let limit = Duration::from_secs(1);
        let _all_read = crate::wait::blocking(limit, || {
            readers.iter().all(std::thread::JoinHandle::is_finished)
        });
    }

    fn check_limit(
        &self,
        what: &str,
        started: Instant,
        limit: Duration,
    ) -> Result<(), ProcessError> {
        if started.elapsed() < limit {
            return Ok(());
        }
        Err(ProcessError::Late {
            name: self.name.clone(),
            what: what.to_owned(),
            waited: limit,
            output: self.end_of_output(),
        })
    }

    fn ended(&self, status: ExitStatus) -> ProcessError {
        ProcessError::Ended {
            name: self.name.clone(),
            status,
            output: self.end_of_output(),
        }
    }

    fn control(&self, source: io::Error) -> ProcessError {
        ProcessError::Control {
            name: self.name.clone(),
            source,
        }
    }

    fn end_of_output(&self) -> String {
        let output = self.output();
        let skipped = output.lines().count().saturating_sub(40);
        output.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group may be gone already; nobody could do anything about another failure.
        let _: nix::Result<()> = killpg(self.group, Signal::SIGKILL);
        let _: io::Result<_> = self.child.wait();
    }
}

fn keep(
    mut pipe: impl Read + Send + 'static,
    output: &Arc<Mutex<Vec<u8>>>,
) -> std::thread::JoinHandle<()> {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.extend(buffer.iter().take(read));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_is_kept_from_both_streams() {
        let mut process = Process::spawn("speaker", shell("echo one; echo two >&2")).unwrap();
        assert!(process.wait(LIMIT).unwrap().success());
        let output = process.output();
        assert!(
            output.contains("one\n") && output.contains("two\n"),
            "{output}"
        );
    }

    #[test]
    fn an_early_end_shows_the_output() {
        let mut process = Process::spawn("failing", shell("echo no database; exit 3")).unwrap();
        let error = process
            .wait_for_output("ready", LIMIT)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("failing ended early") && error.contains("no database"),
            "{error}"
        );
        let missing = Process::spawn("missing", Command::new("/no/such/program")).unwrap_err();
        assert!(
            missing.to_string().contains("is it installed and built?"),
            "{missing}"
        );
    }

    #[test]
    fn a_limit_is_kept() {
        let mut process = Process::spawn("sleeper", shell("echo begun; sleep 60")).unwrap();
        process.wait_for_output("begun", LIMIT).unwrap();
        let error = process
            .wait_for_output("more", Duration::ZERO)
            .unwrap_err()
            .to_string();
        assert!(error.contains("in vain for \"more\""), "{error}");
        process.terminate().unwrap();
        assert!(!process.wait(LIMIT).unwrap().success());
    }

    #[test]
    fn grandchildren_die_with_the_guard() {
        let script = "sleep 600 & echo grandchild $!; wait";
        let mut process = Process::spawn("parent", shell(script)).unwrap();
        process
            .wait_for("the id", LIMIT, |process| process.output().ends_with('\n'))
            .unwrap();
        let output = process.output();
        let grandchild = output.trim().rsplit(' ').next().unwrap().to_owned();
        drop(process);
        assert!(
            crate::wait::blocking(LIMIT, || !is_alive(&grandchild)),
            "{grandchild} lives"
        );
    }

    /// Whether the process does anything; one that waits to be reaped does not.
    fn is_alive(id: &str) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{id}/stat"));
        status.is_ok_and(|line| !line.contains(") Z "))
    }
}
