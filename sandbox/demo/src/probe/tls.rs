//! TLS as a scanner sees it: which versions and ciphers are spoken.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use reqwest::Url;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};

use super::hello::{self, Offer, Reply};
use super::{LIMIT, address};
use crate::{BoxError, Claims};

/// A server and whom to trust for it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The name in its certificate.
    pub(super) name: String,
    /// The same as `Host` has it.
    pub(super) authority: String,
    pub(super) address: SocketAddr,
    trusted: RootCertStore,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.address)
    }
}

impl Target {
    pub(super) fn of(url: &str, authority: &Path) -> Result<Self, BoxError> {
        let url = Url::parse(url)?;
        let name = url.host_str().ok_or("the address has no host")?.to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let mut trusted = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority)? {
            trusted.add(certificate?)?;
        }
        Ok(Self {
            address: address(&name, port)?,
            authority: url.authority().to_owned(),
            name,
            trusted,
        })
    }

    /// Another listener with a certificate for the same name.
    pub(super) fn elsewhere(&self, host: &str, port: u16) -> Result<Self, BoxError> {
        Ok(Self {
            address: address(host, port)?,
            ..self.clone()
        })
    }

    /// A bare connection.
    pub(super) fn tcp(&self) -> Result<TcpStream, BoxError> {
        let stream = TcpStream::connect_timeout(&self.address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    /// A TLS connection in any version that is good.
    pub(super) fn connect(&self) -> Result<StreamOwned<ClientConnection, TcpStream>, BoxError> {
        self.connect_with(ALL_VERSIONS)
    }

    fn connect_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<StreamOwned<ClientConnection, TcpStream>, BoxError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_root_certificates(self.trusted.clone())
            .with_no_client_auth();
        let name = ServerName::try_from(self.name.clone())?;
        let mut tls = ClientConnection::new(Arc::new(config), name)?;
        let mut stream = self.tcp()?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(tls, stream))
    }
}

/// Old versions and weak ciphers are refused, good ones are spoken with a certificate that holds.
pub(super) fn versions_and_ciphers(whose: &str, target: &Target, claims: &mut Claims) {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let spoken = target.connect_with(&[version]).map(|stream| {
            let suite = stream.conn.negotiated_cipher_suite();
            suite.map(|suite| format!("{:?}", suite.suite()))
        });
        claims.take(
            format!(
                "{whose}: {:?} is spoken, with a certificate for {}",
                version.version, target.name
            ),
            |suite: &Option<String>| suite.clone().unwrap_or_default(),
            spoken,
        );
    }
    // The same hello with a good cipher is answered: it is the ciphers that the others are refused for.
    let good = answer(target, &Offer::GOOD);
    claims.note(
        format!("{whose}: TLS 1.2 by hand with {}", Offer::GOOD.ciphers),
        matches!(
            good,
            Ok(Reply::Hello {
                version: hello::TLS_1_2,
                ..
            })
        ),
        seen(&good),
    );
    for offer in Offer::BAD {
        let reply = answer(target, offer);
        claims.note(
            format!("{whose}: {} with {} is refused", offer.name, offer.ciphers),
            matches!(reply, Ok(Reply::Alert(_) | Reply::Closed)),
            seen(&reply),
        );
    }
}

fn answer(target: &Target, offer: &Offer) -> Result<Reply, BoxError> {
    hello::send(target.tcp()?, offer, &target.name)
}

fn seen(reply: &Result<Reply, BoxError>) -> String {
    match reply {
        Ok(reply) => reply.to_string(),
        Err(error) => error.to_string(),
    }
}
