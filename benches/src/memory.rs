//! What a process holds, as the kernel tells it.

use crate::Answer;

/// A process's memory.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Megabytes in memory now.
    pub resident: f64,
    /// The most there were.
    pub peak: f64,
    /// Its threads.
    pub threads: f64,
}

/// Of the process with this id.
pub fn of(id: u32) -> Answer<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let megabytes = |name| number(&status, name).map(|kibibytes| kibibytes * 1024.0 / 1e6);
    Ok(Memory {
        resident: megabytes("VmRSS:")?,
        peak: megabytes("VmHWM:")?,
        threads: number(&status, "Threads:")?,
    })
}

/// The number behind this name in a process's status.
fn number(status: &str, name: &str) -> Answer<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or_else(|| format!("no {name} in the status"))?;
    Ok(number.parse()?)
}
