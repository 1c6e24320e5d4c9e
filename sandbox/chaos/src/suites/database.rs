//! Postgres is restarted in each of its ways, crashes, cuts everybody off, has no connection left, and has no room.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use demo::{BoxError, StackOptions};
use serde_json::Value;

use super::mounted::Mounted;
use crate::breaker::Breaker;
use crate::load::Breaking;
use crate::world::Setup;

/// How often each of them.
const ROUNDS: u32 = 5;
/// Work between two faults: messages stored and histories delivered.
const WORK: (i64, i64) = (20, 1);
/// How long an outage lasts, in milliseconds.
const OUTAGE: (u64, u64) = (200, 4_000);
/// Room of a database that is to run out of it.
const ROOM_MIB: u32 = 512;
/// How long the full disk may take to be noticed.
const LIMIT: Duration = Duration::from_mins(1);

/// Where the files are on a small file system, if this user may mount one; otherwise the summary says so.
pub(super) fn plan(folder: &Path) -> (Setup, Box<Breaking>) {
    let mut options = StackOptions::default();
    let mounted = Mounted::small(&folder.join("database"), ROOM_MIB);
    options.cluster_in = mounted.as_ref().ok().map(|it| it.path().to_owned());
    let setup = Setup {
        options,
        ..Setup::default()
    };
    (setup, Box::new(move |breaker| break_it(breaker, mounted)))
}

fn break_it(breaker: &mut Breaker, mounted: Result<Mounted, BoxError>) -> Result<(), BoxError> {
    for _ in 0..ROUNDS {
        for fault in breaker
            .dice
            .shuffled([smart, fast, immediate, cut_off, crowded])
        {
            fault(breaker)?;
            breaker.until_more(WORK.0, WORK.1)?;
        }
    }
    match mounted {
        Ok(mounted) => {
            full(breaker, mounted.path())?;
            breaker.until_more(WORK.0, WORK.1)?;
            breaker.keep(mounted);
        }
        Err(error) => {
            let why = Value::from(error.to_string());
            breaker
                .notes
                .insert("no_room_was_not_tried".to_owned(), why);
        }
    }
    Ok(())
}

/// Nobody new is taken; who is there stays, and is sent away after all.
fn smart(breaker: &mut Breaker) -> Result<(), BoxError> {
    breaker.stack.cluster.stop_taking_clients();
    breaker.pause(OUTAGE.0, OUTAGE.1);
    breaker.stack.cluster.restart()?;
    breaker.did("smart restarts");
    Ok(())
}

fn fast(breaker: &mut Breaker) -> Result<(), BoxError> {
    breaker.stack.cluster.stop()?;
    breaker.pause(OUTAGE.0, OUTAGE.1);
    breaker.stack.cluster.start_again()?;
    breaker.did("fast restarts");
    Ok(())
}

fn immediate(breaker: &mut Breaker) -> Result<(), BoxError> {
    breaker.stack.cluster.crash()?;
    breaker.pause(OUTAGE.0, OUTAGE.1);
    breaker.stack.cluster.start_again()?;
    breaker.did("immediate restarts");
    Ok(())
}

fn cut_off(breaker: &mut Breaker) -> Result<(), BoxError> {
    for _ in 0..3 {
        breaker.wait(breaker.stack.terminate_backends())?;
        breaker.did("backends terminated");
        breaker.pause(100, 800);
    }
    Ok(())
}

/// Every connection that is left is taken, everybody is cut off, and what that frees is taken as well.
fn crowded(breaker: &mut Breaker) -> Result<(), BoxError> {
    let taken = breaker.wait(breaker.stack.occupy_connections())?;
    breaker
        .claims
        .note("every connection was taken", taken.len() > 50, taken.len());
    breaker.pause(OUTAGE.0, OUTAGE.1);
    drop(taken);
    breaker.did("connections exhausted");
    Ok(())
}

/// The disk is filled until Postgres says so, and emptied again; a Postgres that has ended is started.
fn full(breaker: &mut Breaker, disk: &Path) -> Result<(), BoxError> {
    let ballast = disk.join("ballast");
    fill(&ballast)?;
    let started = Instant::now();
    // Somebody must want room: the load does, and so does this.
    let grow =
        "CREATE TABLE public.grown AS SELECT repeat('x', 2000) AS x FROM generate_series(1, 20000)";
    let mut noticed = false;
    while !noticed && started.elapsed() < LIMIT {
        let said = breaker
            .sql(grow)
            .err()
            .map(|error| service_kit::config::chain(&*error));
        noticed = said.is_some_and(|said| said.contains("No space left"))
            || breaker.stack.cluster.log().contains("No space left");
        breaker.pause(100, 300);
    }
    breaker
        .claims
        .note("Postgres had no room", noticed, breaker.stack.cluster.log());
    breaker.pause(2_000, 6_000);
    fs::remove_file(ballast)?;
    if !breaker.stack.cluster.is_running() {
        breaker.did("Postgres ended by a full disk");
        // What is left of it must be waited for.
        breaker.stack.cluster.crash()?;
    }
    breaker.stack.cluster.start_again()?;
    breaker.until("SELECT true")?;
    breaker.sql("DROP TABLE IF EXISTS public.grown")?;
    breaker.did("database's disk full");
    Ok(())
}

/// Takes all the room that is left.
fn fill(path: &PathBuf) -> Result<(), BoxError> {
    let mut file = File::create(path)?;
    let block = vec![0; 64 * 1024];
    while file.write_all(&block).is_ok() {}
    sleep(Duration::from_millis(10));
    Ok(())
}
