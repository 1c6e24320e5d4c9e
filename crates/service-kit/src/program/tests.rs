use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[derive(Debug, Args)]
struct Config {
    /// A secret.
    #[arg(long, env = "TEST_SECRET")]
    secret: Option<crate::secret::Secret>,
}

fn arguments(words: &[&str]) -> Vec<String> {
    let words = words.iter().map(OsString::from).collect();
    let completed = with_default_subcommand(words);
    completed
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect()
}

#[test]
fn the_command_line_is_well_formed_and_hides_values() {
    let command = Program::new("test", "A test").command::<Config>();
    command.clone().debug_assert();
    for subcommand in command.get_subcommands() {
        for argument in subcommand.get_arguments() {
            assert!(argument.is_hide_env_values_set(), "{}", argument.get_id());
        }
    }
}

#[test]
fn serve_is_the_default() {
    assert_eq!(arguments(&["p"]), ["p", "serve"]);
    assert_eq!(
        arguments(&["p", "--log", "debug"]),
        ["p", "serve", "--log", "debug"]
    );
    assert_eq!(arguments(&["p", "check-config"]), ["p", "check-config"]);
    assert_eq!(arguments(&["p", "--help"]), ["p", "--help"]);
    assert_eq!(arguments(&["p", "nonsense"]), ["p", "nonsense"]);
    assert_eq!(arguments(&[]), ["serve"]);
}

#[test]
fn secrets_are_configuration() {
    let command = Program::new("test", "A test").command::<Config>();
    let matches = command
        .try_get_matches_from(["p", "serve", "--secret", "hidden"])
        .unwrap();
    let (_, matches) = matches.subcommand().unwrap();
    let config = Config::from_arg_matches(matches).unwrap();
    assert!(!format!("{config:?}").contains("hidden"));
    let common = CommonConfig::from_arg_matches(matches).unwrap();
    assert_eq!(
        common.internal.internal_address.to_string(),
        "127.0.0.1:9100"
    );
    assert_eq!(common.shutdown_seconds, 20);
}

#[tokio::test]
async fn a_service_that_does_not_end_is_stopped_hard() {
    let shutdown = Shutdown::new();
    let other = shutdown.clone();
    let running = tokio::spawn(async move {
        run_until_hard(&other, std::future::pending::<Result<(), BoxError>>()).await
    });
    shutdown.begin_hard();
    assert!(matches!(
        running.await.unwrap(),
        Err(ProgramError::StoppedHard)
    ));
}

#[tokio::test]
async fn a_failing_service_still_waits_for_its_tasks() {
    let shutdown = Shutdown::new();
    let (soft, done) = (shutdown.soft().clone(), Arc::new(AtomicBool::new(false)));
    let seen = Arc::clone(&done);
    shutdown.tasks().spawn(async move {
        soft.cancelled().await;
        seen.store(true, Ordering::SeqCst);
    });
    let failing = async { Err::<(), BoxError>("no database".into()) };
    let error = run_until_hard(&shutdown, failing).await.unwrap_err();
    assert_eq!(error.to_string(), "no database");
    assert!(done.load(Ordering::SeqCst));
}
