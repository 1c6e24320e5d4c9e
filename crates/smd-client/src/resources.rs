//! The small documents: usage points, reading types, local time, the customer's name, the
//! service's own status and its sample.

use espi::{
    Content, Entry, ReadingType, ServiceKind, UsagePointId, local_time::LocalTimeParameters,
};
use url::Url;

use crate::{Bearer, Client, Error, RequestKind, SubscriptionId, Tokens, ids};

/// A usage point of a subscription: one service agreement, electricity or gas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePoint {
    /// Its id, from the last path segment of the entry's own link.
    pub id: UsagePointId,
    /// Electricity, gas or another; `None` where the custodian does not say.
    pub service_kind: Option<ServiceKind>,
}

/// What `DownloadSampleData` brought, in numbers: the last step of PG&E's onboarding test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleData {
    /// Length of the sample in bytes.
    pub bytes: usize,
    /// Entries in it, when it is a feed (the sample may come in another form).
    pub entries: Option<usize>,
}

impl Client {
    /// Every usage point of a subscription, in the custodian's order, each once. A customer has
    /// several; none may be left out.
    pub async fn usage_points(
        &self,
        subscription: &SubscriptionId,
        tokens: &dyn Tokens,
    ) -> Result<Vec<ServicePoint>, Error> {
        let kind = RequestKind::UsagePoints;
        let url = self.resource(&["Subscription", subscription.as_str(), "UsagePoint"]);
        let body = self.document(kind, &url, Bearer::Customer(tokens)).await?;
        let mut points: Vec<ServicePoint> = Vec::new();
        let entries = entries(kind, &body)?;
        let is_point = |entry: &Entry| matches!(entry.content, Content::UsagePoint(_));
        // A list of nothing is an answer; a list of something else is not.
        if !entries.is_empty() && !entries.iter().any(is_point) {
            return Err(without(kind, "UsagePoint"));
        }
        for entry in entries {
            let Content::UsagePoint(point) = &entry.content else {
                continue;
            };
            let link = entry.links.self_href.as_deref().unwrap_or_default();
            let id =
                UsagePointId::parse(ids::last_segment(link)).map_err(|error| Error::Malformed {
                    kind,
                    detail: format!("the link of a UsagePoint: {error}"),
                })?;
            if points.iter().all(|known| known.id != id) {
                points.push(ServicePoint {
                    id,
                    service_kind: point.service_kind,
                });
            }
        }
        Ok(points)
    }

    /// A reading type by its link or by its bare id. A link that is not ours is not called.
    pub async fn reading_type(
        &self,
        link: &str,
        tokens: &dyn Tokens,
    ) -> Result<ReadingType, Error> {
        let kind = RequestKind::ReadingType;
        let url = self
            .reading_type_url(link)
            .ok_or(Error::ForeignLink { kind })?;
        let body = self.document(kind, &url, Bearer::Customer(tokens)).await?;
        first(kind, &body, "ReadingType", |content| match content {
            Content::ReadingType(it) => Some(it),
            _ => None,
        })
    }

    /// The custodian's offset and daylight saving rules.
    pub async fn local_time_parameters(
        &self,
        tokens: &dyn Tokens,
    ) -> Result<LocalTimeParameters, Error> {
        let kind = RequestKind::LocalTimeParameters;
        let url = self.resource(&["LocalTimeParameters", "1"]);
        let body = self.document(kind, &url, Bearer::Customer(tokens)).await?;
        first(
            kind,
            &body,
            "LocalTimeParameters",
            |content| match content {
                Content::LocalTimeParameters(it) => Some(it),
                _ => None,
            },
        )
    }

    /// The customer's name, for the file name. `None` when the customer did not share it.
    /// Personal: never log it.
    pub async fn retail_customer(
        &self,
        subscription: &SubscriptionId,
        tokens: &dyn Tokens,
    ) -> Result<Option<String>, Error> {
        let kind = RequestKind::RetailCustomer;
        let url = self.resource(&["Batch", "RetailCustomer", subscription.as_str()]);
        let body = self.document(kind, &url, Bearer::Customer(tokens)).await?;
        let entries = entries(kind, &body)?;
        // Files are named after the customer: a name that is not theirs would tell of somebody else.
        let links = entries.iter().flat_map(|entry| &entry.links.self_href);
        let mut customers = links.filter_map(|link| retail_customer_of(link)).peekable();
        if customers.peek().is_some() && customers.all(|id| id != subscription.as_str()) {
            let detail = "it is of another customer than was asked for".to_owned();
            return Err(Error::Malformed { kind, detail });
        }
        let name = entries.into_iter().find_map(|entry| match entry.content {
            Content::Customer(customer) => customer.name,
            _ => None,
        });
        Ok(name
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty()))
    }

    /// Whether the custodian says that it is up.
    pub async fn service_status(&self) -> Result<espi::service_status::ServiceStatus, Error> {
        let kind = RequestKind::ServiceStatus;
        let url = self.resource(&["ReadServiceStatus"]);
        let body = self.document(kind, &url, Bearer::Client).await?;
        espi::service_status::parse(&body).map_err(|error| Error::from_read(kind, &error))
    }

    /// Fetches the custodian's sample, to prove that access works from end to end.
    pub async fn download_sample_data(&self) -> Result<SampleData, Error> {
        let kind = RequestKind::SampleData;
        let url = self.resource(&["DownloadSampleData"]);
        let body = self.document(kind, &url, Bearer::Client).await?;
        let is_xml = body.trim_ascii_start().starts_with(b"<");
        let entries = if is_xml {
            Some(entries(kind, &body)?.len())
        } else {
            None
        };
        Ok(SampleData {
            bytes: body.len(),
            entries,
        })
    }

    fn reading_type_url(&self, link: &str) -> Option<Url> {
        let link = link.trim();
        if link.contains('/') {
            // Relative links are relative to the resources.
            let url = self.inner.settings.resources.join(link).ok()?;
            return self.is_ours(&url).then_some(url);
        }
        // `push` drops dot segments, which would leave the list of all reading types.
        let is_dots = link.chars().all(|c| c == '.');
        (!is_dots).then(|| self.resource(&["ReadingType", link]))
    }
}

/// The number of the retail customer that a link names.
fn retail_customer_of(link: &str) -> Option<&str> {
    let mut segments = link.split(['/', '?', '#']);
    segments.find(|segment| *segment == "RetailCustomer")?;
    let id = segments.next()?;
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(id)
}

/// Every entry of a small document.
pub(crate) fn entries(kind: RequestKind, body: &[u8]) -> Result<Vec<Entry>, Error> {
    espi::Reader::new(body)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::from_read(kind, &error))
}

pub(crate) fn without(kind: RequestKind, what: &str) -> Error {
    Error::Malformed {
        kind,
        detail: format!("there is no {what} in it"),
    }
}

fn first<T>(
    kind: RequestKind,
    body: &[u8],
    what: &str,
    wanted: impl Fn(Content) -> Option<T>,
) -> Result<T, Error> {
    let mut found = entries(kind, body)?
        .into_iter()
        .filter_map(|entry| wanted(entry.content));
    found.next().ok_or_else(|| without(kind, what))
}
