//! Customers whose history is on its way while something is done.

use demo::{Customer, Stack, check};
use end_to_end::houses::{DEADLINE, World};

/// Three months in windows of a week, asked for three times a second: time to do something.
pub(crate) const SLOWLY: &[(&str, &str)] = &[
    ("HISTORY_MONTHS", "3"),
    ("HISTORY_WINDOW_DAYS", "7"),
    ("SMD_REQUEST_SPACING_MS", "300"),
    ("AIIDA_BCRYPT_COST", "4"),
];
const MONTHS: i32 = 3;

/// A customer authorizes and lands on the progress page.
pub(crate) async fn authorize(stack: &Stack, key: &str) -> Customer {
    let mut customer = Customer::new(stack.site(), key).await.unwrap();
    customer.authorize(stack.site()).await.unwrap();
    customer
}

/// Waits until so many windows are in.
pub(crate) async fn until_received(world: &World, windows: u32) {
    let received = format!("SELECT count(received_at) >= {windows} FROM smd.pull");
    world.until(&received).await;
}

/// Every interval of the promised months is delivered once, with the custodian's sums, and the authorization is ended.
pub(crate) async fn assert_delivered(world: &World, customer: &mut Customer) {
    let site = world.stack.site();
    let limit = DEADLINE;
    let end = match customer.wait(limit, |_| {}).await {
        Ok(text) => text,
        Err(error) => panic!("{error}\n{}", world.stack.logs()),
    };
    assert!(
        end.contains("was delivered"),
        "{end}\n{}",
        world.stack.logs()
    );
    let key = &customer.known.key;
    let report = site.authorization_of(key).await.unwrap();
    let id = report.id.to_string();
    let files = site
        .download_where(|name| name.contains(&id))
        .await
        .unwrap();
    let totals = check::totals(&files).unwrap();
    let owed = world.stack.owed_days(report.id, MONTHS).await.unwrap();
    check::compare(site, key, owed, &totals).await.unwrap();
    assert_eq!((report.status, report.live_tokens), (0, 0), "{key}");
}
