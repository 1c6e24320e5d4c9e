//! Configuration comes from the environment first and from flags second, one documented
//! `clap::Args` struct per concern. This module refuses variables that nobody reads (a typo must
//! not silently mean the default) and puts errors into one line.

use std::error::Error;

/// The prefix of our own variables.
const PREFIX: &str = "METERGATE_";

/// Services whose variables (`METERGATE_<SERVICE>_…`) may stand in an environment file that all
/// share; a program that does not know them leaves them to their service.
const SERVICES: &[&str] = &[
    "SMD_AUTH",
    "SMD_FETCHER",
    "CSV_EXPORTER",
    "AIIDA_PERMISSION",
    "MQTT_IAM",
    "AIIDA_STREAM",
    "CONSOLE",
    "CUSTODIAN",
    "SANDBOX_BROKER",
    "HOME",
];

/// A `METERGATE_…` variable that nobody reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownVariable {
    /// The variable's name.
    pub name: String,
    /// The known name most like it, when one is.
    pub closest: Option<String>,
}

impl std::fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown environment variable {}: ", self.name)?;
        match &self.closest {
            Some(closest) => write!(f, "did you mean {closest}?"),
            None => write!(f, "remove it (--help lists those that are read)"),
        }
    }
}

/// Refuses environment variables that start with `METERGATE_` and that no argument of `command` or
/// of its subcommands reads. Variables of other services (`METERGATE_<SERVICE>_…`) pass, unless
/// this command reads some of that service too and so must know them all.
pub fn check_environment(command: &clap::Command) -> Result<(), UnknownVariable> {
    let present = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    check_names(command, present)
}

fn check_names(
    command: &clap::Command,
    present: impl IntoIterator<Item = String>,
) -> Result<(), UnknownVariable> {
    let mut known = Vec::new();
    collect_variables(command, &mut known);
    let mut unknown: Vec<String> = present
        .into_iter()
        .filter(|name| name.starts_with(PREFIX))
        .filter(|name| !known.contains(name) && !is_of_another_service(name, &known))
        .collect();
    unknown.sort();
    match unknown.into_iter().next() {
        None => Ok(()),
        Some(name) => {
            let closest = closest(&name, &known).map(str::to_owned);
            Err(UnknownVariable { name, closest })
        }
    }
}

fn collect_variables(command: &clap::Command, known: &mut Vec<String>) {
    let names = command.get_arguments().filter_map(clap::Arg::get_env);
    known.extend(names.filter_map(|name| name.to_str()).map(str::to_owned));
    for subcommand in command.get_subcommands() {
        collect_variables(subcommand, known);
    }
}

fn is_of_another_service(name: &str, known: &[String]) -> bool {
    SERVICES
        .iter()
        .map(|service| format!("{PREFIX}{service}_"))
        .any(|prefix| {
            name.starts_with(&prefix) && !known.iter().any(|known| known.starts_with(&prefix))
        })
}

fn closest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let limit = name.len() / 4;
    known
        .iter()
        .filter(|known| known.starts_with(PREFIX))
        .map(|known| (edit_distance(name, known), known.as_str()))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, known)| known)
}

/// Levenshtein distance: how many characters must be added, dropped or replaced.
fn edit_distance(one: &str, other: &str) -> usize {
    let mut previous: Vec<usize> = (0..=other.chars().count()).collect();
    for (row, a) in one.chars().enumerate() {
        let mut left = row + 1;
        let mut current = vec![left];
        for (b, diagonal) in other.chars().zip(previous.windows(2)) {
            if let [corner, above] = diagonal {
                left = (corner + usize::from(a != b)).min(above + 1).min(left + 1);
                current.push(left);
            }
        }
        previous = current;
    }
    previous.last().copied().unwrap_or_default()
}

/// The error and its causes in one line, joined by `: `; a cause that its effect already quotes is
/// left out, and line breaks become spaces.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn command() -> Command {
        Command::new("test")
            .arg(Arg::new("log").long("log").env("METERGATE_LOG"))
            .arg(Arg::new("id").long("id").env("CLIENT_ID"))
            .subcommand(
                Command::new("serve")
                    .arg(Arg::new("a").long("a").env("METERGATE_SMD_AUTH_ADDRESS")),
            )
    }

    fn check(names: &[&str]) -> Result<(), String> {
        let names = names.iter().map(|name| (*name).to_owned());
        check_names(&command(), names).map_err(|error| error.to_string())
    }

    #[test]
    fn known_variables_and_those_of_others_pass() {
        assert_eq!(
            check(&[
                "METERGATE_LOG",
                "METERGATE_SMD_AUTH_ADDRESS",
                "PATH",
                "CLIENT_IDD"
            ]),
            Ok(())
        );
        assert_eq!(check(&["METERGATE_CSV_EXPORTER_FOLDER"]), Ok(()));
    }

    #[test]
    fn a_typo_is_refused_with_the_closest_name() {
        let refused = check(&["METERGATE_SMD_AUTH_ADRESS"]).unwrap_err();
        assert_eq!(
            refused,
            "unknown environment variable METERGATE_SMD_AUTH_ADRESS: \
             did you mean METERGATE_SMD_AUTH_ADDRESS?"
        );
        let refused = check(&["METERGATE_LOGS"]).unwrap_err();
        assert!(
            refused.ends_with("did you mean METERGATE_LOG?"),
            "{refused}"
        );
        let refused = check(&["METERGATE_SOMETHING_ELSE_ALTOGETHER"]).unwrap_err();
        assert!(refused.contains("remove it"), "{refused}");
    }

    #[test]
    fn the_real_environment_of_this_test_is_clean() {
        assert_eq!(check_environment(&command()), Ok(()));
    }

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("a", "a", 0),
        ] {
            assert_eq!(edit_distance(one, other), expected, "{one} {other}");
            assert_eq!(edit_distance(other, one), expected, "{other} {one}");
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn chains_are_one_line_without_repetition() {
        let bottom = Layer("refused\n(os error 111)", None);
        let middle = Layer("the database does not answer", Some(Box::new(bottom)));
        let top = Layer(
            "cannot start: the database does not answer",
            Some(Box::new(middle)),
        );
        assert_eq!(
            chain(&top),
            "cannot start: the database does not answer: refused (os error 111)"
        );
    }
}
