//! Keeps what the broker reads, and disconnects whose time is over.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new(
        "mqtt-iam",
        "Lets homes in at the broker, and shuts them out",
    )
    .run(mqtt_iam::Config::check, mqtt_iam::run)
}
