//! Everything in one process, and the columns of the model application alone.

use demo::{Side, StackOptions};

use crate::{fast, start};

#[tokio::test(flavor = "multi_thread")]
async fn one_process_delivers_the_model_applications_columns() {
    let options = StackOptions {
        together: true,
        side: Side::Both,
        ..fast()
    };
    let world = start(
        options,
        &[],
        &[("HISTORY_MONTHS", "1"), ("CSV_COLUMNS", "model")],
    )
    .await;
    let mut customer = world.customer("awkward").await;
    let end = world.end_of(&mut customer).await;
    assert!(end.contains("was delivered"), "{end}");
    let (files, _) = world.assert_delivered(&customer, 1).await;
    let electricity = files
        .iter()
        .find(|file| file.name.ends_with("-electricity.csv"))
        .unwrap();
    let text = String::from_utf8_lossy(&electricity.bytes);
    assert_eq!(
        text.lines().next(),
        Some("SA_UUID,Interval Timestamp,Delivered From Grid Value (Wh),Back To Grid Value (Wh)")
    );
}
