//! The token endpoint (RFC 6749) with PG&E's own ways: parameters in the query if so configured,
//! resource and authorization URIs beside the tokens, `client_access_token` in JSON or XML.
//!
//! The `oauth2` crate builds the requests and reads the answers. It is tied to another version of
//! the HTTP client, so a carrier of ours sends them; it also does what is particular to the
//! custodian, before the crate sees an answer.

mod answer;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;

use std::{borrow::Cow, collections::HashMap, pin::Pin};

use answer::TokenAnswer;
use jiff::{SignedDuration, Timestamp};
use oauth2::{
    AsyncHttpClient, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, RedirectUrl, RefreshToken, RequestTokenError, Scope,
    StandardRevocableToken, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse},
};
use reqwest::{StatusCode, header};
use secrecy::ExposeSecret;
use url::Url;

use crate::{
    Client, Error, RequestKind, Secret, SubscriptionId, TokenForm, TokenSet, refusal,
    transport::Answer,
};

/// Longest answer of the token endpoint, in bytes.
const LONGEST_ANSWER: u64 = 64 * 1024;
/// How long before its end our client token is no longer used.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Our client token, since when we have it, and until when to use it.
pub(crate) struct KeptToken {
    pub(crate) secret: Secret,
    pub(crate) since: Timestamp,
    pub(crate) use_until: Timestamp,
}

type Protocol = oauth2::Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Client {
    /// Where to send the customer's browser. `state` is our one-time value, bound to the browser.
    #[must_use]
    pub fn authorize_url(&self, state: &str) -> Url {
        let settings = &self.inner.settings;
        let protocol = self.protocol();
        let state = state.to_owned();
        let mut request = protocol
            .authorize_url(move || CsrfToken::new(state))
            // PG&E shows its guest login (account number and name) beside the usual one.
            .add_extra_param("login", "guest");
        if let Some(scope) = &settings.authorization_scope {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        request.url().0
    }

    /// Exchanges an authorization code for the customer's tokens. A code is good once, for 600 s.
    ///
    /// The answer always names subscription and authorization; without them nothing can be read
    /// or ended, so an answer that lacks them is an error.
    pub async fn exchange_code(&self, code: &Secret) -> Result<TokenSet, Error> {
        let kind = RequestKind::TokenExchange;
        let protocol = self.protocol();
        let answer = protocol
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .request_async(&Carrier { client: self, kind })
            .await
            .map_err(|error| token_error(kind, error))?;
        let tokens = answer.into_tokens(kind, None)?;
        let named = |uri: &Option<String>| uri.as_deref().map(SubscriptionId::from_uri);
        for (name, uri) in [
            ("resourceURI", named(&tokens.resource_uri)),
            ("authorizationURI", named(&tokens.authorization_uri)),
        ] {
            match uri {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(malformed(kind, &format!("{name}: {error}"))),
                None => return Err(malformed(kind, &format!("it has no {name}"))),
            }
        }
        Ok(tokens)
    }

    /// Exchanges a refresh token for the next pair. The old one is used up at PG&E; where a
    /// custodian sends no new one, the old one stays (RFC 6749 section 6).
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<TokenSet, Error> {
        let kind = RequestKind::TokenRefresh;
        let protocol = self.protocol();
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let answer = protocol
            .exchange_refresh_token(&token)
            .request_async(&Carrier { client: self, kind })
            .await
            .map_err(|error| token_error(kind, error))?;
        answer.into_tokens(kind, Some(refresh_token))
    }

    /// A new client token, from the custodian.
    pub(crate) async fn ask_for_client_token(&self) -> Result<KeptToken, Error> {
        let kind = RequestKind::ClientToken;
        let protocol = self.protocol();
        let answer = protocol
            .exchange_client_credentials()
            .request_async(&Carrier { client: self, kind })
            .await
            .map_err(|error| token_error(kind, error))?;
        let life = SignedDuration::try_from(answer.life()).unwrap_or(SignedDuration::ZERO);
        let now = self.inner.transport.now();
        let use_until = now
            .saturating_add(life.saturating_sub(MARGIN))
            .unwrap_or(now);
        let token = answer.client_access_token.unwrap_or(answer.access_token);
        Ok(KeptToken {
            secret: token.into_secret().into(),
            since: now,
            use_until,
        })
    }

    fn protocol(&self) -> Protocol {
        let settings = &self.inner.settings;
        let secret = settings.client_secret.expose_secret().to_owned();
        oauth2::Client::new(ClientId::new(settings.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret))
            .set_auth_uri(AuthUrl::from_url(settings.authorize.clone()))
            .set_token_uri(TokenUrl::from_url(settings.token.clone()))
            .set_redirect_uri(RedirectUrl::from_url(settings.redirect_uri.clone()))
    }

    /// Carries a request of the `oauth2` crate.
    async fn ask_tokens(
        &self,
        kind: RequestKind,
        request: HttpRequest,
    ) -> Result<HttpResponse, Error> {
        let settings = &self.inner.settings;
        let parameters = request.into_body();
        let mut url = settings.token.clone();
        let sent = self
            .inner
            .transport
            .send(kind, self.wait, |http| {
                if settings.token_form == TokenForm::Query {
                    let mut pairs = url.query_pairs_mut();
                    pairs.extend_pairs(url::form_urlencoded::parse(&parameters));
                    drop(pairs);
                }
                let request = http
                    .post(url)
                    .header(header::ACCEPT, "application/json")
                    // Plain, as PG&E documents it: the crate escapes both parts first
                    // (RFC 6749 section 2.3.1), which changes secrets with special characters.
                    .basic_auth(
                        &settings.client_id,
                        Some(settings.client_secret.expose_secret()),
                    );
                // A code is good once, and each thread of a server drives the connections that it opened: none
                // may take along, when it ends, what another one asks for. So none is kept.
                let request = match kind {
                    RequestKind::TokenExchange => request.header(header::CONNECTION, "close"),
                    _ => request,
                };
                match settings.token_form {
                    TokenForm::Form => request
                        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                        .body(parameters),
                    // Without a length some gateways answer 411.
                    TokenForm::Query => request.header(header::CONTENT_LENGTH, "0").body(""),
                }
            })
            .await?;
        read_answer(kind, sent).await
    }
}

/// Our HTTP client, as the `oauth2` crate wants one. A type of its own, because a closure's future
/// could not be proven to be `Send`.
struct Carrier<'a> {
    client: &'a Client,
    kind: RequestKind,
}

impl<'c> AsyncHttpClient<'c> for Carrier<'_> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.client.ask_tokens(self.kind, request))
    }
}

/// Turns a success into what the `oauth2` crate reads: JSON, without a content type to quarrel
/// about (the gateway's is not always right).
async fn read_answer(kind: RequestKind, answer: Answer) -> Result<HttpResponse, Error> {
    if answer.status != StatusCode::OK {
        return Err(malformed(
            kind,
            &format!("status {}", answer.status.as_u16()),
        ));
    }
    let content_type = answer.body.content_type().map(str::to_owned);
    let body = answer.body.limited(LONGEST_ANSWER).collect().await;
    let body = body.map_err(|error| Error::from_body(kind, &error))?;
    if refusal::looks_like_html(content_type.as_deref(), &body) {
        return Err(Error::Html { kind });
    }
    // Some gateways keep the status of their own success.
    if let Some((code, description)) = refusal::rfc6749(&body) {
        return Err(Error::OAuth {
            kind,
            code,
            description,
        });
    }
    let is_xml = body.trim_ascii_start().starts_with(b"<") || body.starts_with(b"\xef\xbb\xbf<");
    let body = if is_xml && kind == RequestKind::ClientToken {
        xml_to_json(&body)?
    } else {
        body
    };
    Ok(HttpResponse::new(body))
}

/// One source of PG&E's shows the client token as XML.
fn xml_to_json(body: &[u8]) -> Result<Vec<u8>, Error> {
    let kind = RequestKind::ClientToken;
    let token = espi::client_token::parse(body)
        .map_err(|error| malformed(kind, &format!("the XML form of the token: {error}")))?;
    let fields = HashMap::from([
        (
            "client_access_token",
            Some(Cow::from(token.client_access_token)),
        ),
        (
            "expires_in",
            token.expires_in.map(|it| it.to_string().into()),
        ),
        ("token_type", token.token_type.map(Cow::from)),
    ]);
    serde_json::to_vec(&fields).map_err(|_| malformed(kind, "the XML form of the token"))
}

fn malformed(kind: RequestKind, detail: &str) -> Error {
    Error::Malformed {
        kind,
        detail: detail.to_owned(),
    }
}

/// The crate's errors hold bodies, that is, tokens: only what is wrong is kept.
fn token_error(kind: RequestKind, error: RequestTokenError<Error, BasicErrorResponse>) -> Error {
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(response) => Error::OAuth {
            kind,
            code: refusal::error_code(response.error().as_ref()),
            description: response
                .error_description()
                .map(|it| refusal::without_ids(it)),
        },
        RequestTokenError::Parse(error, _) => {
            malformed(kind, &format!("no JSON of tokens (at {})", error.path()))
        }
        RequestTokenError::Other(_) => malformed(kind, "it is empty"),
    }
}
