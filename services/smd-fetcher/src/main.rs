//! Pulls usage and ends authorizations.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new("smd-fetcher", "Pulls usage and ends authorizations")
        .run(smd_fetcher::Config::check, smd_fetcher::run)
}
