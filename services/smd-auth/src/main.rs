//! Browser side of Share My Data.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new("smd-auth", "Browser side of Share My Data")
        .run(smd_auth::Config::check, smd_auth::run)
}
