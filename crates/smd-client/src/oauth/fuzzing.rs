//! What `fuzz/` calls of this crate's private readers of answers. In no other build (feature `fuzzing`).

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::answer::TokenAnswer;
use super::xml_to_json;
use crate::{Error, RequestKind, Secret, TokenSet, refusal};

/// The customer's tokens in an answer of the token endpoint; `previous` is the refresh token to keep.
pub fn tokens(body: &[u8], previous: Option<&Secret>) -> Option<TokenSet> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    answer.into_tokens(RequestKind::TokenRefresh, previous).ok()
}

/// The JSON that stands for a client token in XML, and the token in it.
pub fn client_token(xml: &[u8]) -> Option<String> {
    let json = xml_to_json(xml).ok()?;
    let answer: TokenAnswer = serde_json::from_slice(&json).ok()?;
    Some(answer.access_token.into_secret())
}

/// What is made of an answer that is no success.
pub fn refusal(kind: RequestKind, status: u16, body: &[u8]) -> Option<Error> {
    let status = StatusCode::from_u16(status).ok()?;
    let (headers, now) = (HeaderMap::new(), Timestamp::UNIX_EPOCH);
    Some(refusal::classify(kind, status, &headers, body, now))
}
