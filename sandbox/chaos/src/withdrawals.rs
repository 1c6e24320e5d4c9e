//! Customers who take their consent back at the custodian while their history is being pulled.

use demo::history::is_of;
use demo::{BoxError, Claims, Customer, Site};

use crate::dice::Dice;
use crate::load::OWED;

/// A customer whose batches are answered later, by notifications.
const CUSTOMER: &str = "later";
/// The longest time, in milliseconds, between arriving at the progress page and taking the consent back.
const CHANGE_OF_MIND: u64 = 2_500;

/// What became of them.
#[derive(Debug, Default)]
pub(crate) struct Withdrawals {
    pub(crate) claims: Claims,
    /// Took it back in time: nothing was delivered.
    pub(crate) withdrawn: u64,
    /// Were too late, or did not want to: it was delivered.
    pub(crate) delivered: u64,
}

/// Authorizes and withdraws, again and again, until it is over.
pub(crate) async fn go_on(site: &Site, dice: &Dice, over: &impl Fn() -> bool) -> Withdrawals {
    let mut all = Withdrawals::default();
    while !over() {
        let change = dice.below(3) > 0;
        let after = dice.milliseconds(0, CHANGE_OF_MIND);
        let walked = async {
            let mut customer = Customer::new(site, CUSTOMER).await?;
            customer.authorize(site).await?;
            if change {
                tokio::time::sleep(after).await;
                site.revoke(CUSTOMER).await?;
            }
            let end = customer.wait(OWED.within, |_| {}).await?;
            let id = site.authorization_of(CUSTOMER).await?.id.to_string();
            let files = site
                .names()
                .await?
                .iter()
                .filter(|name| is_of(name, &id))
                .count();
            Ok::<_, BoxError>((end, files))
        };
        let seen = |(end, files): &(String, usize)| format!("{files} files: {end}");
        let claim = "a customer who may withdraw sees the end of it";
        let Some((end, files)) = all.claims.take(claim, seen, walked.await) else {
            continue;
        };
        if end.contains("was delivered") {
            all.delivered += 1;
            all.claims.note(
                "delivered though it was to be withdrawn: two tables, a readme and a report",
                files == 4,
                files,
            );
        } else {
            all.withdrawn += 1;
            let stopped = change && end.contains("withdrew") && files == 0;
            all.claims
                .note("withdrawn: it is said, and there is no file", stopped, end);
        }
    }
    all
}
