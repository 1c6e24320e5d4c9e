//! The operator's console and the download page.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new("console", "The operator's console and the download page")
        .run(console::Config::check, console::run)
}
