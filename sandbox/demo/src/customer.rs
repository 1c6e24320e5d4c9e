//! A customer with a browser.

use std::time::{Duration, Instant};

use custodian::control::CustomerReport;
use test_support::browser::{Page, Visitor};

use crate::patience::{Trouble, is_away, patiently};
use crate::{BoxError, Site};

/// A customer of the sandbox, at a browser.
#[derive(Debug)]
pub struct Customer {
    /// As the custodian knows them.
    pub known: CustomerReport,
    /// The browser.
    pub visitor: Visitor,
    patience: Duration,
    pace: Duration,
}

impl Customer {
    /// The customer with this key in the sandbox.
    pub async fn new(site: &Site, key: &str) -> Result<Self, BoxError> {
        let customers: Vec<CustomerReport> = site.control("customers").await?;
        let known = customers
            .into_iter()
            .find(|it| it.key == key)
            .ok_or("the sandbox has no such customer")?;
        Ok(Self {
            known,
            visitor: site.visitor()?,
            patience: site.patience,
            pace: site.pace,
        })
    }

    /// From the consent page to the progress page: start, log in, choose everything, authorize. Who meets a
    /// service that is away loads the page again, and starts again where that does not help.
    pub async fn authorize(&mut self, site: &Site) -> Result<&Page, BoxError> {
        patiently(self.patience, async || {
            // A code is good once: whatever went wrong on the way back, a new one is to be had.
            self.try_to_authorize(site).await.map_err(Trouble::Away)
        })
        .await?;
        Ok(self.visitor.page().ok_or("there is no page")?)
    }

    /// From the consent page to the custodian's choice of service agreements.
    pub async fn log_in(&mut self, site: &Site) -> Result<&Page, BoxError> {
        let visitor = &mut self.visitor;
        patiently(self.patience, async || {
            visitor.visit(&site.url).await?;
            arrived(visitor)?;
            visitor.click("a.button").await?;
            arrived(visitor)
        })
        .await?;
        let fields = [
            ("name", self.known.name.as_str()),
            ("account", self.known.account.as_str()),
        ];
        Ok(self
            .visitor
            .submit("form button[value=login]", &fields)
            .await?)
    }

    async fn try_to_authorize(&mut self, site: &Site) -> Result<(), BoxError> {
        self.log_in(site).await?;
        let visitor = &mut self.visitor;
        visitor.submit("form button[value=authorize]", &[]).await?;
        patiently(self.patience, async || {
            if visitor.page().is_some_and(|page| is_away(page.status)) {
                visitor.reload().await?;
            }
            arrived(visitor)
        })
        .await
    }

    /// Looks at the progress page until it says the end; `see` is told each new line of it.
    pub async fn wait(
        &mut self,
        limit: Duration,
        mut see: impl FnMut(&str),
    ) -> Result<String, BoxError> {
        let (started, mut last) = (Instant::now(), String::new());
        loop {
            let line = match self.look().await {
                Ok(Progress::Ended(text)) => return Ok(text),
                Ok(Progress::Line(line)) => line,
                Err(Trouble::Away(error)) => format!("to be loaded again: {error}"),
                Err(Trouble::Final(error)) => return Err(error),
            };
            if line != last {
                see(&line);
                last = line;
            }
            if started.elapsed() > limit {
                let page = self.visitor.page().map(Page::text).unwrap_or_default();
                return Err(format!("not done within {limit:?}: {last}\n{page}").into());
            }
            tokio::time::sleep(self.pace).await;
        }
    }

    async fn look(&mut self) -> Result<Progress, Trouble> {
        let page = self.visitor.reload().await?;
        if is_away(page.status) {
            let said = format!("the progress page answers {}", page.status);
            return Err(Trouble::Away(said.into()));
        }
        let title = page.title();
        let windows = page.select("progress").into_iter().next();
        let line = match windows.filter(|windows| !windows.is_empty()) {
            Some(windows) => format!("{title}: {windows} windows"),
            None => title,
        };
        Ok(if page.select("[data-events]").is_empty() {
            Progress::Ended(page.text())
        } else {
            Progress::Line(line)
        })
    }
}

/// What the progress page says.
enum Progress {
    Line(String),
    Ended(String),
}

/// The page that was asked for is there.
fn arrived(visitor: &Visitor) -> Result<(), Trouble> {
    let Some(page) = visitor.page().filter(|page| page.status != 200) else {
        return Ok(());
    };
    let said = format!("authorizing ended with {}: {}", page.status, page.text());
    Err(Trouble::status(page.status, said))
}
