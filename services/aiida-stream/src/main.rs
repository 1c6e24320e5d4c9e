//! The MQTT side of the eligible party.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new(
        "aiida-stream",
        "Takes the data of AIIDA homes in, and sends them commands",
    )
    .run(aiida_stream::Config::check, aiida_stream::run)
}
