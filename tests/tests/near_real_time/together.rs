//! All six services in one process.

use demo::{Side, StackOptions};
use home::Generation;

use end_to_end::houses::{RAW, start_with};

#[tokio::test(flavor = "multi_thread")]
async fn one_process_serves_a_home_from_scan_to_end() {
    let world = start_with(StackOptions {
        together: true,
        side: Side::Both,
        ..StackOptions::default()
    })
    .await;
    let house = world.house(Generation::June2026, RAW).await;
    let id = house.permission;
    let enough = format!("SELECT count(*) >= 3 FROM aiida.message WHERE permission_id = '{id}'");
    world.until(&enough).await;
    world.settle(&house).await;
    house.home.revoke(id).await.unwrap();
    world.until_status(id, "REVOKED").await;
    world.assert_shut_out(&house).await;
    world.assert_history(id, &["REVOKED"]).await;
    assert!(world.assert_stored(&house).await >= 3);
    assert_eq!(world.stack.logs_of("metergate").len(), 1);
    world.assert_quiet([&house]).await;
    house.home.stop().await;
}
