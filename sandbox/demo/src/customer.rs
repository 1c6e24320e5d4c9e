//! A customer with a browser, and an analyst with a password.

use std::time::{Duration, Instant};

use custodian::control::{AuthorizationReport, CustomerReport};
use reqwest::Url;
use serde::de::DeserializeOwned;
use test_support::browser::{Page, Visitor};

use crate::{BoxError, Stack};

/// How long the sandbox may take to answer.
const LIMIT: Duration = Duration::from_secs(30);
/// How often the progress page is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A customer of the sandbox, at a browser.
#[derive(Debug)]
pub struct Customer {
    /// As the custodian knows them.
    pub known: CustomerReport,
    /// The browser.
    pub visitor: Visitor,
}

/// A file that was downloaded.
#[derive(Debug)]
pub struct Delivered {
    /// Its name in the listing.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Customer {
    /// The customer with this key in the sandbox.
    pub async fn new(stack: &Stack, key: &str) -> Result<Self, BoxError> {
        let customers: Vec<CustomerReport> = stack.control("customers").await?;
        let known = customers
            .into_iter()
            .find(|it| it.key == key)
            .ok_or("the sandbox has no such customer")?;
        Ok(Self {
            known,
            visitor: Visitor::new(Some(&stack.authority.pem()))?,
        })
    }

    /// From the consent page to the progress page: start, log in, choose everything, authorize.
    pub async fn authorize(&mut self, stack: &Stack) -> Result<&Page, BoxError> {
        self.log_in(stack).await?;
        let page = self
            .visitor
            .submit("form button[value=authorize]", &[])
            .await?;
        if page.status == 200 {
            Ok(page)
        } else {
            Err(format!("authorizing ended with {}: {}", page.status, page.text()).into())
        }
    }

    /// From the consent page to the custodian's choice of service agreements.
    pub async fn log_in(&mut self, stack: &Stack) -> Result<&Page, BoxError> {
        self.visitor.visit(&stack.nginx.url()).await?;
        self.visitor.click("a.button").await?;
        let fields = [
            ("name", self.known.name.as_str()),
            ("account", self.known.account.as_str()),
        ];
        Ok(self
            .visitor
            .submit("form button[value=login]", &fields)
            .await?)
    }

    /// Looks at the progress page until it says the end; `see` is told each new line of it.
    pub async fn wait(
        &mut self,
        limit: Duration,
        mut see: impl FnMut(&str),
    ) -> Result<String, BoxError> {
        let (started, mut last) = (Instant::now(), String::new());
        loop {
            let page = self.visitor.reload().await?;
            let title = page.title();
            let progress = page
                .select("progress")
                .into_iter()
                .next()
                .unwrap_or_default();
            let line = if progress.is_empty() {
                title.clone()
            } else {
                format!("{title}: {progress} windows")
            };
            if line != last {
                see(&line);
                last = line;
            }
            if page.select("meta[http-equiv=refresh]").is_empty() {
                return Ok(page.text());
            }
            if started.elapsed() > limit {
                return Err(format!("not done within {limit:?}: {last}\n{}", page.text()).into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Stack {
    /// A control endpoint of the sandbox custodian.
    pub async fn control<T: DeserializeOwned>(&self, path: &str) -> Result<T, BoxError> {
        let mut visitor = Visitor::new(None)?;
        let page = visitor
            .visit(&format!("{}/sandbox/{path}", self.custodian_pages))
            .await?;
        Ok(serde_json::from_slice(&page.body)?)
    }

    /// A customer takes the consent back at the custodian.
    pub async fn revoke(&self, key: &str) -> Result<(), BoxError> {
        let url = format!("{}/sandbox/revoke?customer={key}", self.custodian_pages);
        let http = reqwest::Client::builder().timeout(LIMIT).build()?;
        http.post(url).send().await?.error_for_status()?;
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

    /// The status of `/output/` without a password.
    pub async fn status_without_password(&self) -> Result<u16, BoxError> {
        let mut visitor = Visitor::new(Some(&self.authority.pem()))?;
        Ok(visitor
            .visit(&format!("{}/output/", self.nginx.url()))
            .await?
            .status)
    }

    /// Downloads every file of the folder through nginx, with the password.
    pub async fn download(&self) -> Result<Vec<Delivered>, BoxError> {
        let mut visitor = Visitor::new(Some(&self.authority.pem()))?;
        let folder = Url::parse(&format!("{}/output/", self.nginx.url()))?;
        let listing = visitor
            .visit_with_password(folder.as_str(), self.reader(), &self.password)
            .await?;
        if listing.status != 200 {
            return Err(format!("/output/ answers {}", listing.status).into());
        }
        let names: Vec<String> = listing
            .select("a")
            .into_iter()
            .filter(|name| !name.starts_with(".."))
            .collect();
        let links: Vec<Url> = (0..=names.len())
            .filter_map(|nr| listing.link(&format!("a:nth-of-type({})", nr + 1)))
            .filter(|link| link.path() != "/")
            .collect();
        let mut files = Vec::new();
        for link in links {
            let name = link
                .path_segments()
                .and_then(|mut it| it.next_back())
                .unwrap_or_default()
                .to_owned();
            let page = visitor
                .visit_with_password(link.as_str(), self.reader(), &self.password)
                .await?;
            files.push(Delivered {
                name,
                bytes: page.body.clone(),
            });
        }
        Ok(files)
    }
}
