//! What a TLS server shows, and whether this machine trusts it.
//!
//! The handshake is finished also with a certificate that nobody trusts, so that its name and end can be told; nothing
//! is sent or read over such a connection.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use smd_client::certificate::{Facts, facts};

/// For the connection, and for each step of the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server's certificate.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) facts: Facts,
    /// Why this machine does not trust it for that name.
    pub(super) distrust: Option<String>,
}

impl Seen {
    pub(super) fn days_left(&self, now: Timestamp) -> i64 {
        let left = self.facts.not_after.duration_since(now).as_secs();
        left.div_euclid(24 * 60 * 60)
    }
}

/// Connects and looks.
pub(super) async fn look(host: &str, port: u16) -> Result<Seen, String> {
    let host = host.to_owned();
    let looked = tokio::task::spawn_blocking(move || handshake(&host, port));
    looked.await.map_err(|error| error.to_string())?
}

/// Connects without TLS, and that is all.
pub(super) async fn knock(host: &str, port: u16) -> Result<(), String> {
    let host = host.to_owned();
    let tried = tokio::task::spawn_blocking(move || connect(&host, port).map(drop));
    tried.await.map_err(|error| error.to_string())?
}

/// Why the authorities that this machine knows do not stand behind the first certificate of a PEM file; `None` when
/// one does. For client certificates: whether it may be used as one is looked at too.
pub(super) fn private_authority(certificate: &Path) -> Result<Option<String>, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| error.to_string())?;
    let Some((leaf, intermediates)) = chain.split_first() else {
        return Err("no certificate in it".to_owned());
    };
    let verifier = WebPkiClientVerifier::builder(authorities())
        .build()
        .map_err(|error| error.to_string())?;
    let verdict = verifier.verify_client_cert(leaf, intermediates, UnixTime::now());
    Ok(verdict.err().map(|error| error.to_string()))
}

fn authorities() -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(store)
}

fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let addresses = (host, port).to_socket_addrs().map_err(|error| {
        format!("the name {host} does not resolve ({error}): check its DNS records")
    })?;
    let mut last = format!("the name {host} has no address: check its DNS records");
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = format!("no connection to {address} ({error})"),
        }
    }
    Err(last)
}

fn handshake(host: &str, port: u16) -> Result<Seen, String> {
    let judge = WebPkiServerVerifier::builder(authorities())
        .build()
        .map_err(|error| {
            format!("this machine knows no authorities ({error}): install ca-certificates")
        })?;
    let onlooker = Arc::new(Onlooker {
        judge,
        distrust: Mutex::new(None),
    });
    let verifier: Arc<dyn ServerCertVerifier> = onlooker.clone();
    let config = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let mut session =
        ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
    let mut stream = connect(host, port)?;
    let limited = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    limited.map_err(|error| error.to_string())?;
    while session.is_handshaking() {
        session
            .complete_io(&mut stream)
            .map_err(|error| format!("no TLS there ({error})"))?;
    }
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    let facts = leaf.and_then(|leaf| facts(leaf));
    session.send_close_notify();
    // The answer is in; a goodbye that gets lost changes nothing.
    let _goodbye = session.write_tls(&mut stream);
    let mut distrust = onlooker
        .distrust
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Ok(Seen {
        facts: facts.ok_or("its certificate cannot be read")?,
        distrust: distrust.take(),
    })
}

/// Lets every certificate pass and remembers what the judge says of it.
#[derive(Debug)]
struct Onlooker {
    judge: Arc<WebPkiServerVerifier>,
    distrust: Mutex<Option<String>>,
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .judge
            .verify_server_cert(leaf, intermediates, name, ocsp, now);
        let mut distrust = self.distrust.lock().unwrap_or_else(PoisonError::into_inner);
        *distrust = verdict.err().map(|error| error.to_string());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, leaf, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, leaf, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
