//! Homes that do not behave: every fault that the sandbox home knows at every step of a permission's life, against a
//! running system with homes that do behave beside them. `table` says what must come of each; `case` plays one;
//! `outcome` holds all of them against the database; `invariants` must hold for every permission, whatever happened.
//!
//! The short form plays each pair once, the generations of homes taking turns. The long one (`./run chaos
//! house-faults`) plays each with every generation, and lets a home flood the stream.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a wrong assumption is to end the test"
)]

mod case;
mod expect;
mod flood;
mod invariants;
mod outcome;
mod table;

use std::time::{Duration, Instant};

use demo::{Side, StackOptions};
use end_to_end::houses::{EVERYTHING, FOR_2025, House, World, named, start_with};
use futures_util::StreamExt as _;
use home::{Fault, Generation, Misdeed, Step, Victim};

use case::Case;
use table::{Row, row};

/// Homes that scan at the same time: about as many as arrive at once at a busy hour.
const AT_ONCE: usize = 24;

#[test]
fn every_fault_at_every_step_is_in_the_table() {
    let (mut played, mut impossible) = (0, 0);
    for step in Step::ALL {
        for fault in Fault::ALL {
            match row(step, fault) {
                Some(Row::Plays(_)) => played += 1,
                Some(Row::Impossible(reason)) => {
                    assert!(reason.len() > 10, "{step:?} {fault:?} needs a reason");
                    impossible += 1;
                }
                None => panic!("{} is not in the table", Misdeed { step, fault }),
            }
        }
    }
    println!("{played} pairs are played, {impossible} are impossible");
    assert_eq!(played + impossible, Step::ALL.len() * Fault::ALL.len());
    assert!(played > 200, "{played} pairs are too few to be all");
}

#[tokio::test(flavor = "multi_thread")]
async fn homes_do_everything_wrong() {
    // Each pair once: with the generation whose turn it is.
    let chosen = |number: usize, generation: Generation| Generation::ALL[number % 3] == generation;
    play(chosen).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: ./run chaos house-faults"]
async fn homes_of_every_generation_do_everything_wrong() {
    play(|_, _| true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: ./run chaos house-faults"]
async fn a_home_that_floods_the_stream_starves_nobody() {
    flood::play().await;
}

/// Plays every case that is chosen, and looks at everything afterwards.
async fn play(chosen: impl Fn(usize, Generation) -> bool) {
    let world = start().await;
    let neighbours = neighbours(&world).await;
    let victim = victim(&neighbours[0]);
    let cases = case::all(chosen);
    let began = Instant::now();
    let played: Vec<Case> = futures_util::stream::iter(cases)
        .map(|case| case.play(&world, victim.clone()))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    eprintln!("{} cases played in {:?}", played.len(), began.elapsed());
    outcome::check(&world, &played).await;
    eprintln!("all as expected after {:?}", began.elapsed());
    for house in &neighbours {
        world.settle(house).await;
        world.assert_stored(house).await;
        world.assert_history(house.permission, &[]).await;
        world.assert_let_in(house).await;
        assert_eq!(
            (house.report().connects, house.report().publish_refused),
            (1, 0)
        );
    }
    invariants::time_passes(&world, &played).await;
    invariants::check(&world, &played).await;
    let some = played
        .iter()
        .step_by(played.len().div_ceil(20))
        .map(|case| &case.house);
    world.assert_quiet(some.chain(&neighbours)).await;
    eprintln!("all looked at after {:?}", began.elapsed());
    for house in &neighbours {
        house.home.stop().await;
    }
}

/// Everything under one roof: hashes are quick, and so is whoever takes over.
async fn start() -> World {
    start_with(StackOptions {
        side: Side::NearRealTime,
        services: named(&[("AIIDA_BCRYPT_COST", "4"), ("LOG", "info")]),
        nginx: ["NGINX_RATE", "NGINX_AIIDA_RATE", "NGINX_AIIDA_REQUEST_RATE"]
            .map(|rate| (rate.to_owned(), "500r/s".to_owned()))
            .into(),
        ..StackOptions::default()
    })
    .await
}

/// Homes that do everything right, every second.
async fn neighbours(world: &World) -> Vec<House> {
    let mut neighbours = Vec::new();
    for generation in Generation::ALL.into_iter().rev() {
        let need = if generation == Generation::November2025 {
            FOR_2025
        } else {
            EVERYTHING
        };
        neighbours.push(world.house(generation, need).await);
    }
    neighbours
}

fn victim(house: &House) -> Victim {
    Victim {
        permission: house.permission,
        connection: house.connection.clone(),
        data_need: EVERYTHING.parse().unwrap(),
        token: Some(house.token()),
    }
}

/// How long everything may take to come right.
const SETTLING: Duration = Duration::from_secs(45);
