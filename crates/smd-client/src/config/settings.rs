//! From what was configured to what is used: every address complete, every secret read.

use std::time::Duration;

use url::Url;

use super::{ConfigError, SmdConfig, TokenForm, WindowFormat};
use crate::{endpoints, tokens::Secret};

/// The configuration after parsing: every address complete, every secret read.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) client_id: String,
    pub(crate) client_secret: Secret,
    pub(crate) redirect_uri: Url,
    pub(crate) authorize: Url,
    pub(crate) token: Url,
    pub(crate) resources: Url,
    pub(crate) token_form: TokenForm,
    pub(crate) window_format: WindowFormat,
    pub(crate) authorization_scope: Option<String>,
    pub(crate) max_body: u64,
    pub(crate) longest_wait: Duration,
}

impl SmdConfig {
    /// Whether there is a registration at all.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        filled(self.client_id.as_deref()).is_some()
    }

    /// Checks everything that can be checked without the custodian. Certificate files are read by
    /// [`crate::Client::new`].
    pub(crate) fn settings(&self) -> Result<Settings, ConfigError> {
        let client_id = filled(self.client_id.as_deref()).ok_or(ConfigError::Missing {
            variable: "CLIENT_ID",
            remedy: "copy the client id from the Share My Data portal",
        })?;
        let redirect = filled(self.redirect_base_url.as_deref()).ok_or(ConfigError::Missing {
            variable: "REDIRECT_BASE_URL",
            remedy: "write our public address, as https://energy.example.com",
        })?;
        let resources = endpoints::resources(&self.api_base_url)?;
        let token = match filled(self.token_url.as_deref()) {
            Some(text) => endpoints::token(text)?,
            None => endpoints::token_beside(&resources),
        };
        for (variable, seconds) in [
            (
                "METERGATE_SMD_REQUEST_TIMEOUT_SECONDS",
                self.request_timeout_seconds,
            ),
            (
                "METERGATE_SMD_TRANSFER_TIMEOUT_SECONDS",
                self.transfer_timeout_seconds,
            ),
            ("METERGATE_SMD_MAX_BODY_BYTES", self.max_body_bytes),
        ] {
            if seconds == 0 {
                let reason = "0 would break off every answer: write a larger number".to_owned();
                return Err(ConfigError::Value { variable, reason });
            }
        }
        Ok(Settings {
            client_id: client_id.to_owned(),
            client_secret: self.secret()?,
            redirect_uri: endpoints::redirect(redirect)?,
            authorize: endpoints::authorize(&self.authorize_url)?,
            token,
            resources,
            token_form: self.token_form,
            window_format: self.window_format,
            authorization_scope: filled(self.authorization_scope.as_deref()).map(str::to_owned),
            max_body: self.max_body_bytes,
            longest_wait: Duration::from_secs(self.longest_wait_seconds),
        })
    }

    fn secret(&self) -> Result<Secret, ConfigError> {
        use service_kit::secret::{ExposeSecret, read};
        let secret = read(
            "CLIENT_SECRET",
            self.client_secret.as_ref(),
            self.client_secret_file.as_deref(),
        )?;
        if secret.expose_secret().trim().is_empty() {
            return Err(ConfigError::Missing {
                variable: "CLIENT_SECRET",
                remedy: "copy the client secret from the Share My Data portal",
            });
        }
        Ok(secret)
    }
}

/// Compose files set variables to nothing; that is not a value.
fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use secrecy::ExposeSecret;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        smd: SmdConfig,
    }

    fn complete() -> SmdConfig {
        SmdConfig {
            client_id: Some("0123456789abcdef0123456789abcdef".into()),
            client_secret: Some("tell-nobody".into()),
            redirect_base_url: Some("https://energy.example.com/".into()),
            ..SmdConfig::default()
        }
    }

    fn refusal(change: impl FnOnce(&mut SmdConfig)) -> String {
        let mut config = complete();
        change(&mut config);
        config.settings().unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_is_well_formed_and_defaults_to_production() {
        <Cli as clap::CommandFactory>::command().debug_assert();
        let cli = Cli::parse_from(["test", "--smd-client-secret", "tell-nobody"]);
        let plain = SmdConfig::default();
        assert_eq!(cli.smd.authorize_url, plain.authorize_url);
        assert_eq!(cli.smd.api_base_url, plain.api_base_url);
        assert_eq!(cli.smd.certificate, plain.certificate);
        assert_eq!(cli.smd.private_key, plain.private_key);
        assert_eq!(cli.smd.token_form, plain.token_form);
        assert_eq!(cli.smd.window_format, plain.window_format);
        assert_eq!(
            cli.smd.request_timeout_seconds,
            plain.request_timeout_seconds
        );
        assert_eq!(
            cli.smd.transfer_timeout_seconds,
            plain.transfer_timeout_seconds
        );
        assert_eq!(cli.smd.max_body_bytes, plain.max_body_bytes);
        assert_eq!(cli.smd.longest_wait_seconds, plain.longest_wait_seconds);
        assert!(!format!("{:?}", cli.smd).contains("tell-nobody"));
    }

    #[test]
    fn completes_every_address() {
        let settings = complete().settings().unwrap();
        assert_eq!(
            settings.authorize.as_str(),
            "https://sharemydata.pge.com/myAuthorization"
        );
        assert_eq!(
            settings.token.as_str(),
            "https://api.pge.com/datacustodian/oauth/v2/token"
        );
        assert_eq!(
            settings.resources.as_str(),
            "https://api.pge.com/GreenButtonConnect/espi/1_1/resource"
        );
        assert_eq!(
            settings.redirect_uri.as_str(),
            "https://energy.example.com/OAuthCallback"
        );
    }

    #[test]
    fn names_the_variable_and_the_remedy() {
        let missing_id = refusal(|it| it.client_id = Some("  ".into()));
        assert!(
            missing_id.starts_with("CLIENT_ID is not set: copy"),
            "{missing_id}"
        );
        let missing_secret = refusal(|it| it.client_secret = None);
        assert!(
            missing_secret.contains("CLIENT_SECRET_FILE"),
            "{missing_secret}"
        );
        assert!(refusal(|it| it.redirect_base_url = None).starts_with("REDIRECT_BASE_URL"));
        let clear = refusal(|it| it.api_base_url = "http://api.pge.com".into());
        assert!(
            clear.starts_with("PGE_API_BASE_URL") && clear.contains("https"),
            "{clear}"
        );
        assert!(
            refusal(|it| it.token_url = Some("token".into())).starts_with("PGE_API_BASE_TOKEN_URL")
        );
        assert!(refusal(|it| it.authorize_url = "ftp://x".into()).starts_with("SMD_AUTH_BASE_URL"));
        assert!(refusal(|it| it.max_body_bytes = 0).starts_with("METERGATE_SMD_MAX_BODY_BYTES"));
    }

    #[test]
    fn reads_the_secret_from_a_file_but_not_from_two_places() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "from-file\n").unwrap();
        let mut config = complete();
        config.client_secret_file = Some(path.clone());
        assert!(
            config
                .settings()
                .unwrap_err()
                .to_string()
                .contains("keep one")
        );
        config.client_secret = None;
        assert_eq!(
            config.settings().unwrap().client_secret.expose_secret(),
            "from-file"
        );
        std::fs::write(&path, " \n").unwrap();
        assert!(
            config
                .settings()
                .unwrap_err()
                .to_string()
                .starts_with("CLIENT_SECRET is not set")
        );
        config.client_secret_file = Some(folder.path().join("none"));
        assert!(
            config
                .settings()
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }
}
