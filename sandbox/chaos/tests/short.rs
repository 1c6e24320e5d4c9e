//! The short form of `kills` and `replicas`, one after the other: the long one is `./run chaos`.

use chaos::Options;
use clap::Parser as _;

/// Everything is killed three times, then every replica is replaced once.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_or_replaced_the_books_balance() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let arguments = [
        "chaos", "kills", "replicas", "--kills", "3", "--rounds", "1", "--homes", "3", "--folder",
        folder,
    ];
    // METERGATE_CHAOS_SEED is an option's variable.
    let options = Options::try_parse_from(arguments).unwrap();
    let summaries = chaos::run(&options, &|line| println!("{line}")).await;
    for summary in &summaries {
        println!("{}", summary.line());
        assert!(
            summary.holds(),
            "seed {}: {:#?}",
            summary.seed,
            summary.failed
        );
    }
    let kills = summaries[0].done.values().sum::<u64>();
    let services = u64::try_from(demo::SERVICES.len()).unwrap();
    assert_eq!(kills, 3 * services, "three of each service");
}
