//! The sandbox home as a program of its own.

fn main() -> std::process::ExitCode {
    home::program::main()
}
