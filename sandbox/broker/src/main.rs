//! The sandbox broker as a program of its own.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new("sandbox-broker", "MQTT broker for one machine")
        .run(sandbox_broker::check, sandbox_broker::run)
}
