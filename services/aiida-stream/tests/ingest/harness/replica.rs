//! Replicas of the service: in this process, or as programs that can be killed.

use std::process::Command;

use aiida_stream::Config;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};
use service_kit::clock::SharedClock;
use service_kit::health::{InternalConfig, InternalServer};
use service_kit::program::Context;
use test_support::process::Process;
use test_support::{binary, ports, wait};
use tokio::task::JoinHandle;

use super::DEADLINE;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

/// A replica in this process. Dropping it ends it as a crash would, except that its connections are closed.
pub(crate) struct Replica {
    context: Context,
    running: JoinHandle<()>,
    internal: InternalServer,
}

impl Replica {
    pub(super) fn start(arguments: &[String], clock: SharedClock) -> Self {
        let matches = Cli::command().try_get_matches_from(arguments).unwrap();
        let config = Cli::from_arg_matches(&matches).unwrap().config;
        let context = Context {
            clock,
            ..Context::new()
        };
        let internal = service_kit::health::serve(
            &InternalConfig {
                internal_address: ([127, 0, 0, 1], 0).into(),
            },
            context.checks.clone(),
            service_kit::metrics::install().unwrap(),
            &context.shutdown,
        )
        .unwrap();
        let own = context.clone();
        let running = tokio::spawn(async move {
            if let Err(error) = aiida_stream::run(config, own).await {
                panic!("{}", service_kit::config::chain(&error));
            }
        });
        Self {
            context,
            running,
            internal,
        }
    }

    pub(crate) async fn ready(&self) {
        wait::until(DEADLINE, "the replica to be ready", async || {
            assert!(!self.running.is_finished(), "the replica ended");
            self.is_ready().await.then_some(())
        })
        .await;
    }

    pub(crate) async fn is_ready(&self) -> bool {
        get(self.internal.address().port(), "/readyz").await.0 == 200
    }

    pub(crate) async fn not_ready(&self) {
        wait::until(
            DEADLINE,
            "the replica to say that it is not ready",
            async || (!self.is_ready().await).then_some(()),
        )
        .await;
    }

    /// Ends it the way SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.context.shutdown.begin_soft();
        tokio::time::timeout(DEADLINE, &mut self.running)
            .await
            .unwrap()
            .unwrap();
    }

    /// Ends it at once.
    pub(crate) async fn cut(mut self) {
        self.context.shutdown.begin_hard();
        self.running.abort();
        // Cancelled is what it is meant to be.
        let _cancelled = (&mut self.running).await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.context.shutdown.begin_hard();
        self.running.abort();
    }
}

/// A replica as a program.
pub(crate) struct Child {
    process: Process,
    internal: u16,
}

impl Child {
    pub(super) async fn start(arguments: &[String]) -> Self {
        // The arguments were checked in this process first: the program's own complaint is far away.
        Cli::try_parse_from(arguments).map(|_| ()).unwrap();
        let internal = ports::free();
        let mut command = Command::new(binary::path("aiida-stream").unwrap());
        command.args(&arguments[1..]);
        command.args(["--internal-address", &format!("127.0.0.1:{internal}")]);
        let mut child = Self {
            process: Process::spawn("aiida-stream", command).unwrap(),
            internal,
        };
        wait::until(DEADLINE, "the program to be ready", async || {
            let running = child.process.is_running().unwrap();
            assert!(running, "{}", child.process.output());
            (get(internal, "/readyz").await.0 == 200).then_some(())
        })
        .await;
        child
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait(DEADLINE).unwrap();
    }

    /// SIGTERM, and its end.
    pub(crate) fn terminate(&mut self) {
        self.process.terminate().unwrap();
        let status = self.process.wait(DEADLINE).unwrap();
        assert!(status.success(), "{}", self.process.output());
    }

    /// The sum of a metric over its labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (_, text) = get(self.internal, "/metrics").await;
        text.lines()
            .filter(|line| line.starts_with(name) && !line.starts_with(&format!("{name}_")))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    pub(crate) fn output(&self) -> String {
        self.process.output()
    }

    /// Waits until it has said something so many times.
    pub(crate) async fn says(&self, what: &str, times: usize) {
        wait::until(DEADLINE, what, async || {
            (self.output().matches(what).count() >= times).then_some(())
        })
        .await;
    }
}

async fn get(port: u16, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await else {
        return (0, String::new());
    };
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (code.unwrap_or(0), body.to_owned())
}
