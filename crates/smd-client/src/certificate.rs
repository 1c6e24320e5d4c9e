//! The client certificate: reads it, looks whether it fits its key and how long it lasts.
//!
//! Expiry is the usual breakage, and a wrong certificate shows only as HTTP 400 from the gateway;
//! so `metergate doctor` asks here first.

mod der;

pub use der::Facts;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use rustls::{
    Error as TlsError,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

/// What a certificate says about itself and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateReport {
    /// The file.
    pub path: PathBuf,
    /// The subject's common name, if it has one.
    pub subject: Option<String>,
    /// The common name of the authority that issued it, if that has one.
    pub issuer: Option<String>,
    /// No authority stands behind it. PG&E takes only certificates of public ones.
    pub is_self_signed: bool,
    /// First instant at which it holds.
    pub not_before: Timestamp,
    /// Last instant at which it holds.
    pub not_after: Timestamp,
    /// Whether the private key belongs to it.
    pub matches_key: bool,
    /// Certificates in the file, the leaf included. A public authority's needs at least 2.
    pub chain_length: usize,
}

/// Why certificate, key or authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{variable}: cannot read {}: {source}; check the path and who may read it", path.display())]
    Unreadable {
        /// The environment variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no certificate in PEM.
    #[error("{variable}: {} holds no PEM certificate: it must have a line BEGIN CERTIFICATE", path.display())]
    NoCertificate {
        /// The environment variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key in PEM.
    #[error("METERGATE_SMD_PRIVATE_KEY: {} holds no PEM private key without a password: decrypt it with `openssl pkey -in FILE -out FILE`", .0.display())]
    NoKey(PathBuf),
    /// The key is of a kind or size that TLS does not use.
    #[error("METERGATE_SMD_PRIVATE_KEY: {} cannot be used: {reason}", path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What the TLS library said.
        reason: String,
    },
    /// The certificate cannot be read.
    #[error("{variable}: {} is damaged: its {part} cannot be read", path.display())]
    Damaged {
        /// The environment variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// The part of the certificate.
        part: &'static str,
    },
    /// Certificate and key are not of one pair.
    #[error("{} does not fit {}: put the key there that the certificate was requested with", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

impl CertificateReport {
    /// Whole days until the certificate expires; negative once it has.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after
            .duration_since(now)
            .as_secs()
            .div_euclid(24 * 60 * 60)
    }

    /// What is wrong, or soon will be, with the remedy; `None` when all is well for `margin`.
    #[must_use]
    pub fn warning(&self, now: Timestamp, margin: SignedDuration) -> Option<String> {
        let path = self.path.display();
        let renew = "upload a new one in the Share My Data portal, then replace the file";
        if !self.matches_key {
            return Some(format!("certificate {path} does not fit the private key"));
        }
        if now < self.not_before {
            return Some(format!(
                "certificate {path} holds only from {} on",
                self.not_before
            ));
        }
        let days = self.days_left(now);
        if now > self.not_after {
            return Some(format!(
                "certificate {path} has expired on {}: {renew}",
                self.not_after
            ));
        }
        (self.not_after.duration_since(now) < margin)
            .then(|| format!("certificate {path} expires in {days} days: {renew}"))
    }
}

/// The margin for [`CertificateReport::warning`]: time enough to have a new certificate issued and
/// uploaded.
pub const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Reads certificate and key and reports on them. A key of another pair is a report, not an error.
pub fn check(certificate: &Path, key: &Path) -> Result<CertificateReport, CertificateError> {
    Ok(Pair::read(certificate, key)?.report)
}

/// What a certificate in DER says about itself; `None` when it cannot be read.
#[must_use]
pub fn facts(der: &[u8]) -> Option<Facts> {
    der::certificate(der)
}

/// A certificate and its key, read.
pub(crate) struct Pair {
    /// Both, PEM, as the HTTP client wants them.
    pub(crate) pem: Vec<u8>,
    pub(crate) report: CertificateReport,
}

impl Pair {
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let mut pem = read("METERGATE_SMD_CERTIFICATE", certificate)?;
        let key_pem = read("METERGATE_SMD_PRIVATE_KEY", key)?;
        let report = report(certificate, &pem, key, &key_pem)?;
        pem.push(b'\n');
        pem.extend_from_slice(&key_pem);
        Ok(Self { pem, report })
    }

    /// The same, refusing a key of another pair.
    pub(crate) fn read_matching(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let pair = Self::read(certificate, key)?;
        if pair.report.matches_key {
            return Ok(pair);
        }
        Err(CertificateError::Mismatch {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        })
    }
}

/// The key stays out of logs.
impl fmt::Debug for Pair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Pair")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

/// The certificates of a PEM file, as DER; at least one.
pub(crate) fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let variable = "METERGATE_SMD_EXTRA_CA";
    certificates(variable, path, &read(variable, path)?)
}

fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::Unreadable {
        variable,
        path: path.to_owned(),
        source,
    })
}

fn certificates(
    variable: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| CertificateError::Damaged {
            variable,
            path: path.to_owned(),
            part: "PEM encoding",
        })?;
    if all.is_empty() {
        return Err(CertificateError::NoCertificate {
            variable,
            path: path.to_owned(),
        });
    }
    Ok(all)
}

fn report(
    path: &Path,
    pem: &[u8],
    key_path: &Path,
    key_pem: &[u8],
) -> Result<CertificateReport, CertificateError> {
    let variable = "METERGATE_SMD_CERTIFICATE";
    let chain = certificates(variable, path, pem)?;
    let damaged = |part| CertificateError::Damaged {
        variable,
        path: path.to_owned(),
        part,
    };
    let leaf = chain.first().ok_or(damaged("leaf"))?;
    let facts = der::certificate(leaf).ok_or(damaged("contents"))?;
    let key = PrivateKeyDer::from_pem_slice(key_pem)
        .map_err(|_| CertificateError::NoKey(key_path.to_owned()))?;
    let unusable = |error: TlsError| CertificateError::UnusableKey {
        path: key_path.to_owned(),
        reason: error.to_string(),
    };
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(unusable)?;
    let chain_length = chain.len();
    let matches_key = CertifiedKey::new(chain, key).keys_match().is_ok();
    Ok(CertificateReport {
        path: path.to_owned(),
        subject: facts.common_name,
        issuer: facts.issuer,
        is_self_signed: facts.is_self_signed,
        not_before: facts.not_before,
        not_after: facts.not_after,
        matches_key,
        chain_length,
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    struct Files {
        folder: tempfile::TempDir,
    }

    impl Files {
        /// A certificate that ends in `year`, and its key.
        fn new(year: i32) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec!["smd.example".into()]).unwrap();
            params
                .distinguished_name
                .push(DnType::CommonName, "Example Energy");
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 6, 30);
            let certificate = params.self_signed(&key).unwrap();
            std::fs::write(folder.path().join("crt"), certificate.pem()).unwrap();
            std::fs::write(folder.path().join("key"), key.serialize_pem()).unwrap();
            Self { folder }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn check(&self) -> Result<CertificateReport, CertificateError> {
            check(&self.path("crt"), &self.path("key"))
        }
    }

    #[test]
    fn reports_subject_end_and_fit() {
        // A year after 2050 is written in the other of the two time formats.
        for year in [2030, 2060] {
            let report = Files::new(year).check().unwrap();
            assert_eq!(report.subject.as_deref(), Some("Example Energy"));
            assert_eq!(
                report.not_after.to_string(),
                format!("{year}-06-30T00:00:00Z")
            );
            assert_eq!(report.not_before.to_string(), "2020-01-01T00:00:00Z");
            assert!(report.matches_key);
            assert_eq!(report.chain_length, 1);
            assert!(report.is_self_signed);
            assert_eq!(report.issuer, report.subject);
        }
    }

    #[test]
    fn counts_the_days_and_says_what_to_do() {
        let report = Files::new(2030).check().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let margin = SignedDuration::from_hours(30 * 24);
        assert_eq!(report.warning(at("2030-05-01T00:00:00Z"), margin), None);
        let soon = report.warning(at("2030-06-20T12:00:00Z"), margin).unwrap();
        assert!(
            soon.contains("expires in 9 days: upload a new one"),
            "{soon}"
        );
        let over = report.warning(at("2030-06-30T00:00:01Z"), margin).unwrap();
        assert!(over.contains("has expired"), "{over}");
        assert_eq!(report.days_left(at("2030-06-30T00:00:01Z")), -1);
        assert!(
            report
                .warning(at("2019-12-31T00:00:00Z"), margin)
                .unwrap()
                .contains("only from")
        );
    }

    #[test]
    fn notices_a_key_of_another_pair() {
        let (files, other) = (Files::new(2030), Files::new(2030));
        std::fs::copy(other.path("key"), files.path("key")).unwrap();
        let report = files.check().unwrap();
        assert!(!report.matches_key);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(
            report
                .warning(now, SignedDuration::ZERO)
                .unwrap()
                .contains("does not fit")
        );
        let refused = Pair::read_matching(&files.path("crt"), &files.path("key")).unwrap_err();
        assert!(
            matches!(refused, CertificateError::Mismatch { .. }),
            "{refused}"
        );
    }

    #[test]
    fn says_which_file_is_no_good() {
        let files = Files::new(2030);
        std::fs::write(
            files.path("key"),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        )
        .unwrap();
        let locked = files.check().unwrap_err();
        assert!(locked.to_string().contains("openssl pkey"), "{locked}");
        std::fs::write(files.path("crt"), "nothing here").unwrap();
        assert!(matches!(
            files.check(),
            Err(CertificateError::NoCertificate { .. })
        ));
        std::fs::write(
            files.path("crt"),
            "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        assert!(matches!(
            files.check(),
            Err(CertificateError::Damaged { .. })
        ));
        std::fs::remove_file(files.path("crt")).unwrap();
        let gone = files.check().unwrap_err().to_string();
        assert!(
            gone.starts_with("METERGATE_SMD_CERTIFICATE: cannot read"),
            "{gone}"
        );
    }
}
