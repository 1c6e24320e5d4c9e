//! The API described: made from the handlers themselves, with what all of them share added here.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Content, OpenApi as Document, Ref, RefOr, Response};
use utoipa::{Modify, OpenApi, ToSchema};

use super::{data_needs, events, messages, outgoing, permissions, readings};

/// Problem details (RFC 9457).
#[expect(dead_code, reason = "describes: service_kit::problem writes it")]
#[derive(ToSchema)]
struct Problem {
    /// Always `about:blank`: the status says what kind it is.
    r#type: String,
    /// The status in words.
    title: String,
    status: u16,
    /// What is wrong, and the remedy.
    detail: String,
    /// Names the cause in the operator's log.
    reference: Option<String>,
}

const ABOUT: &str = "\
Permissions of households with AIIDA gateways, their data, and what is sent to their homes.

**Keys.** Every request needs a key of the operator's: `Authorization: Bearer mgk_…`. This description is \
readable without one.

**Pages.** Lists come in pages; `nextCursor` of the answer (and the header `Link` with `rel=\"next\"`) leads to \
the next one. Rows that are added meanwhile neither repeat nor hide others.

**Errors** are problem details (`application/problem+json`): 400 the request cannot be read (an unknown key is \
named), 401 no key, 404 no such thing, 409 how things stand does not allow it, 413 too large, 422 it can be read \
and means nothing, 503 come back after `Retry-After`.

**Changes** of a permission's status are events. Their ids grow in the order in which they became visible, so \
whoever has read up to one has missed none before it. They are kept until the permission itself is deleted, \
`METERGATE_AIIDA_RETENTION_DAYS` after its end. Pull them with `GET /api/v1/events?after=`, or let them be \
pushed:

**Webhook.** With `METERGATE_WEBHOOK_URL` each event is posted there as JSON, one at a time and in order, from the \
first event that there is; only `CREATED` and `VALIDATED`, which every request passes within a moment, are left to \
`GET /api/v1/events`:

    {\"eventId\":7,\"permissionId\":\"…\",\"connectionId\":\"…\",\"dataNeedId\":\"…\",\"status\":\"ACCEPTED\",\"at\":\"…\"}

Headers: `Metergate-Event-Id`, `Metergate-Timestamp` (seconds since 1970) and `Metergate-Signature: v1=<hex>`, \
which is HMAC-SHA-256 under `METERGATE_WEBHOOK_SECRET` over the timestamp, a full stop and the bytes of the body. \
A receiver computes it over what it received and compares in constant time, refuses a timestamp more than five \
minutes from its own clock (a recorded request is then of no use), and leaves aside an event whose id is not \
greater than the last one it has handled: after a crash an event can come twice. Any 2xx within ten seconds means \
that it has the event; redirects are not followed. Otherwise the same event is tried again, later and later, up to \
once an hour, and those after it wait. Only an event that is answered with 400, 409, 413, 415 or 422 for three \
days is passed over (it is in the audit log, and `GET /api/v1/events` still has it).";

/// The description of the API.
#[derive(OpenApi)]
#[openapi(
    info(title = "Metergate: API of the eligible party", version = "1", description = ABOUT,
         license(name = "Apache-2.0", identifier = "Apache-2.0")),
    servers((url = "/", description = "This installation")),
    paths(
        permissions::list, permissions::create, permissions::detail, permissions::history, permissions::terminate,
        readings::readings, messages::messages, messages::refused,
        outgoing::command, outgoing::inbound, outgoing::post_inbound, outgoing::list,
        events::events,
        data_needs::list, data_needs::add, data_needs::get, data_needs::replace, data_needs::remove,
    ),
    components(schemas(Problem)),
    modifiers(&Shared),
    tags(
        (name = "Permissions", description = "What households are asked for, and where each request stands"),
        (name = "Data", description = "What came from a home"),
        (name = "To the home", description = "Commands and inbound data"),
        (name = "Events", description = "Changes of status"),
        (name = "Data needs", description = "What may be asked for"),
    ),
)]
struct Api;

/// What operations share: the key, and the problems that they answer with.
struct Shared;

/// Any operation.
const ALWAYS: &[(&str, &str)] = &[
    ("400", "The request cannot be read"),
    ("401", "No key, or none that is good"),
    (
        "503",
        "The database does not answer; Retry-After says when to come back",
    ),
];
/// One with an id in its address.
const WITH_ID: &[(&str, &str)] = &[("404", "There is no such thing")];
/// One with a body.
const WITH_BODY: &[(&str, &str)] = &[
    ("413", "The body is too large"),
    ("422", "The body can be read and means nothing"),
];

impl Modify for Shared {
    fn modify(&self, api: &mut Document) {
        let key = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("mgk_…")
            .description(Some("A key issued with `metergate api-keys add`"))
            .build();
        api.components
            .get_or_insert_with(Components::new)
            .add_security_scheme("key", SecurityScheme::Http(key));
        api.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
        for (address, path) in &mut api.paths.paths {
            let with_id = if address.contains('{') { WITH_ID } else { &[] };
            let operations = [
                &mut path.get,
                &mut path.post,
                &mut path.put,
                &mut path.delete,
            ];
            for operation in operations.into_iter().flatten() {
                let with_body = match operation.request_body {
                    Some(_) => WITH_BODY,
                    None => &[],
                };
                for (status, description) in [ALWAYS, with_id, with_body].into_iter().flatten() {
                    operation
                        .responses
                        .responses
                        .entry((*status).to_owned())
                        .or_insert_with(|| Response::new(*description).into());
                }
                for (status, response) in &mut operation.responses.responses {
                    if let RefOr::T(response) = response
                        && status.starts_with(['4', '5'])
                    {
                        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                        response
                            .content
                            .insert("application/problem+json".to_owned(), problem.into());
                    }
                }
            }
        }
    }
}

/// The document.
pub(crate) fn document() -> Document {
    Api::openapi()
}
