//! `Batch/RetailCustomer`: name, address, account and agreements of a customer, in the mixture of
//! namespaces that PG&E writes there.

use actix_web::HttpResponse;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::access::Consent;
use super::entries::Entries;
use super::{Refusal, stream};
use crate::world::World;

#[derive(Template)]
#[template(path = "customer.xml")]
struct CustomerFeed {
    id: String,
    self_href: String,
    now: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    up: String,
    own: String,
    related: Option<String>,
    content: Part,
}

enum Part {
    Customer { name: String },
    Location { street: String },
    Account { account: String },
    Agreement { agreement: String },
}

/// The feed of one retail customer, who has the same number as the subscription.
pub(super) fn feed(world: &World, id: u64, consent: &Consent) -> Result<HttpResponse, Refusal> {
    let entries = Entries::new(world.resource(""), id, world.now());
    let self_href = world.resource(&format!("Batch/RetailCustomer/{id}"));
    let feed = CustomerFeed {
        id: entries.id(&self_href),
        self_href,
        now: format!("{:.3}", world.now()),
        entries: parts(&entries, id, consent),
    };
    feed.render()
        .map(|text| stream::document(text.into_bytes()))
        .map_err(Refusal::Render)
}

fn parts(entries: &Entries, id: u64, consent: &Consent) -> Vec<Entry> {
    let customer = &consent.customer;
    let customers = format!("RetailCustomer/{id}/Customer");
    let own = format!("{customers}/{}", STANDARD.encode(&customer.account));
    let accounts = format!("{own}/CustomerAccount");
    let account = format!("{accounts}/{}", customer.account);
    let agreements = format!("{account}/CustomerAgreement");
    let entry = |up: &str, own: &str, related: Option<&str>, content| Entry {
        id: entries.id(own),
        up: entries.href(up),
        own: entries.href(own),
        related: related.map(|path| entries.href(path)),
        content,
    };
    let mut list = vec![
        entry(
            &customers,
            &own,
            Some(&accounts),
            Part::Customer {
                name: customer.name.clone(),
            },
        ),
        entry(
            &accounts,
            &account,
            Some(&agreements),
            Part::Account {
                account: customer.account.clone(),
            },
        ),
    ];
    for point in consent.usage_points() {
        let agreement = format!("{agreements}/{}", point.id);
        let locations = format!("{agreement}/ServiceLocation");
        let location = format!("{locations}/{}", STANDARD.encode(&point.id));
        let devices = format!("{location}/EndDevice");
        let (number, street) = (point.id.clone(), customer.street.to_owned());
        list.push(entry(
            &agreements,
            &agreement,
            Some(&locations),
            Part::Agreement { agreement: number },
        ));
        list.push(entry(
            &locations,
            &location,
            Some(&devices),
            Part::Location { street },
        ));
    }
    list
}
