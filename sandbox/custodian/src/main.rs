//! The sandbox custodian as a program of its own.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new("custodian", "Stands in for PG&E Share My Data")
        .run(custodian::check, custodian::run)
}
