//! Writes the download folder.

fn main() -> std::process::ExitCode {
    service_kit::program::Program::new("csv-exporter", "Writes the download folder")
        .run(csv_exporter::Config::check, csv_exporter::run)
}
