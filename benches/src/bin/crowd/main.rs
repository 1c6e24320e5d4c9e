//! A crowd beside a handful: the same questions to two whole installations, one with ten customers and ten
//! permissions, the other with 10,000 of each and 500 homes connected.
//!
//! `crowd [ROUNDS]` (default 60) starts both on this machine, nginx in front, fills their databases, has homes move in
//! (each sends every ten seconds), and asks both by turns. Timed is from sending to the whole answer: what people
//! and the eligible party ask over HTTPS through nginx, a handshake from the code to the credentials, and the
//! operator's listings as commands. Told beside it: how much memory each service has come to hold.
//!
//! Goal: with the crowd, the middle one of each question's times is at most 1.25 of what it is with the handful, or
//! 2 ms more, whichever is more. Exits with 1 when it is missed.

mod fill;
mod homes;
mod questions;

use std::process::ExitCode;

use benches::numbers::{median, percentile};
use benches::{Answer, argument, measure};
use demo::{Stack, StackOptions};
use tempfile::TempDir;

use homes::Homes;
use questions::{Asker, QUESTIONS};

/// Customers, and as many permissions.
const HANDFUL: i32 = 10;
const CROWD: i32 = 10_000;
/// Homes that are connected.
const FEW_HOMES: u16 = 10;
const MANY_HOMES: u16 = 500;
/// Rounds that do not count.
const WARM_UP: usize = 3;
const RATIO_GOAL: f64 = 1.25;
/// Milliseconds that count as no difference.
const SLACK: f64 = 2.0;

fn main() -> ExitCode {
    measure("crowd", compare())
}

async fn compare() -> Answer<bool> {
    let rounds = argument(60)?;
    let few = Installation::start(HANDFUL, FEW_HOMES).await?;
    let many = Installation::start(CROWD, MANY_HOMES).await?;
    let mut met = true;
    println!(
        "{HANDFUL} customers, {HANDFUL} permissions, {FEW_HOMES} homes beside {CROWD}, {CROWD} and {MANY_HOMES}; {rounds} rounds"
    );
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "ms", "p50 few", "p50 many", "p99 few", "p99 many", "ratio"
    );
    for (name, question) in QUESTIONS {
        let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
        for round in 0..WARM_UP + rounds {
            let times = (
                few.asker.ask(question, round).await?,
                many.asker.ask(question, round).await?,
            );
            if round >= WARM_UP {
                with_few.push(times.0);
                with_many.push(times.1);
            }
        }
        let (low, high) = (median(&with_few), median(&with_many));
        let good = high <= (low * RATIO_GOAL).max(low + SLACK);
        met &= good;
        println!(
            "{name:<34} {low:>9.1} {high:>9.1} {:>9.1} {:>9.1} {:>7.2}{}",
            percentile(&with_few, 99),
            percentile(&with_many, 99),
            high / low,
            if good { "" } else { " MISSED" }
        );
    }
    println!("{:<34} {:>9} {:>9}", "resident MB", "few", "many");
    let (with_few, with_many) = (few.memory()?, many.memory()?);
    for ((name, low), (_, high)) in with_few.into_iter().zip(with_many) {
        println!("{name:<34} {low:>9.1} {high:>9.1}");
    }
    few.homes.check()?;
    many.homes.check()?;
    Ok(met)
}

/// A whole installation with its homes and whoever asks it.
struct Installation {
    asker: Asker,
    homes: Homes,
    stack: Stack,
    _folder: TempDir,
}

impl Installation {
    async fn start(people: i32, homes: u16) -> Answer<Self> {
        let folder = tempfile::tempdir()?;
        let data_needs = folder.path().join("needs.json");
        std::fs::write(&data_needs, homes::data_needs())?;
        // The limits of nginx are for strangers, and everything here comes from one address.
        let rates = ["NGINX_RATE", "NGINX_AIIDA_RATE", "NGINX_AIIDA_REQUEST_RATE"];
        let options = StackOptions {
            fast: true,
            nginx: rates
                .map(|rate| (rate.to_owned(), "10000r/s".to_owned()))
                .to_vec(),
            services: vec![(
                "METERGATE_AIIDA_DATA_NEEDS".to_owned(),
                data_needs.display().to_string(),
            )],
            ..StackOptions::default()
        };
        let stack = Stack::start(folder.path(), &options).await?;
        fill::fill(&stack.database_url(), people).await?;
        let homes = Homes::move_in(stack.site(), homes).await?;
        let asker = Asker::new(&stack, people)?;
        Ok(Self {
            asker,
            homes,
            stack,
            _folder: folder,
        })
    }

    /// Megabytes that each service holds.
    fn memory(&self) -> Answer<Vec<(&'static str, f64)>> {
        let services = self.stack.processes().into_iter();
        services
            .map(|(name, id)| Ok((name, benches::memory::of(id)?.resident)))
            .collect()
    }
}
