//! What the customer's browser brings back to `/OAuthCallback`.

use std::fmt;

use crate::tokens::Secret;

/// Longest query read, in bytes: a browser's redirect is far shorter.
const LONGEST: usize = 8 * 1024;

/// The custodian's answer to an authorization request, as it arrives in the query.
#[derive(Clone)]
pub enum Callback {
    /// The customer authorized: the code lives 600 s and is good for one exchange.
    Code {
        /// The authorization code.
        code: Secret,
        /// Our one-time state, to be compared with the browser's. `None` when it is missing.
        state: Option<String>,
    },
    /// The custodian or the customer refused (RFC 6749 section 4.1.2.1).
    Denied {
        /// The error code, as `access_denied`; reduced to letters, digits, `_`, `-` and `.`.
        error: String,
        /// The custodian's words, shortened and without control characters.
        description: Option<String>,
        /// Our one-time state. `None` when it is missing.
        state: Option<String>,
    },
}

/// Why a query is no answer of the custodian.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// Neither a code nor an error.
    #[error("the callback carries neither a code nor an error")]
    Nothing,
    /// One parameter came twice with different values: somebody tampered with the address.
    #[error("the callback carries `{0}` more than once, with different values")]
    Ambiguous(&'static str),
    /// Far longer than any redirect.
    #[error("the callback's query is longer than {LONGEST} bytes")]
    TooLong,
}

impl Callback {
    /// Reads the query of the callback, without its `?`.
    ///
    /// The code may be named `code` or `authorization_code`: PG&E's documents name both.
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        if query.len() > LONGEST {
            return Err(CallbackError::TooLong);
        }
        let (mut code, mut error, mut description, mut state) = (None, None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "code" | "authorization_code" => set(&mut code, "code", &value)?,
                "error" => set(&mut error, "error", &value)?,
                "error_description" => set(&mut description, "error_description", &value)?,
                "state" => set(&mut state, "state", &value)?,
                _ => {}
            }
        }
        // An error outranks a code: a redirect that carries both must not be acted upon.
        if let Some(error) = error {
            return Ok(Self::Denied {
                error: crate::refusal::error_code(&error),
                description: description.map(|text| crate::refusal::printable(&text)),
                state,
            });
        }
        let code = code.ok_or(CallbackError::Nothing)?;
        Ok(Self::Code {
            code: code.into(),
            state,
        })
    }

    /// The state that came along.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        match self {
            Self::Code { state, .. } | Self::Denied { state, .. } => state.as_deref(),
        }
    }

    /// For a refusal, what it means for the customer; `None` for a code.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        let Self::Denied { error, .. } = self else {
            return None;
        };
        Some(match error.as_str() {
            "access_denied" => Denial::Cancelled,
            "temporarily_unavailable" | "server_error" => Denial::Later,
            "invalid_request"
            | "unauthorized_client"
            | "unsupported_response_type"
            | "invalid_scope" => Denial::Ours,
            _ => Denial::Other,
        })
    }
}

/// What a refusal means for the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The customer cancelled.
    Cancelled,
    /// The custodian cannot at the moment.
    Later,
    /// The custodian did not accept our request: ours to repair.
    Ours,
    /// Any other error.
    Other,
}

/// Empty values count as absent; the same value twice is harmless.
fn set(slot: &mut Option<String>, name: &'static str, value: &str) -> Result<(), CallbackError> {
    if value.is_empty() {
        return Ok(());
    }
    match slot {
        Some(seen) if seen != value => Err(CallbackError::Ambiguous(name)),
        _ => {
            *slot = Some(value.to_owned());
            Ok(())
        }
    }
}

/// The code and the state are secrets of one browser: neither is printed.
impl fmt::Debug for Callback {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { state, .. } => out
                .debug_struct("Code")
                .field("has_state", &state.is_some())
                .finish_non_exhaustive(),
            Self::Denied {
                error,
                description,
                state,
            } => out
                .debug_struct("Denied")
                .field("error", error)
                .field("description", description)
                .field("has_state", &state.is_some())
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn code(query: &str) -> (String, Option<String>) {
        match Callback::parse(query).unwrap() {
            Callback::Code { code, state } => (code.expose_secret().to_owned(), state),
            denied @ Callback::Denied { .. } => panic!("{denied:?}"),
        }
    }

    #[test]
    fn reads_the_code_under_both_names() {
        assert_eq!(
            code("code=a%2Bb&state=s1"),
            ("a+b".into(), Some("s1".into()))
        );
        assert_eq!(
            code("authorization_code=xyz&scope=FB%3D1"),
            ("xyz".into(), None)
        );
        assert_eq!(
            code("code=xyz&authorization_code=xyz&state="),
            ("xyz".into(), None)
        );
    }

    #[test]
    fn reads_a_refusal_and_prefers_it_to_a_code() {
        let denied = Callback::parse(
            "error=access_denied&error_description=The+customer%0Acancelled&state=s&code=x",
        )
        .unwrap();
        let Callback::Denied {
            error,
            description,
            state,
        } = &denied
        else {
            panic!("{denied:?}")
        };
        assert_eq!(error, "access_denied");
        assert_eq!(description.as_deref(), Some("The customer cancelled"));
        assert_eq!(state.as_deref(), Some("s"));
        assert_eq!(denied.denial(), Some(Denial::Cancelled));
    }

    #[test]
    fn an_error_code_cannot_carry_markup() {
        let denied = Callback::parse("error=%3Cscript%3E").unwrap();
        let Callback::Denied { error, .. } = denied else {
            panic!("{denied:?}")
        };
        assert_eq!(error, "script");
    }

    #[test]
    fn refuses_what_is_no_answer() {
        assert_eq!(Callback::parse("").unwrap_err(), CallbackError::Nothing);
        assert_eq!(
            Callback::parse("state=a").unwrap_err(),
            CallbackError::Nothing
        );
        assert_eq!(
            Callback::parse("code=a&code=b").unwrap_err(),
            CallbackError::Ambiguous("code")
        );
        assert_eq!(
            Callback::parse("code=a&state=1&state=2").unwrap_err(),
            CallbackError::Ambiguous("state")
        );
        assert_eq!(
            Callback::parse(&"a".repeat(9000)).unwrap_err(),
            CallbackError::TooLong
        );
    }

    #[test]
    fn prints_neither_code_nor_state() {
        let printed = format!("{:?}", Callback::parse("code=hush&state=hushhush").unwrap());
        assert!(!printed.contains("hush"), "{printed}");
    }
}
