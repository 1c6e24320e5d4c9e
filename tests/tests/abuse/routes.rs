//! Every route that nginx leads to, and what opens it.

/// What a request must bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Anybody may ask.
    Open,
    /// A key of the eligible party's API.
    Key,
    /// The access token of a code, for its permissions.
    Token,
    /// A ticket in the address: of a customer's progress page.
    CustomersTicket,
    /// Of a household's page.
    HouseholdsTicket,
    /// A password that nginx asks for.
    Password,
}

/// A route: method, address as the service declares it, and its guard.
pub(crate) struct Route(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Guard,
);

use Guard::{CustomersTicket, HouseholdsTicket, Key, Open, Password, Token};

/// All of them.
pub(crate) const ROUTES: &[Route] = &[
    // smd-auth
    Route("GET", "/", Open),
    Route("GET", "/start", Open),
    Route("GET", "/OAuthCallback", Open),
    Route("POST", "/espi/notification", Open),
    Route("GET", "/status/{ticket}", CustomersTicket),
    Route("HEAD", "/status/{ticket}", CustomersTicket),
    Route("GET", "/status/{ticket}/events", CustomersTicket),
    // aiida-permission: connect button and handshake
    Route("POST", "/region-connectors/aiida/permission-request", Open),
    Route(
        "GET",
        "/region-connectors/aiida/permission-request/{permission}",
        Token,
    ),
    Route(
        "PATCH",
        "/region-connectors/aiida/permission-request/{permission}",
        Token,
    ),
    Route(
        "GET",
        "/api/connection-status-messages?permission-id={permission}",
        Token,
    ),
    // Pages
    Route("GET", "/permissions/new", Open),
    Route("POST", "/permissions/new", Open),
    Route("GET", "/permissions/live.js", Open),
    Route("GET", "/permissions/embed.js", Open),
    Route("GET", "/permissions/{ticket}", HouseholdsTicket),
    Route("HEAD", "/permissions/{ticket}", HouseholdsTicket),
    Route("GET", "/permissions/{ticket}/events", HouseholdsTicket),
    Route("POST", "/permissions/{ticket}/again", HouseholdsTicket),
    // The description of the API
    Route("GET", "/api/v1/openapi.json", Open),
    Route("GET", "/api/docs", Open),
    Route("GET", "/api/docs/{file:.*}", Open),
    // The API
    Route("GET", "/api/v1/permissions", Key),
    Route("POST", "/api/v1/permissions", Key),
    Route("GET", "/api/v1/permissions/{id}", Key),
    Route("GET", "/api/v1/permissions/{id}/events", Key),
    Route("POST", "/api/v1/permissions/{id}/terminate", Key),
    Route("POST", "/api/v1/permissions/{id}/commands", Key),
    Route("PUT", "/api/v1/permissions/{id}/inbound/{schema}", Key),
    Route("POST", "/api/v1/permissions/{id}/inbound/{schema}", Key),
    Route("GET", "/api/v1/permissions/{id}/outgoing", Key),
    Route("GET", "/api/v1/permissions/{id}/readings", Key),
    Route("GET", "/api/v1/permissions/{id}/messages", Key),
    Route("GET", "/api/v1/permissions/{id}/refused", Key),
    Route("GET", "/api/v1/events", Key),
    Route("GET", "/api/v1/data-needs", Key),
    Route("POST", "/api/v1/data-needs", Key),
    Route("GET", "/api/v1/data-needs/{id}", Key),
    Route("PUT", "/api/v1/data-needs/{id}", Key),
    Route("DELETE", "/api/v1/data-needs/{id}", Key),
    // aiida-stream
    Route("GET", "/api/v1/permissions/{id}/live", Key),
    // console
    Route("GET", "/console/", Password),
    Route("GET", "/console/live.js", Password),
    Route("GET", "/console/customers", Password),
    Route("POST", "/console/customers", Password),
    Route("GET", "/console/customers/{id}", Password),
    Route("GET", "/console/permissions", Password),
    Route("POST", "/console/permissions", Password),
    Route("GET", "/console/permissions/{id}", Password),
    Route("GET", "/console/permissions/{id}/live", Password),
    Route("GET", "/console/jobs", Password),
    Route("GET", "/console/jobs/{id}", Password),
    Route("GET", "/console/discarded", Password),
    Route("GET", "/console/refused", Password),
    Route("GET", "/console/refused/{id}", Password),
    Route("GET", "/console/custodian", Password),
    Route("GET", "/console/audit", Password),
    Route("GET", "/console/{what}/{id}/{action}", Password),
    Route("POST", "/console/{what}/{id}/{action}", Password),
    Route("GET", "/output/", Password),
];

/// What an operator can do in the console, and to what.
const ACTIONS: [(&str, &str); 6] = [
    ("jobs", "retry"),
    ("jobs", "discard"),
    ("customers", "release"),
    ("customers", "erase"),
    ("permissions", "terminate"),
    ("permissions", "erase"),
];

impl Route {
    /// The address with `id` in place of its first parameter; a schema is one that there is.
    pub(crate) fn with(&self, id: &str) -> String {
        let Some((before, rest)) = self.1.split_once('{') else {
            return self.1.to_owned();
        };
        let (_, after) = rest.split_once('}').unwrap();
        format!("{before}{id}{}", after.replace("{schema}", "opaque"))
    }

    /// The same; of the console's actions, each.
    pub(crate) fn with_each(&self, id: &str) -> Vec<String> {
        if self.1.starts_with("/console/{what}/") {
            ACTIONS
                .map(|(what, action)| format!("/console/{what}/{id}/{action}"))
                .into()
        } else {
            vec![self.with(id)]
        }
    }

    pub(crate) fn has_id(&self) -> bool {
        self.1.contains('{')
    }

    /// A body that would be taken from whoever may send it, as far as the route reads one.
    pub(crate) fn body(&self, id: &str) -> String {
        if self.0 == "PATCH" {
            format!(r#"{{"operation":"REJECT","aiidaId":"{id}"}}"#)
        } else if self.1.ends_with("/commands") {
            r#"{"action":"SET_TRANSMISSION_ENABLED","enabled":false}"#.to_owned()
        } else if matches!(self.0, "GET" | "HEAD" | "DELETE") {
            String::new()
        } else if self.2 == Password {
            "sure=yes".to_owned()
        } else {
            "{}".to_owned()
        }
    }
}
