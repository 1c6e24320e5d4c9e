//! The token endpoint: three grants, parameters as a form body or as a query string, errors as
//! RFC 6749 has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::{Value, json};
use service_kit::secret::ExposeSecret as _;
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;

use crate::clients::Client;
use crate::config::{ClientTokenFormat, ExpiresIn};
use crate::gateway::{Credentials, Passed};
use crate::grants::{Choice, DataGroups, Issued};
use crate::pages::redirect_with;
use crate::world::World;

/// What a client asks a token with.
type Parameters = BTreeMap<String, String>;

/// An error of RFC 6749, section 5.2.
struct OAuthError {
    code: &'static str,
    description: String,
}

fn error(code: &'static str, description: &(impl ToString + ?Sized)) -> OAuthError {
    OAuthError {
        code,
        description: description.to_string(),
    }
}

impl From<OAuthError> for HttpResponse {
    fn from(error: OAuthError) -> Self {
        let mut builder = if error.code == "invalid_client" {
            let mut builder = HttpResponse::Unauthorized();
            builder.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"datacustodian\""));
            builder
        } else {
            HttpResponse::BadRequest()
        };
        uncached(&mut builder)
            .json(json!({ "error": error.code, "error_description": error.description }))
    }
}

/// Answers a token request.
pub(crate) fn token(world: &Arc<World>, request: &Passed) -> HttpResponse {
    grant(world, request).unwrap_or_else(HttpResponse::from)
}

fn grant(world: &Arc<World>, request: &Passed) -> Result<HttpResponse, OAuthError> {
    let client = authenticated(world, &request.credentials)?;
    let parameters = parameters(request)?;
    let need = |name: &str| {
        let value = parameters.get(name).map(String::as_str);
        value.ok_or_else(|| error("invalid_request", &format!("{name} is missing")))
    };
    let (now, random) = (world.now(), &*world.random);
    match need("grant_type")? {
        "authorization_code" => {
            let (code, redirect_uri) = (need("code")?, parameters.get("redirect_uri"));
            let redirect_uri = redirect_uri.map(String::as_str);
            let issued = world
                .state()
                .grants
                .exchange(now, random, &client.id, code, redirect_uri);
            Ok(customer_token(
                world,
                &issued.map_err(|reason| error("invalid_grant", &reason))?,
            ))
        }
        "refresh_token" => {
            let token = need("refresh_token")?;
            let issued = world.state().grants.refresh(now, random, &client.id, token);
            Ok(customer_token(
                world,
                &issued.map_err(|reason| error("invalid_grant", &reason))?,
            ))
        }
        "client_credentials" => {
            let (token, seconds) = world.state().grants.client_token(now, random, &client.id);
            Ok(client_token(world, &token, seconds))
        }
        other => Err(error(
            "unsupported_grant_type",
            &format!("{other:?} is no grant type"),
        )),
    }
}

fn authenticated<'w>(
    world: &'w World,
    credentials: &Credentials,
) -> Result<&'w Client, OAuthError> {
    let refused = || error("invalid_client", "client id and secret do not match");
    let Credentials::Basic { id, secret } = credentials else {
        return Err(refused());
    };
    let client = world.clients.by_id(id).ok_or_else(refused)?;
    let equal = client
        .secret
        .expose_secret()
        .as_bytes()
        .ct_eq(secret.expose_secret().as_bytes());
    if bool::from(equal) {
        Ok(client)
    } else {
        Err(refused())
    }
}

/// The parameters of the query and, when it is a form, of the body. None may occur twice.
fn parameters(request: &Passed) -> Result<Parameters, OAuthError> {
    let body: &[u8] = if request.form { &request.body } else { &[] };
    if !request.form && !request.body.is_empty() {
        return Err(error(
            "invalid_request",
            "the body is not application/x-www-form-urlencoded",
        ));
    }
    let pairs =
        form_urlencoded::parse(request.query.as_bytes()).chain(form_urlencoded::parse(body));
    let mut parameters = Parameters::new();
    for (name, value) in pairs {
        if parameters
            .insert(name.clone().into_owned(), value.into_owned())
            .is_some()
        {
            return Err(error("invalid_request", &format!("{name} occurs twice")));
        }
    }
    Ok(parameters)
}

fn customer_token(world: &World, issued: &Issued) -> HttpResponse {
    let id = issued.authorization;
    let body = json!({
        "token_type": "Bearer",
        "access_token": issued.access,
        "refresh_token": issued.refresh,
        "expires_in": expires_in(world, issued.expires_in),
        "scope": issued.scope,
        "resourceURI": world.resource(&format!("Batch/Subscription/{id}")),
        "authorizationURI": world.resource(&format!("Authorization/{id}")),
    });
    uncached(&mut HttpResponse::Ok()).json(body)
}

fn client_token(world: &World, token: &str, seconds: i64) -> HttpResponse {
    let scope = "FB=1_3_4_5_8_10_13_14_15_16_18_19_31_32_35_37_38_39_40_46_47";
    let mut builder = HttpResponse::Ok();
    let builder = uncached(&mut builder);
    match world.config.behaviour.client_token {
        ClientTokenFormat::Json => builder.json(json!({
            "token_type": "Bearer",
            "client_access_token": token,
            "expires_in": expires_in(world, seconds),
            "scope": scope,
        })),
        // Token and scope hold no character that XML would need escaped.
        ClientTokenFormat::Xml => builder.content_type("application/xml").body(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ClientToken>\
             <client_access_token>{token}</client_access_token><expires_in>{seconds}</expires_in>\
             <scope>{scope}</scope><token_type>Bearer</token_type></ClientToken>"
        )),
    }
}

fn expires_in(world: &World, seconds: i64) -> Value {
    match world.config.behaviour.expires_in {
        ExpiresIn::Number => seconds.into(),
        ExpiresIn::String => seconds.to_string().into(),
    }
}

fn uncached(builder: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    builder
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
}

/// The authorization of PG&E's test endpoint: no customer is asked, the first one has consented.
pub(crate) fn test_authorize(world: &Arc<World>, request: &Passed) -> HttpResponse {
    let query: Parameters = form_urlencoded::parse(request.query.as_bytes())
        .into_owned()
        .collect();
    let (id, redirect_uri) = (query.get("client_id"), query.get("redirect_uri"));
    let client = id.and_then(|id| world.clients.by_id(id));
    let (Some(client), Some(redirect_uri)) = (client, redirect_uri) else {
        return OAuthError::into(error(
            "invalid_request",
            "client_id or redirect_uri is not registered",
        ));
    };
    if !client.redirect_uris.contains(redirect_uri) {
        return OAuthError::into(error("invalid_request", "redirect_uri is not registered"));
    }
    let state = query.get("state").map(|state| ("state", state.as_str()));
    if query.get("response_type").is_none_or(|kind| kind != "code") {
        return redirect_with(
            redirect_uri,
            [("error", "unsupported_response_type")]
                .into_iter()
                .chain(state),
        );
    }
    let Some(customer) = world.model.customers().first() else {
        return redirect_with(
            redirect_uri,
            [("error", "server_error")].into_iter().chain(state),
        );
    };
    let choice = Choice {
        customer: customer.key.clone(),
        usage_points: customer
            .usage_points
            .iter()
            .map(|point| point.id.clone())
            .collect(),
        data: DataGroups {
            usage: true,
            billing: true,
            account: true,
        },
        history_from: customer.since,
        history_seconds: 63_072_000,
        until: None,
    };
    let authorized = world.state().grants.authorize(
        world.now(),
        &*world.random,
        &client.id,
        redirect_uri,
        choice,
    );
    world.authorizations_changed(&client.id, &authorized.superseded);
    let code = (
        world.config.behaviour.code_parameter.name(),
        authorized.code.as_str(),
    );
    redirect_with(
        redirect_uri,
        [code, ("scope", &authorized.scope)]
            .into_iter()
            .chain(state),
    )
}

impl World {
    /// Tells a third party that authorizations are no longer what they were.
    pub(crate) fn authorizations_changed(self: &Arc<Self>, client_id: &str, ids: &[u64]) {
        if !ids.is_empty() {
            let uris = ids
                .iter()
                .map(|id| self.resource(&format!("Authorization/{id}")));
            let about = ids.first().copied();
            self.notify(client_id, about, uris.collect());
        }
    }
}
