//! The operator at the command line.

use std::process::{Command, Output};

/// How a command ended, with both of its outputs.
pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) text: String,
}

pub(crate) fn run(mut command: Command) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned() + &*String::from_utf8_lossy(&stderr);
    Said {
        ok: status.success(),
        text,
    }
}

/// A `metergate` command with the stack's settings.
pub(crate) fn metergate(stack: &demo::Stack, arguments: &[&str]) -> Said {
    let mut command = stack.metergate().unwrap();
    command.args(arguments);
    run(command)
}
