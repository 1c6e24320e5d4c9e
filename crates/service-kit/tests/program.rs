//! Runs the example service as a process: signals, exit codes, the internal port, log lines.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn greeter() -> Command {
    // Cargo builds examples next to the tests of their package.
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples/greeter");
    let mut command = Command::new(path);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

struct Greeter {
    child: Child,
    log: BufReader<ChildStderr>,
    public: String,
    internal: String,
    folder: tempfile::TempDir,
}

impl Greeter {
    fn start(extra: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ready");
        std::fs::write(&file, "").unwrap();
        let mut child = greeter()
            .env("METERGATE_GREETER_ADDRESS", "127.0.0.1:0")
            .env("METERGATE_GREETER_FILE", &file)
            .env("METERGATE_INTERNAL_ADDRESS", "127.0.0.1:0")
            .env("METERGATE_LOG_FORMAT", "json")
            .envs(extra.iter().copied())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (public, internal) = (String::new(), String::new());
        let mut greeter = Self {
            child,
            log,
            public,
            internal,
            folder,
        };
        greeter.internal = greeter.address("started", "internal");
        greeter.public = greeter.address("listening", "address");
        greeter
    }

    fn address(&mut self, message: &str, field: &str) -> String {
        let line = self
            .wait_for_log(&format!(r#""message":"{message}""#))
            .pop()
            .unwrap();
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        line.get(field).unwrap().as_str().unwrap().to_owned()
    }

    /// Reads log lines up to one that contains `text`; returns all of them.
    fn wait_for_log(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).unwrap();
            assert!(read > 0, "the log ended before {text:?}: {lines:#?}");
            let found = line.contains(text);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < LIMIT, "the process did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn healthcheck(&self) -> Output {
        let mut command = greeter();
        command
            .arg("healthcheck")
            .env("METERGATE_INTERNAL_ADDRESS", &self.internal);
        command.output().unwrap()
    }
}

impl Drop for Greeter {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn send(address: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    stream
}

fn get(address: &str, path: &str) -> (u16, String) {
    let mut answer = String::new();
    send(address, path).read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_service_starts_is_ready_answers_counts_and_stops() {
    let mut greeter = Greeter::start(&[]);
    assert_eq!(
        get(&greeter.public, "/greet/casey-fictional?code=secret"),
        (200, "hello".to_owned())
    );
    assert_eq!(get(&greeter.public, "/nowhere").0, 404);
    assert_eq!(get(&greeter.internal, "/healthz"), (200, "ok\n".to_owned()));

    let (status, ready) = get(&greeter.internal, "/readyz");
    assert_eq!(
        (status, ready.as_str()),
        (200, r#"{"status":"ready","checks":[{"name":"file"}]}"#)
    );
    assert!(greeter.healthcheck().status.success());

    let (_, metrics) = get(&greeter.internal, "/metrics");
    let counted = r#"http_requests_total{route="/greet/{name}",method="GET",status="200"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(
        metrics.contains(r#"route="unknown",method="GET",status="404""#),
        "{metrics}"
    );
    assert!(metrics.contains("http_request_seconds_bucket"), "{metrics}");
    let memory = metrics
        .lines()
        .find(|line| line.starts_with("process_resident_memory_bytes "));
    let memory: f64 = memory.unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    println!("{memory} bytes resident when idle");
    // An unoptimised build; the goal for a service is 30 MB.
    assert!(memory < 30e6, "{memory} bytes resident when idle");

    std::fs::remove_file(greeter.folder.path().join("ready")).unwrap();
    let (status, ready) = get(&greeter.internal, "/readyz");
    assert_eq!(status, 503);
    assert!(ready.contains("the file is gone: put it back"), "{ready}");
    let unhealthy = greeter.healthcheck();
    assert_eq!(unhealthy.status.code(), Some(1));
    assert!(
        text(&unhealthy.stderr).contains("greeter: not ready: "),
        "{}",
        text(&unhealthy.stderr)
    );

    greeter.signal("-TERM");
    assert_eq!(greeter.wait().code(), Some(0));
    let log = greeter.wait_for_log("\"stopped\"");
    assert!(
        !log.concat().contains("secret") && !log.concat().contains("casey"),
        "{log:#?}"
    );
}

#[test]
fn a_request_under_way_is_finished_or_cut_by_the_second_signal() {
    let mut greeter = Greeter::start(&[]);
    let mut stuck = send(&greeter.public, "/stuck");
    greeter.wait_until_taken();
    greeter.signal("-TERM");
    greeter.wait_for_log("finishing what is under way");
    assert_eq!(get(&greeter.internal, "/readyz").0, 503);
    assert!(
        greeter.child.try_wait().unwrap().is_none(),
        "it waits for the request"
    );
    greeter.signal("-INT");
    assert_eq!(greeter.wait().code(), Some(1));
    greeter.wait_for_log("stopped before everything under way was finished");
    let mut rest = String::new();
    assert!(stuck.read_to_string(&mut rest).is_err() || rest.is_empty());
}

impl Greeter {
    /// Connections are accepted in order and dealt out to the workers in turn, so whatever was
    /// sent before is in the hands of a worker once each of them has answered something later.
    fn wait_until_taken(&self) {
        for _ in 0..4 {
            assert_eq!(get(&self.public, "/greet/x").0, 200);
        }
    }
}

#[test]
fn the_deadline_cuts_what_does_not_finish() {
    let mut greeter = Greeter::start(&[("METERGATE_SHUTDOWN_SECONDS", "1")]);
    let _stuck = send(&greeter.public, "/stuck");
    greeter.wait_until_taken();
    greeter.signal("-TERM");
    assert_eq!(greeter.wait().code(), Some(1));
    greeter.wait_for_log("the time to finish is over");
}

#[test]
fn a_panic_is_logged_without_its_message() {
    let mut greeter = Greeter::start(&[]);
    let mut answer = String::new();
    let _cut = send(&greeter.public, "/panic").read_to_string(&mut answer);
    let log = greeter.wait_for_log("the program panicked").concat();
    assert!(log.contains("greeter.rs:"), "{log}");
    greeter.signal("-TERM");
    greeter.wait();
    let rest = greeter.wait_for_log("\"stopped\"").concat();
    assert!(
        !log.contains("Casey") && !rest.contains("Casey"),
        "{log}{rest}"
    );
}

#[test]
fn configuration_is_checked_before_anything_starts() {
    let check = |variables: &[(&str, &str)]| {
        let output = greeter()
            .arg("check-config")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let address = ("METERGATE_GREETER_ADDRESS", "127.0.0.1:0");
    let good = ("METERGATE_GREETER_FILE", "/nowhere");

    let (code, said) = check(&[address, good]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = check(&[address]);
    assert_eq!(code, 2);
    assert!(said.contains("--greeter-file"), "{said}");
    let (code, said) = check(&[address, ("METERGATE_GREETER_FILE", "relative")]);
    assert_eq!(
        (code, said.trim()),
        (
            2,
            "greeter: METERGATE_GREETER_FILE is not an absolute path: write it in full"
        )
    );
    let (code, said) = check(&[address, good, ("METERGATE_GREETER_ADRESS", "x")]);
    assert_eq!(code, 2);
    assert!(
        said.contains("did you mean METERGATE_GREETER_ADDRESS?"),
        "{said}"
    );
}

#[test]
fn failures_to_start_are_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let output = greeter()
        .env(
            "METERGATE_GREETER_ADDRESS",
            taken.local_addr().unwrap().to_string(),
        )
        .env("METERGATE_GREETER_FILE", "/nowhere")
        .env("METERGATE_INTERNAL_ADDRESS", "127.0.0.1:0")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{log}");
    assert!(
        errors[0].contains("check that no other program does"),
        "{log}"
    );

    let output = greeter()
        .arg("healthcheck")
        .env("METERGATE_INTERNAL_ADDRESS", free_address())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is the service running?"));

    let output = greeter()
        .env("METERGATE_GREETER_ADDRESS", "127.0.0.1:0")
        .env("METERGATE_GREETER_FILE", "/nowhere")
        .env("METERGATE_LOG", "=,=")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("greeter: METERGATE_LOG is not"));
}

#[test]
fn help_shows_no_values() {
    let output = greeter()
        .args(["serve", "--help"])
        .env("METERGATE_GREETER_FILE", "/the/hidden/place")
        .output()
        .unwrap();
    assert!(output.status.success());
    let help = text(&output.stdout);
    assert!(
        help.contains("METERGATE_GREETER_FILE") && !help.contains("hidden"),
        "{help}"
    );
}
