//! Certificates, clients that show them, and the arguments that name them.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};
use tempfile::TempDir;

use super::{CALLBACK, CLIENT_ID, OTHER_ID, OTHER_SECRET, REGISTRATION, SECRET, SEED};

/// Paths of made-up certificates.
pub(crate) struct Certificates {
    _folder: TempDir,
    pub(crate) authority: PathBuf,
    pub(crate) server: (PathBuf, PathBuf),
    pub(crate) client: (PathBuf, PathBuf),
    pub(crate) other: (PathBuf, PathBuf),
    pub(crate) stranger: (PathBuf, PathBuf),
    pub(crate) clients_file: PathBuf,
}

impl Certificates {
    pub(crate) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            (
                write(&format!("{name}.crt"), &certificate.pem()),
                write(&format!("{name}.key"), &key.serialize_pem()),
            )
        };
        let other = issue("other.example.test");
        let clients = serde_json::json!([{
            "client_id": OTHER_ID, "client_secret": OTHER_SECRET, "name": "Another company",
            "redirect_uris": [CALLBACK], "portal_uri": "https://other.example.test/portal",
            "certificates": [other.0],
        }]);
        Self {
            authority: write("authority.crt", &authority.pem()),
            server: issue("localhost"),
            client: issue("metergate.example.test"),
            stranger: issue("stranger.example.test"),
            clients_file: write("clients.json", &clients.to_string()),
            other,
            _folder: folder,
        }
    }

    /// A client that trusts the sandbox and shows this certificate, or none.
    pub(crate) fn http(&self, identity: Option<&(PathBuf, PathBuf)>) -> Client {
        service_kit::http::install_tls_provider();
        let authority = Certificate::from_pem(&std::fs::read(&self.authority).unwrap()).unwrap();
        let mut builder = Client::builder()
            .tls_certs_only([authority])
            .redirect(Policy::none());
        if let Some((certificate, key)) = identity {
            let pem = [
                std::fs::read(key).unwrap(),
                std::fs::read(certificate).unwrap(),
            ]
            .concat();
            builder = builder.identity(Identity::from_pem(&pem).unwrap());
        }
        builder.build().unwrap()
    }

    /// The arguments of a sandbox on free ports, with the limits lifted and a client registered.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let pairs = [
            ("--pages", "127.0.0.1:0".to_owned()),
            ("--api", "127.0.0.1:0".to_owned()),
            ("--tls-certificate", text(&self.server.0)),
            ("--tls-key", text(&self.server.1)),
            ("--client-id", CLIENT_ID.to_owned()),
            ("--client-secret", SECRET.to_owned()),
            ("--redirect-uri", CALLBACK.to_owned()),
            ("--client-certificate", text(&self.client.0)),
            ("--registration-token", REGISTRATION.to_owned()),
            ("--clients", text(&self.clients_file)),
            ("--notify-ca", text(&self.authority)),
            ("--notify-delay-ms", "0".to_owned()),
            ("--notify-retry-ms", "5".to_owned()),
            ("--seed", SEED.to_string()),
            ("--per-second", "0".to_owned()),
        ];
        pairs
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }
}
