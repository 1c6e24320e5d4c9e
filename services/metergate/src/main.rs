//! The operator's binary.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use metergate::api_keys::ApiKeys;
use metergate::audit::Audit;
use metergate::customers::Customers;
use metergate::doctor::Doctor;
use metergate::erase::Erase;
use metergate::export::Export;
use metergate::files::{Convert, Inspect};
use metergate::healthcheck::Healthcheck;
use metergate::jobs::Jobs;
use metergate::migrate::Migrate;
use metergate::permissions::Permissions;
use metergate::retention::Retention;
use metergate::rotate_keys::RotateKeys;
use metergate::serve::Serve;
use service_kit::config::check_environment;
use service_kit::program::exit_code;

/// Metergate: a gateway for household energy data.
#[derive(Parser)]
#[command(name = "metergate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Box<Serve>),
    Migrate(Migrate),
    Healthcheck(Healthcheck),
    Doctor(Box<Doctor>),
    Jobs(Jobs),
    Customers(Customers),
    Permissions(Permissions),
    Erase(Erase),
    Export(Export),
    Retention(Box<Retention>),
    Audit(Audit),
    ApiKeys(ApiKeys),
    RotateKeys(RotateKeys),
    Inspect(Inspect),
    Convert(Convert),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = check_environment(&Cli::command()) {
        return report(Err(error));
    }
    let mut out = io::stdout().lock();
    match cli.command {
        Command::Serve(serve) => {
            // Services log; nobody holds the output.
            drop(out);
            exit_code("metergate", serve.run())
        }
        Command::Migrate(migrate) => report(migrate.run()),
        Command::Healthcheck(healthcheck) => report(healthcheck.run()),
        Command::Doctor(doctor) => report(doctor.run(&mut out)),
        Command::Jobs(jobs) => report(jobs.run(&mut out)),
        Command::Customers(customers) => report(customers.run(&mut out)),
        Command::Permissions(permissions) => report(permissions.run(&mut out)),
        Command::Erase(erase) => report(erase.run(&mut out)),
        Command::Export(export) => report(export.run(&mut out)),
        Command::Retention(retention) => report(retention.run(&mut out)),
        Command::Audit(audit) => report(audit.run(&mut out)),
        Command::ApiKeys(keys) => report(keys.run(&mut out)),
        Command::RotateKeys(keys) => report(keys.run(&mut out)),
        Command::Inspect(inspect) => report(inspect.run(&mut out)),
        Command::Convert(convert) => report(convert.run(&mut out)),
    }
}

fn report<E: std::error::Error + 'static>(done: Result<(), E>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when even this cannot be written.
            let _ = writeln!(
                io::stderr(),
                "metergate: {}",
                service_kit::config::chain(&error)
            );
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
