//! Batches of readings: asked for by window, or by a link that a notification brought.
//!
//! Every batch path may answer 200 with the feed, 202 for a notification that follows within a
//! couple of minutes, or 204 for no data in the range.

use espi::UsagePointId;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use url::Url;

use crate::{
    Bearer, Body, Client, Error, RequestKind, SubscriptionId, Tokens, WindowFormat, refusal,
    transport::Answer,
};

/// A stretch of interval time. PG&E counts both ends in and works by whole days, so adjacent
/// windows bring some days twice; at most 28 to 31 days are advised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Start of the first interval wanted.
    pub start: Timestamp,
    /// Start of the last interval wanted.
    pub end: Timestamp,
}

impl Window {
    fn append_to(self, url: &mut Url, format: WindowFormat) {
        let written = |at: Timestamp| match format {
            WindowFormat::Epoch => at.as_second().to_string(),
            WindowFormat::Iso8601 => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        };
        url.query_pairs_mut()
            .append_pair("published-min", &written(self.start))
            .append_pair("published-max", &written(self.end));
    }
}

/// The custodian's answer to a request for readings.
#[derive(Debug)]
pub enum Batch {
    /// The feed, arriving.
    Feed(Body),
    /// Accepted (202): a notification will bring the link.
    Accepted,
    /// No data in the range (204).
    Empty,
}

impl Client {
    /// The readings of one usage point within `window`.
    pub async fn batch(
        &self,
        subscription: &SubscriptionId,
        usage_point: &UsagePointId,
        window: Window,
        tokens: &dyn Tokens,
    ) -> Result<Batch, Error> {
        let mut url = self.resource(&[
            "Batch",
            "Subscription",
            subscription.as_str(),
            "UsagePoint",
            usage_point.as_str(),
        ]);
        window.append_to(&mut url, self.inner.settings.window_format);
        let kind = RequestKind::Batch;
        let answer = self
            .request(kind, Method::GET, &url, Bearer::Customer(tokens))
            .await?;
        batch(kind, answer).await
    }

    /// What is behind a link of a notification: bulk links with [`Bearer::Client`], links of one
    /// subscription with that customer's tokens. A link that is not ours is not called.
    pub async fn follow(&self, link: &Url, bearer: Bearer<'_>) -> Result<Batch, Error> {
        let kind = RequestKind::Follow;
        if !self.is_ours(link) {
            return Err(Error::ForeignLink { kind });
        }
        let answer = self.request(kind, Method::GET, link, bearer).await?;
        batch(kind, answer).await
    }
}

async fn batch(kind: RequestKind, answer: Answer) -> Result<Batch, Error> {
    match answer.status {
        StatusCode::OK => feed(kind, answer.body).await.map(Batch::Feed),
        StatusCode::ACCEPTED => Ok(Batch::Accepted),
        StatusCode::NO_CONTENT => Ok(Batch::Empty),
        other => {
            let detail = format!("status {} to a request for readings", other.as_u16());
            Err(Error::Malformed { kind, detail })
        }
    }
}

/// The first bytes tell a feed from a web page and from nothing, before anybody parses.
async fn feed(kind: RequestKind, body: Body) -> Result<Body, Error> {
    let content_type = body.content_type().map(str::to_owned);
    let (start, body) = body
        .peek()
        .await
        .map_err(|error| Error::from_body(kind, &error))?;
    if refusal::looks_like_html(content_type.as_deref(), &start) {
        return Err(Error::Html { kind });
    }
    if start.is_empty() {
        // No data is 204; an empty 200 is a fault and must not look like an empty window.
        return Err(Error::Malformed {
            kind,
            detail: "status 200 with an empty body".to_owned(),
        });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_window_in_both_formats() {
        let window = Window {
            start: "2019-10-16T07:00:00.75Z".parse().unwrap(),
            end: "2019-11-13T07:59:59Z".parse().unwrap(),
        };
        let written = |format| {
            let mut url = Url::parse("https://host/Batch").unwrap();
            window.append_to(&mut url, format);
            url.query().unwrap().to_owned()
        };
        assert_eq!(
            written(WindowFormat::Epoch),
            "published-min=1571209200&published-max=1573631999"
        );
        assert_eq!(
            written(WindowFormat::Iso8601),
            "published-min=2019-10-16T07%3A00%3A00Z&published-max=2019-11-13T07%3A59%3A59Z"
        );
    }
}
