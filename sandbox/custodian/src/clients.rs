//! The registered third parties: checked once at the start, never changed afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Deserializer};
use service_kit::secret::{ExposeSecret as _, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use url::Url;

use crate::config::ClientConfig;

/// SHA-256 of a certificate's DER bytes.
pub(crate) type Fingerprint = [u8; 32];

/// The fingerprint of a certificate.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate.as_ref()).into()
}

/// A registered third party.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) name: String,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) notification_uri: Option<Url>,
    pub(crate) portal_uri: Option<Url>,
    pub(crate) registration_token: Option<Secret>,
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// The id in `Batch/Bulk/{id}` and `ApplicationInformation/{id}`.
    pub(crate) bulk_id: u64,
}

/// Why the third parties could not be registered.
#[derive(Debug, Error)]
pub enum ClientsError {
    /// Nobody could ever be answered.
    #[error("no third party is registered: give --client-id and what belongs to it, or --clients")]
    Nobody,
    /// A client id of another length.
    #[error("client id {id:?} has {length} characters: PG&E's have 32 letters and digits")]
    Id {
        /// The id.
        id: String,
        /// Its length.
        length: usize,
    },
    /// Two clients with one id.
    #[error("client id {0:?} is registered twice: remove one")]
    Twice(String),
    /// A redirect URI that is no absolute http or https URI.
    #[error("redirect URI {0:?} is no absolute http or https URI without a fragment")]
    Redirect(String),
    /// No redirect URI or no certificate.
    #[error("client {0:?} has no {1}: name at least one")]
    Missing(String, &'static str),
    /// A certificate file that holds none.
    #[error("no certificate could be read from {path}: {source}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// The file of clients cannot be read.
    #[error("the file of clients {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file of clients is not what it should be.
    #[error("the file of clients {path} is not a JSON array of clients: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: serde_json::Error,
    },
}

/// A client as registered, before its certificates are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Registered {
    client_id: String,
    #[serde(deserialize_with = "secret")]
    client_secret: Secret,
    #[serde(default)]
    name: String,
    redirect_uris: Vec<String>,
    notification_uri: Option<Url>,
    portal_uri: Option<Url>,
    #[serde(default, deserialize_with = "optional_secret")]
    registration_token: Option<Secret>,
    certificates: Vec<PathBuf>,
}

fn secret<'de, D: Deserializer<'de>>(input: D) -> Result<Secret, D::Error> {
    String::deserialize(input).map(Secret::from)
}

fn optional_secret<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Secret>, D::Error> {
    Option::<String>::deserialize(input).map(|text| text.map(Secret::from))
}

/// All registered third parties.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients(Vec<Client>);

impl Clients {
    pub(crate) fn register(config: &ClientConfig) -> Result<Self, ClientsError> {
        let mut registrations = Vec::new();
        if let (Some(id), Some(secret)) = (&config.client_id, &config.client_secret) {
            registrations.push(Registered {
                client_id: id.clone(),
                client_secret: secret.clone(),
                name: config.client_name.clone(),
                redirect_uris: config.redirect_uri.clone(),
                notification_uri: config.notification_uri.clone(),
                portal_uri: config.portal_uri.clone(),
                registration_token: config.registration_token.clone(),
                certificates: config.client_certificate.clone(),
            });
        }
        if let Some(path) = &config.clients {
            registrations.extend(read(path)?);
        }
        if registrations.is_empty() {
            return Err(ClientsError::Nobody);
        }
        let mut seen = BTreeSet::new();
        let clients = (50_916..)
            .zip(registrations)
            .map(|(bulk_id, registration)| {
                if !seen.insert(registration.client_id.clone()) {
                    return Err(ClientsError::Twice(registration.client_id));
                }
                client(registration, bulk_id)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self(clients))
    }

    pub(crate) fn all(&self) -> &[Client] {
        &self.0
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Client> {
        self.0.iter().find(|client| client.id == id)
    }

    /// The client that this registration token belongs to.
    pub(crate) fn by_registration_token(&self, token: &str) -> Option<&Client> {
        self.0.iter().find(|client| {
            let own = client.registration_token.as_ref();
            own.is_some_and(|own| {
                own.expose_secret()
                    .as_bytes()
                    .ct_eq(token.as_bytes())
                    .into()
            })
        })
    }

    /// True when the certificate is that of any client.
    pub(crate) fn know(&self, fingerprint: &Fingerprint) -> bool {
        self.0
            .iter()
            .any(|client| client.fingerprints.contains(fingerprint))
    }
}

fn read(path: &Path) -> Result<Vec<Registered>, ClientsError> {
    let text = std::fs::read_to_string(path).map_err(|source| ClientsError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_str(&text).map_err(|source| ClientsError::Parse {
        path: path.to_owned(),
        source,
    })
}

fn client(registration: Registered, bulk_id: u64) -> Result<Client, ClientsError> {
    let id = registration.client_id;
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ClientsError::Id {
            length: id.chars().count(),
            id,
        });
    }
    if registration.redirect_uris.is_empty() {
        return Err(ClientsError::Missing(id, "redirect URI"));
    }
    if let Some(wrong) = registration
        .redirect_uris
        .iter()
        .find(|uri| !is_redirect(uri))
    {
        return Err(ClientsError::Redirect(wrong.clone()));
    }
    if registration.certificates.is_empty() {
        return Err(ClientsError::Missing(id, "client certificate"));
    }
    let fingerprints = registration
        .certificates
        .iter()
        .map(|path| {
            // The first certificate of the file is the client's own; its chain may follow.
            CertificateDer::from_pem_file(path)
                .map(|certificate| fingerprint(&certificate))
                .map_err(|source| ClientsError::Certificate {
                    path: path.clone(),
                    source,
                })
        })
        .collect::<Result<_, _>>()?;
    let name = if registration.name.is_empty() {
        "A third party".to_owned()
    } else {
        registration.name
    };
    Ok(Client {
        id,
        secret: registration.client_secret,
        name,
        redirect_uris: registration.redirect_uris,
        notification_uri: registration.notification_uri,
        portal_uri: registration.portal_uri,
        registration_token: registration.registration_token,
        fingerprints,
        bulk_id,
    })
}

fn is_redirect(uri: &str) -> bool {
    Url::parse(uri)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.fragment().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Registered {
        Registered {
            client_id: "c".repeat(32),
            client_secret: Secret::from("fictional"),
            name: String::new(),
            redirect_uris: vec!["https://example.test/OAuthCallback".to_owned()],
            notification_uri: None,
            portal_uri: None,
            registration_token: None,
            certificates: vec![],
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let short = Registered {
            client_id: "short".to_owned(),
            ..registration()
        };
        assert!(matches!(
            client(short, 1),
            Err(ClientsError::Id { length: 5, .. })
        ));
        let relative = Registered {
            redirect_uris: vec!["/OAuthCallback".to_owned()],
            ..registration()
        };
        assert!(matches!(
            client(relative, 1),
            Err(ClientsError::Redirect(_))
        ));
        assert!(matches!(
            client(registration(), 1),
            Err(ClientsError::Missing(_, "client certificate"))
        ));
        let absent = Registered {
            certificates: vec!["does-not-exist.pem".into()],
            ..registration()
        };
        assert!(matches!(
            client(absent, 1),
            Err(ClientsError::Certificate { .. })
        ));
    }
}
