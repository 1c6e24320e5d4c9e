//! Who breaks things: it has the stack to itself, on a thread of its own, while the load goes on.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use demo::{BoxError, Claims, Stack};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::dice::Dice;
use crate::suites::Mounted;

/// How long a condition may take to come true.
const LIMIT: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(50);

/// Has the stack, and says what it did.
pub(crate) struct Breaker {
    pub(crate) stack: Stack,
    pub(crate) dice: Dice,
    /// What was done, by name.
    pub(crate) done: BTreeMap<String, u64>,
    /// What it saw that must hold.
    pub(crate) claims: Claims,
    /// Further members of the summary.
    pub(crate) notes: BTreeMap<String, Value>,
    /// When a service was killed for the first time.
    pub(crate) killed: Option<Instant>,
    runtime: Handle,
    /// What the stack needs until it ends. After it, so that it is dropped after it.
    kept: Vec<Mounted>,
}

impl Breaker {
    pub(crate) fn new(stack: Stack, dice: Dice) -> Self {
        Self {
            stack,
            dice,
            done: BTreeMap::new(),
            claims: Claims::default(),
            notes: BTreeMap::new(),
            killed: None,
            runtime: Handle::current(),
            kept: Vec::new(),
        }
    }

    /// Keeps a file system mounted until the stack has ended.
    pub(crate) fn keep(&mut self, mounted: Mounted) {
        self.kept.push(mounted);
    }

    /// Counts something that was done.
    pub(crate) fn did(&mut self, what: &str) {
        *self.done.entry(what.to_owned()).or_default() += 1;
    }

    /// Waits for something asynchronous; this thread is no worker of the runtime.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Lets a random time pass: the moment is what is random about a failure.
    pub(crate) fn pause(&self, from_ms: u64, to_ms: u64) {
        std::thread::sleep(self.dice.milliseconds(from_ms, to_ms));
    }

    /// Kills one replica of a service with −9, the oldest.
    pub(crate) fn kill(&mut self, service: &str) -> Result<(), BoxError> {
        self.killed.get_or_insert_with(Instant::now);
        self.stack.kill_one(service)?;
        self.did(service);
        Ok(())
    }

    /// Runs a statement in the database.
    pub(crate) fn sql(&self, statement: &str) -> Result<(), BoxError> {
        Ok(self.wait(self.stack.sql(statement))?)
    }

    /// The one number that a query answers.
    pub(crate) fn number(&self, query: &str) -> Result<i64, BoxError> {
        Ok(self.wait(self.stack.number(query))?)
    }

    /// Waits until a condition is true in the database, which may be away meanwhile.
    pub(crate) fn until(&self, condition: &str) -> Result<(), BoxError> {
        let started = Instant::now();
        while !matches!(self.wait(self.stack.holds(condition)), Ok(true)) {
            if started.elapsed() > LIMIT {
                return Err(format!("not within {LIMIT:?}: {condition}").into());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Waits until the system works: so many messages more are stored, and so many authorizations more delivered.
    pub(crate) fn until_more(&self, messages: i64, delivered: i64) -> Result<(), BoxError> {
        self.until("SELECT true")?;
        let stored = "SELECT count(*) FROM aiida.message";
        let exported = "SELECT count(*) FROM smd.authorization WHERE exported_at IS NOT NULL";
        let (before, exports) = (self.number(stored)?, self.number(exported)?);
        let (messages, exports) = (before + messages, exports + delivered);
        self.until(&format!(
            "SELECT ({stored}) >= {messages} AND ({exported}) >= {exports}"
        ))
    }
}
