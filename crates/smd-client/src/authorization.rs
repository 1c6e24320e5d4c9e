//! The customer's authorization at the custodian: its state, the list of all of ours, and its end.
//! All of it with our client token, so it works after the customer's tokens are gone.

use espi::{Authorization, Content, Entry};
use reqwest::Method;
use url::Url;

use crate::{Bearer, Client, Error, RequestKind, SubscriptionId, endpoints, ids, resources};

/// How a deletion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// 2xx: the authorization has ended now.
    Deleted,
    /// 404 or 410 on an address that was seen before: it had ended already.
    AlreadyGone,
}

/// One of our authorizations, as the custodian lists them.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedAuthorization {
    /// Its id.
    pub id: SubscriptionId,
    /// Its address: the `authorizationURI` where there is one, else the entry's own link.
    pub uri: String,
    /// What it says.
    pub authorization: Authorization,
}

impl Client {
    /// Reads an authorization: its status (1 active, 0 revoked, 2 denied), the period for which
    /// data is published, its scope. `uri` is what came as `authorizationURI`.
    pub async fn authorization(&self, uri: &str) -> Result<Authorization, Error> {
        let kind = RequestKind::Authorization;
        let url = self.authorization_url(kind, uri)?;
        let body = self.document(kind, &url, Bearer::Client).await?;
        let mut entries = resources::entries(kind, &body)?.into_iter();
        let (link, found) = entries
            .find_map(|entry| Some((entry.links.self_href.clone(), authorization_of(entry)?)))
            .ok_or_else(|| resources::without(kind, "Authorization"))?;
        // Whoever is told that it has ended erases what was fetched under it.
        if is_another(ids::last_segment(url.path()), link.as_deref(), &found) {
            let detail = "it is another authorization than was asked for".to_owned();
            return Err(Error::Malformed { kind, detail });
        }
        Ok(found)
    }

    /// Every authorization that customers have given us, as far as the custodian still lists it.
    /// Entries without a usable id are an error: a sweep must not overlook one.
    pub async fn authorizations(&self) -> Result<Vec<ListedAuthorization>, Error> {
        let kind = RequestKind::Authorizations;
        let url = self.resource(&["Authorization"]);
        let body = self.document(kind, &url, Bearer::Client).await?;
        resources::entries(kind, &body)?
            .into_iter()
            .filter(|entry| matches!(entry.content, Content::Authorization(_)))
            .map(|entry| listed(kind, entry))
            .collect()
    }

    /// Ends an authorization, for good. Safe to repeat.
    ///
    /// `seen_before` says whether this very address answered 200 to us at some time: only then
    /// does 404 or 410 mean that it is gone. The gateway's own 404 never does, for a wrong base
    /// address must not look like a deletion.
    pub async fn delete_authorization(
        &self,
        uri: &str,
        seen_before: bool,
    ) -> Result<Deletion, Error> {
        let kind = RequestKind::DeleteAuthorization;
        let url = self.authorization_url(kind, uri)?;
        match self
            .request(kind, Method::DELETE, &url, Bearer::Client)
            .await
        {
            Ok(_) => Ok(Deletion::Deleted),
            Err(Error::NotFound { .. }) if seen_before => Ok(Deletion::AlreadyGone),
            Err(Error::NotFound { kind, status }) => Err(Error::DeletionUnproven { kind, status }),
            Err(error) => Err(error),
        }
    }

    /// The address to call for an authorization. The custodian named it at its token endpoint, so
    /// another prefix on the configured host is fine; on any other host only the id is believed.
    fn authorization_url(&self, kind: RequestKind, uri: &str) -> Result<Url, Error> {
        let named = Url::parse(uri.trim()).ok();
        let root = &self.inner.settings.resources;
        if let Some(url) = named.filter(|url| endpoints::same_origin(root, url)) {
            return Ok(url);
        }
        let id: SubscriptionId =
            ids::last_segment(uri)
                .parse()
                .map_err(|error| Error::Malformed {
                    kind,
                    detail: format!("the authorization URI: {error}"),
                })?;
        Ok(self.resource(&["Authorization", id.as_str()]))
    }
}

/// Whether an entry names itself, and not as the one that was asked for.
fn is_another(asked: &str, link: Option<&str>, found: &Authorization) -> bool {
    let names = [link, found.authorization_uri.as_deref()];
    let mut names = names
        .into_iter()
        .flatten()
        .map(ids::last_segment)
        .peekable();
    names.peek().is_some() && names.all(|id| id != asked)
}

fn authorization_of(entry: Entry) -> Option<Authorization> {
    match entry.content {
        Content::Authorization(authorization) => Some(authorization),
        _ => None,
    }
}

fn listed(kind: RequestKind, entry: Entry) -> Result<ListedAuthorization, Error> {
    let own_link = entry.links.self_href.clone();
    let authorization =
        authorization_of(entry).ok_or_else(|| resources::without(kind, "Authorization"))?;
    let uri = authorization
        .authorization_uri
        .clone()
        .or(own_link)
        .ok_or_else(|| resources::without(kind, "address of an Authorization"))?;
    let id = SubscriptionId::from_uri(&uri).map_err(|error| Error::Malformed {
        kind,
        detail: format!("the address of an Authorization: {error}"),
    })?;
    Ok(ListedAuthorization {
        id,
        uri,
        authorization,
    })
}
