//! The smallest service that the kit can run: it greets. The kit's own tests run it as a process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use async_trait::async_trait;
use service_kit::health::Readiness;
use service_kit::http::{HttpError, PublicServer};
use service_kit::program::{Context, Program};

/// What the greeter is configured with.
#[derive(Debug, clap::Args)]
struct Config {
    /// Where it listens.
    #[arg(long, env = "METERGATE_GREETER_ADDRESS")]
    greeter_address: SocketAddr,

    /// It is ready as long as this file exists.
    #[arg(long, env = "METERGATE_GREETER_FILE")]
    greeter_file: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("METERGATE_GREETER_FILE is not an absolute path: write it in full")]
struct NotAbsolute;

impl Config {
    fn check(&self) -> Result<(), NotAbsolute> {
        if self.greeter_file.is_absolute() {
            Ok(())
        } else {
            Err(NotAbsolute)
        }
    }
}

struct FileExists(PathBuf);

#[async_trait]
impl Readiness for FileExists {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn check(&self) -> Result<(), String> {
        if self.0.exists() {
            Ok(())
        } else {
            Err("the file is gone: put it back".to_owned())
        }
    }
}

async fn run(config: Config, context: Context) -> Result<(), HttpError> {
    let server = PublicServer::bind(config.greeter_address)?;
    context.checks.add(FileExists(config.greeter_file));
    context.checks.complete();
    server
        .run(&context.shutdown, |app| {
            app.route(
                "/greet/{name}",
                actix_web::web::get().to(|| async { "hello" }),
            );
            app.route(
                "/stuck",
                actix_web::web::get().to(std::future::pending::<String>),
            );
            app.route("/panic", actix_web::web::get().to(panicking));
        })
        .await
}

#[expect(clippy::panic, reason = "tests look at what the log says about it")]
async fn panicking() -> String {
    tokio::task::yield_now().await;
    panic!("the message quotes Casey Fictional")
}

fn main() -> ExitCode {
    Program::new("greeter", "Greets").run(Config::check, run)
}
