//! Permission facade of AIIDA.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new("aiida-permission", "Permission facade of AIIDA")
        .run(aiida_permission::Config::check, aiida_permission::run)
}
