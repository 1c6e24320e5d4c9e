//! A line per check.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a line per check, and counts those that failed.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    /// The installation is a trial on one machine: what is wrong for the public is right there.
    trial: bool,
    failed: usize,
    /// The first line that could not be written.
    broken: Option<io::Error>,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write, trial: bool) -> Self {
        Self {
            out,
            trial,
            failed: 0,
            broken: None,
        }
    }

    pub(super) fn ok(&mut self, name: &str, found: impl Display) {
        self.line("ok    ", name, found);
    }

    /// Nothing is broken, and somebody should know.
    pub(super) fn note(&mut self, name: &str, what: impl Display) {
        self.line("note  ", name, what);
    }

    pub(super) fn failed(&mut self, name: &str, trouble: impl Display) {
        self.failed += 1;
        self.line("FAILED", name, trouble);
    }

    /// A failure, except in a trial on one machine.
    pub(super) fn unfit(&mut self, name: &str, trouble: impl Display) {
        if self.trial {
            self.note(
                name,
                format_args!("{trouble} (fine for a trial on one machine)"),
            );
        } else {
            self.failed(name, trouble);
        }
    }

    pub(super) fn result(&mut self, name: &str, outcome: Result<impl Display, impl Display>) {
        match outcome {
            Ok(found) => self.ok(name, found),
            Err(trouble) => self.failed(name, trouble),
        }
    }

    /// How many checks failed.
    pub(super) fn end(self) -> io::Result<usize> {
        match self.broken {
            Some(error) => Err(error),
            None => Ok(self.failed),
        }
    }

    fn line(&mut self, verdict: &str, name: &str, text: impl Display) {
        let written = writeln!(self.out, "{verdict}  {name}: {text}");
        if let (Err(error), None) = (written, &self.broken) {
            self.broken = Some(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(trial: bool) -> (usize, String) {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, trial);
        report.result("a", Ok::<_, &str>("well"));
        report.unfit("b", "self-signed");
        report.failed("c", "gone");
        let failed = report.end().unwrap();
        (failed, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_fails_is_counted_and_a_trial_is_forgiven_what_only_the_public_needs() {
        assert_eq!(
            said(false),
            (
                2,
                "ok      a: well\nFAILED  b: self-signed\nFAILED  c: gone\n".to_owned()
            )
        );
        let (failed, lines) = said(true);
        assert_eq!(failed, 1);
        assert!(
            lines.contains("note    b: self-signed (fine for a trial on one machine)\n"),
            "{lines}"
        );
    }
}
