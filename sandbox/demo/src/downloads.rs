//! What lies in the download folder, for an analyst with a password.

use reqwest::Url;
use test_support::browser::Page;

use crate::patience::{Trouble, patiently};
use crate::{BoxError, Site};

/// A file that was downloaded.
#[derive(Debug)]
pub struct Delivered {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Site {
    /// The status of `/output/` without a password.
    pub async fn status_without_password(&self) -> Result<u16, BoxError> {
        let mut visitor = self.visitor()?;
        patiently(self.patience, async || {
            let page = visitor.visit(&self.folder()).await?;
            match page.status {
                200 | 401 => Ok(page.status),
                status => Err(Trouble::status(
                    status,
                    format!("/output/ answers {status}"),
                )),
            }
        })
        .await
    }

    /// Downloads every file of the folder through nginx, with the password.
    pub async fn download(&self) -> Result<Vec<Delivered>, BoxError> {
        self.download_where(|_| true).await
    }

    /// Downloads the files whose names are as wanted.
    pub async fn download_where(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Delivered>, BoxError> {
        let mut files = Vec::new();
        for link in self.links().await? {
            let name = name_of(&link);
            if wanted(&name) {
                let page = self.read(link.as_str()).await?;
                let bytes = page.body;
                files.push(Delivered { name, bytes });
            }
        }
        Ok(files)
    }

    /// The names of all files, on however many pages.
    pub async fn names(&self) -> Result<Vec<String>, BoxError> {
        Ok(self.links().await?.iter().map(name_of).collect())
    }

    async fn links(&self) -> Result<Vec<Url>, BoxError> {
        let mut links = Vec::new();
        let mut next = Some(self.folder());
        while let Some(page) = next {
            let page = self.read(&page).await?;
            links.extend(page.links("ul.files a"));
            next = page.link("a[rel=next]").map(String::from);
        }
        Ok(links)
    }

    async fn read(&self, url: &str) -> Result<Page, BoxError> {
        let mut visitor = self.visitor()?;
        patiently(self.patience, async || {
            let page = visitor
                .visit_with_password(url, &self.reader, &self.password)
                .await?;
            match page.status {
                200 => Ok(page.clone()),
                status => Err(Trouble::status(
                    status,
                    format!("/output/ answers {status}"),
                )),
            }
        })
        .await
    }

    fn folder(&self) -> String {
        format!("{}/output/", self.url)
    }
}

fn name_of(link: &Url) -> String {
    let name = link.path_segments().and_then(|mut it| it.next_back());
    name.unwrap_or_default().to_owned()
}
