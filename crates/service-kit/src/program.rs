//! The frame of a program: command line, environment, telemetry, internal port, shutdown, exit
//! code. A service's `main.rs` is then a few lines:
//!
//! ```no_run
//! # #[derive(clap::Args)] struct Config {}
//! # impl Config { fn check(&self) -> Result<(), std::io::Error> { Ok(()) } }
//! # async fn run(_: Config, _: service_kit::program::Context) -> Result<(), std::io::Error> { Ok(()) }
//! fn main() -> std::process::ExitCode {
//!     service_kit::program::Program::new("smd-auth", "Browser side of Share My Data")
//!         .run(Config::check, run)
//! }
//! ```
//!
//! Subcommands: `serve` (the default), `check-config` (reads and checks the configuration and
//! leaves), `healthcheck` (asks the running program's own `/readyz`). Exit codes: 0 all is well, 1
//! it failed, 2 the command line or the environment is wrong. An error is one line that names the
//! thing and the remedy.

mod probe;

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches};

use crate::clock::{SharedClock, SystemClock};
use crate::health::{self, Checks, InternalConfig};
use crate::http::HttpError;
use crate::metrics::MetricsError;
use crate::random::{SharedRandom, SystemRandom};
use crate::shutdown::Shutdown;
use crate::telemetry::{self, TelemetryConfig, TelemetryError};
use crate::{config, http, metrics};

pub use probe::{ProbeError, ready};

/// Any error, as services hand theirs over.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What every program is configured with.
#[derive(Debug, Clone, Args)]
pub struct CommonConfig {
    /// Logs and traces.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,

    /// The internal port.
    #[command(flatten)]
    pub internal: InternalConfig,

    /// Seconds between the first signal and the end, to finish what is under way. Keep it below
    /// what the supervisor grants before it kills (Docker: `stop_grace_period`); too low, and jobs
    /// are handed back more often than needed.
    #[arg(
        long = "shutdown-seconds",
        env = "METERGATE_SHUTDOWN_SECONDS",
        default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub shutdown_seconds: u64,

    /// Threads that run tasks. Services wait more than they compute; more threads cost memory.
    #[arg(
        long = "threads",
        env = "METERGATE_THREADS",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub threads: u16,
}

/// What a running service is given beside its own configuration. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// When to stop.
    pub shutdown: Shutdown,
    /// Where to add readiness checks, and to say that they are complete: until then the program is
    /// not ready.
    pub checks: Checks,
    /// The time.
    pub clock: SharedClock,
    /// Random bytes.
    pub random: SharedRandom,
}

impl Context {
    /// A context with the machine's clock and randomness and a shutdown that only the owner of
    /// the context begins.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shutdown: Shutdown::new(),
            checks: Checks::new(),
            clock: SystemClock::shared(),
            random: SystemRandom::shared(),
        }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a program ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// Logs or traces cannot be started.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Metrics cannot be recorded.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// No threads.
    #[error("cannot start the runtime: check the limits on threads and open files")]
    Runtime(#[source] std::io::Error),
    /// No signal handlers.
    #[error("cannot watch for SIGTERM and SIGINT")]
    Signals(#[source] std::io::Error),
    /// The internal port.
    #[error("no internal port (METERGATE_INTERNAL_ADDRESS)")]
    Internal(#[source] HttpError),
    /// The service failed.
    #[error(transparent)]
    Service(BoxError),
    /// The time to finish was over.
    #[error("stopped before everything under way was finished")]
    StoppedHard,
}

/// A program that runs one service.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    name: &'static str,
    about: &'static str,
}

impl Program {
    /// A program called `name`.
    #[must_use]
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about }
    }

    /// The command line, for the test that it is well formed (`command::<C>().debug_assert()`).
    #[must_use]
    pub fn command<C: Args>(&self) -> Command {
        let full = |command: Command| C::augment_args(CommonConfig::augment_args(command));
        Command::new(self.name)
            .about(self.about)
            .version(env!("CARGO_PKG_VERSION"))
            .subcommand_required(true)
            .subcommand(full(Command::new("serve")).about("Run the service (the default)"))
            .subcommand(
                full(Command::new("check-config"))
                    .about("Read and check the configuration, say what is wrong, and leave"),
            )
            .subcommand(
                InternalConfig::augment_args(Command::new("healthcheck"))
                    .about("Ask the running service's /readyz; exit code 0 when it is ready"),
            )
            .mut_subcommands(hide_values)
    }

    /// Runs what the command line asks for. `check` looks at the configuration further than
    /// parsing does and has no effects; `serve` is the service, which ends by itself after the
    /// soft shutdown has begun.
    pub fn run<C, CheckError, ServeError, Served>(
        self,
        check: impl FnOnce(&C) -> Result<(), CheckError>,
        serve: impl FnOnce(C, Context) -> Served,
    ) -> ExitCode
    where
        C: Args + FromArgMatches,
        CheckError: Into<BoxError>,
        ServeError: Into<BoxError>,
        Served: Future<Output = Result<(), ServeError>>,
    {
        let arguments = with_default_subcommand(std::env::args_os().collect());
        let command = self.command::<C>();
        let matches = match command.clone().try_get_matches_from(arguments) {
            Ok(matches) => matches,
            Err(error) => error.exit(),
        };
        if let Err(error) = config::check_environment(&command) {
            return self.refuse(&error);
        }
        match matches.subcommand() {
            Some(("healthcheck", matches)) => match InternalConfig::from_arg_matches(matches) {
                Ok(internal) => self.exit(ready(internal.internal_address)),
                Err(error) => error.exit(),
            },
            Some((name, matches)) => {
                let parsed = C::from_arg_matches(matches)
                    .and_then(|own| Ok((own, CommonConfig::from_arg_matches(matches)?)));
                let (own, common) = match parsed {
                    Ok(parsed) => parsed,
                    Err(error) => error.exit(),
                };
                if let Err(error) = check(&own) {
                    return self.refuse(&*error.into());
                }
                if name == "check-config" {
                    println!(
                        "{}: the configuration is complete and well formed",
                        self.name
                    );
                    return ExitCode::SUCCESS;
                }
                self.exit(run_service(self.name, &common, |context| {
                    serve(own, context)
                }))
            }
            None => ExitCode::from(2),
        }
    }

    fn refuse(&self, error: &(dyn std::error::Error + 'static)) -> ExitCode {
        eprintln!("{}: {}", self.name, config::chain(error));
        ExitCode::from(2)
    }

    fn exit<E: std::error::Error + 'static>(&self, result: Result<(), E>) -> ExitCode {
        exit_code(self.name, result)
    }
}

/// Reports an error in one line, to the log when there is one, and gives the exit code: 0 or 1.
pub fn exit_code<E: std::error::Error + 'static>(name: &str, result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let line = config::chain(&error);
            if tracing::enabled!(tracing::Level::ERROR) {
                tracing::error!("{line}");
            } else {
                eprintln!("{name}: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Starts telemetry, metrics, runtime, signals and the internal port, runs `serve`, waits for the
/// tracked tasks and flushes telemetry. For programs with a command line of their own.
pub fn run_service<Served, E>(
    name: &'static str,
    common: &CommonConfig,
    serve: impl FnOnce(Context) -> Served,
) -> Result<(), ProgramError>
where
    Served: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    http::install_tls_provider();
    let telemetry = telemetry::init(name, &common.telemetry)?;
    let result = run_in_runtime(name, common, serve);
    telemetry.shutdown();
    result
}

fn run_in_runtime<Served, E>(
    name: &'static str,
    common: &CommonConfig,
    serve: impl FnOnce(Context) -> Served,
) -> Result<(), ProgramError>
where
    Served: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let handle = metrics::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(common.threads))
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(ProgramError::Runtime)?;
    let result = runtime.block_on(async {
        let hard_after = Duration::from_secs(common.shutdown_seconds);
        let shutdown = Shutdown::on_signals(hard_after).map_err(ProgramError::Signals)?;
        let context = Context {
            shutdown,
            ..Context::new()
        };
        let checks = context.checks.clone();
        let internal = health::serve(&common.internal, checks, handle, &context.shutdown)
            .map_err(ProgramError::Internal)?;
        tracing::info!(
            service = name,
            version = env!("CARGO_PKG_VERSION"),
            internal = %internal.address(),
            "started"
        );
        let result = run_until_hard(&context.shutdown, serve(context.clone())).await;
        internal.stop().await;
        result
    });
    // Blocking work that ignores the shutdown must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_secs(1));
    if result.is_ok() {
        tracing::info!(service = name, "stopped");
    }
    result
}

async fn run_until_hard<E: Into<BoxError>>(
    shutdown: &Shutdown,
    served: impl Future<Output = Result<(), E>>,
) -> Result<(), ProgramError> {
    let served = async {
        let result = served
            .await
            .map_err(|error| ProgramError::Service(error.into()));
        // Also after an error: tasks of the service may hold leases that they hand back.
        let finished = shutdown.finish().await;
        let cut = !finished || shutdown.hard().is_cancelled();
        result.and(if cut {
            Err(ProgramError::StoppedHard)
        } else {
            Ok(())
        })
    };
    tokio::select! {
        biased;
        result = served => result,
        () = shutdown.hard().cancelled() => Err(ProgramError::StoppedHard),
    }
}

/// `program --flag` means `program serve --flag`.
fn with_default_subcommand(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let first = arguments.get(1).and_then(|first| first.to_str());
    let is_for_the_program = |first: &str| {
        !first.starts_with('-') || matches!(first, "-h" | "--help" | "-V" | "--version")
    };
    if !first.is_some_and(is_for_the_program) {
        let position = arguments.len().min(1);
        arguments.insert(position, OsString::from("serve"));
    }
    arguments
}

/// Help shows names and defaults, never what the environment holds: that may be a secret.
fn hide_values(command: Command) -> Command {
    command.mut_args(|argument| argument.hide_env_values(true))
}

#[cfg(test)]
mod tests;
