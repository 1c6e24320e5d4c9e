//! The program: codes on standard input, one JSON line per change, an end on a signal.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use home::Generation;
use serde_json::Value;

use crate::harness::{PERMISSION, Stage, command, outbound};

/// Ends the program even when the test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(arguments: &[&str], input: &str) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_home"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    Running(child)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_plays_a_home_until_the_other_side_ends_it() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
    let code = format!("{}\n", stage.code(Generation::June2026));
    let mut running = start(&["--generation", "2026-06-02", "-"], &code);
    stage
        .observer
        .wait("data/outbound/smart-meter-p1-raw", 2)
        .await;
    let end = command("TERMINATE", &serde_json::json!({}));
    stage.observer.say("command/TERMINATE", end, true).await;
    let output = BufReader::new(running.0.stdout.take().unwrap());
    let lines = tokio::task::spawn_blocking(move || -> Vec<Value> {
        let lines = output.lines();
        lines
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .collect()
    });
    let lines = tokio::time::timeout(crate::harness::LIMIT, lines)
        .await
        .unwrap()
        .unwrap();
    assert!(running.0.wait().unwrap().success());
    let last = lines.last().unwrap();
    assert_eq!(last["status"], "EXTERNALLY_TERMINATED");
    assert_eq!(last["permission_id"], PERMISSION);
    assert_eq!(last["generation"], "2026-06-02");
    assert!(
        lines
            .iter()
            .any(|line| line["status"] == "STREAMING" && line["connected"] == true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_ends_on_a_signal_and_refuses_nonsense() {
    let stage = Stage::set(outbound(&["SMART-METER-P1-RAW"])).await;
    let mut running = start(&[], &stage.code(Generation::June2026));
    stage
        .observer
        .wait("data/outbound/smart-meter-p1-raw", 1)
        .await;
    let id = running.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let output = BufReader::new(running.0.stdout.take().unwrap());
    let last = output.lines().last().unwrap().unwrap();
    assert!(running.0.wait().unwrap().success());
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["connected"], false);
    assert_eq!(
        last["status"], "STREAMING",
        "being switched off ends no permission"
    );

    let mut nonsense = start(&[], "bm8gY29kZQ==\n");
    assert_eq!(nonsense.0.wait().unwrap().code(), Some(1));
    let mut nothing = start(&["--homes", "2"], "bm8gY29kZQ==\n");
    assert_eq!(nothing.0.wait().unwrap().code(), Some(2));
}
