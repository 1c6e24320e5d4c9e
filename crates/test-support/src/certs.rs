//! Certificates for tests and the demo: a private authority, server certificates for this machine
//! and client certificates, as PEM files that only their owner can read.
//!
//! Keys are ECDSA P-256: ring cannot make RSA keys. PG&E asks for RSA of at least 2048 bits from a
//! public authority; how long a key is does not change how our side uses it.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// Why a certificate was not made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The library refuses.
    #[error("a test certificate cannot be made")]
    Make(#[from] rcgen::Error),
    /// A date that X.509 cannot hold.
    #[error("a certificate cannot end on {0}")]
    Date(Date),
    /// The file cannot be written.
    #[error("cannot write {path}: does its folder exist, is there room?")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// A certificate and its key as files.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM (PKCS #8), mode 600.
    pub key: PathBuf,
}

/// A private certificate authority whose files lie in one folder.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
    certificate: PathBuf,
}

impl Authority {
    /// Makes an authority and writes its certificate to `authority.crt` in `folder`. Its key
    /// stays in memory.
    pub fn new(folder: &Path) -> Result<Self, CertificateError> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Metergate test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certificate = folder.join("authority.crt");
        write_private(&certificate, &issuer.pem())?;
        Ok(Self {
            issuer,
            folder: folder.to_owned(),
            certificate,
        })
    }

    /// The authority's own certificate, PEM, to be trusted by clients and servers.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The same as text.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for `127.0.0.1`, `::1` and `localhost`, in `{name}.crt` and
    /// `{name}.key`.
    pub fn server(&self, name: &str) -> Result<CertificateFiles, CertificateError> {
        let hosts = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
        let mut params = CertificateParams::new(hosts.to_vec())?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(name, params)
    }

    /// A client certificate with the common name `name`, in `{name}.crt` and `{name}.key`.
    pub fn client(&self, name: &str) -> Result<CertificateFiles, CertificateError> {
        self.issue(name, client_params())
    }

    /// The same, valid to the beginning of `end` (UTC) only: for what warns about expiry.
    pub fn client_until(
        &self,
        name: &str,
        end: Date,
    ) -> Result<CertificateFiles, CertificateError> {
        let mut params = client_params();
        let month = u8::try_from(end.month()).map_err(|_| CertificateError::Date(end))?;
        let day = u8::try_from(end.day()).map_err(|_| CertificateError::Date(end))?;
        params.not_after = rcgen::date_time_ymd(i32::from(end.year()), month, day);
        self.issue(name, params)
    }

    fn issue(
        &self,
        name: &str,
        mut params: CertificateParams,
    ) -> Result<CertificateFiles, CertificateError> {
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let files = CertificateFiles {
            certificate: self.folder.join(format!("{name}.crt")),
            key: self.folder.join(format!("{name}.key")),
        };
        write_private(&files.certificate, &certificate.pem())?;
        write_private(&files.key, &key.serialize_pem())?;
        Ok(files)
    }
}

fn client_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn write_private(path: &Path, text: &str) -> Result<(), CertificateError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| CertificateError::Write {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    /// What openssl says about a certificate that `authority` made.
    fn verify(authority: &Authority, purpose: &str, certificate: &Path) -> String {
        let output = Command::new("openssl")
            .args(["verify", "-purpose", purpose, "-CAfile"])
            .args([authority.certificate(), certificate])
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &*String::from_utf8_lossy(&output.stderr)
    }

    #[test]
    fn another_implementation_accepts_what_is_made_for_its_purpose_only() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path()).unwrap();
        let server = authority.server("server").unwrap();
        let client = authority.client("client").unwrap();
        let ok = |text: String| text.trim_end().ends_with(": OK");
        assert!(ok(verify(&authority, "sslserver", &server.certificate)));
        assert!(ok(verify(&authority, "sslclient", &client.certificate)));
        assert!(!ok(verify(&authority, "sslclient", &server.certificate)));

        let ended = authority
            .client_until("ended", jiff::civil::date(2020, 2, 29))
            .unwrap();
        let said = verify(&authority, "sslclient", &ended.certificate);
        assert!(said.contains("certificate has expired"), "{said}");
    }

    #[test]
    fn keys_are_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let client = Authority::new(folder.path())
            .unwrap()
            .client("client")
            .unwrap();
        let mode = std::fs::metadata(&client.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(
            std::fs::read_to_string(&client.key)
                .unwrap()
                .contains("BEGIN PRIVATE KEY")
        );
    }
}
