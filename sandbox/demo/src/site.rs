//! What a walk knows of a running Metergate: addresses that anybody can reach, and what its users were given.
//! How it is run, on this machine or in containers, is not among it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use custodian::control::{AuthorizationReport, CustomerReport};
use reqwest::{Certificate, Client};
use serde::de::DeserializeOwned;
use test_support::browser::Visitor;

use crate::household::CUSTOMERS;
use crate::patience::{Trouble, patiently};
use crate::{BoxError, Needs};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A running Metergate from outside.
#[derive(Debug, Clone)]
pub struct Site {
    /// The public address, `https://host` or `https://host:port`, without a slash at the end.
    pub url: String,
    /// The sandbox custodian's pages, without a slash at the end; with its control endpoints.
    pub custodian: Option<String>,
    /// PEM file of the authority that signed the certificates of nginx and of the homes' broker.
    pub authority: PathBuf,
    authority_pem: String,
    /// User name for `/output/`.
    pub reader: String,
    /// Its password.
    pub password: String,
    /// User name for `/console/`, with the same password; empty where it is not known.
    pub operator: String,
    /// A key to the eligible party's API; none where the history side runs alone.
    pub api_key: Option<String>,
    /// What homes are asked for.
    pub needs: Needs,
    /// How long a service may be away before that is an error. Zero: every answer counts.
    pub patience: Duration,
    /// How often a customer looks at the progress page. The edge limits how often anybody may.
    pub pace: Duration,
}

impl Site {
    /// A site with the authority read from its file, and everything else as little as can be: no custodian, no
    /// password, no key, no patience.
    pub fn new(url: &str, authority: &Path) -> io::Result<Self> {
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            custodian: None,
            authority: authority.to_owned(),
            authority_pem: fs::read_to_string(authority)?,
            reader: String::new(),
            password: String::new(),
            operator: String::new(),
            api_key: None,
            needs: Needs::default(),
            patience: Duration::ZERO,
            pace: Duration::from_millis(500),
        })
    }

    /// A browser that trusts the authority.
    pub fn visitor(&self) -> Result<Visitor, BoxError> {
        Ok(Visitor::new(Some(&self.authority_pem))?)
    }

    /// A program that does.
    pub(crate) fn client(&self) -> Result<Client, BoxError> {
        service_kit::http::install_tls_provider();
        let authorities = Certificate::from_pem_bundle(self.authority_pem.as_bytes())?;
        Ok(Client::builder()
            .tls_certs_only(authorities)
            .no_proxy()
            .timeout(LIMIT)
            // nginx closes after a minute: what is sent at that moment is lost.
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?)
    }

    /// Finds the custodian by going where customers are sent, unless it is known.
    pub async fn find_custodian(&mut self) -> Result<(), BoxError> {
        if self.custodian.is_none() {
            let mut visitor = self.visitor()?;
            visitor.visit(&self.url).await?;
            let page = visitor.click("a.button").await?;
            self.custodian = Some(page.url.origin().ascii_serialization());
        }
        Ok(())
    }

    /// A control endpoint of the sandbox custodian.
    pub async fn control<T: DeserializeOwned>(&self, path: &str) -> Result<T, BoxError> {
        let url = self.control_url(path)?;
        let mut visitor = self.visitor()?;
        patiently(self.patience, async || {
            let page = visitor.visit(&url).await?;
            if page.status != 200 {
                let said = format!(
                    "/sandbox/{path} answers {}: is this the sandbox custodian?",
                    page.status
                );
                return Err(Trouble::status(page.status, said));
            }
            serde_json::from_slice(&page.body).map_err(|error| Trouble::Final(error.into()))
        })
        .await
    }

    /// A customer takes the consent back at the custodian.
    pub async fn revoke(&self, key: &str) -> Result<(), BoxError> {
        let url = self.control_url(&format!("revoke?customer={key}"))?;
        let answer = self.client()?.post(url).send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    /// The newest authorization of a customer at the custodian.
    pub async fn authorization_of(&self, key: &str) -> Result<AuthorizationReport, BoxError> {
        let all: Vec<AuthorizationReport> = self.control("authorizations").await?;
        all.into_iter()
            .filter(|it| it.customer == key)
            .max_by_key(|it| it.id)
            .ok_or_else(|| "no authorization".into())
    }

    /// Everything the sandbox knows to be personal: names, account numbers and service agreements of all
    /// customers, the ids of all authorizations, and the names by which homes were asked.
    pub async fn personal(&self) -> Result<Vec<String>, BoxError> {
        let customers: Vec<CustomerReport> = self.control("customers").await?;
        let mut personal = vec![CUSTOMERS.to_owned()];
        for customer in customers {
            personal.extend([customer.name, customer.account]);
            personal.extend(customer.usage_points.into_iter().map(|point| point.id));
        }
        let authorizations: Vec<AuthorizationReport> = self.control("authorizations").await?;
        personal.extend(authorizations.iter().map(|it| it.id.to_string()));
        Ok(personal)
    }

    fn control_url(&self, path: &str) -> Result<String, BoxError> {
        let base = self.custodian.as_deref();
        let base = base.ok_or("the custodian's address is not known")?;
        Ok(format!("{base}/sandbox/{path}"))
    }
}
