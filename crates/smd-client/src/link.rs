//! What a link that the custodian sent points to, so that a notification finds its request.

use espi::UsagePointId;
use url::Url;

use crate::{Client, SubscriptionId};

/// The target of one of the custodian's own links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// `Authorization/{id}`: an authorization has changed; read it again.
    Authorization(SubscriptionId),
    /// `Batch/Bulk/{id}`: readings of many subscriptions; followed with our client token.
    Bulk,
    /// `Batch/Subscription/{s}[/UsagePoint/{u}]`: readings of one subscription; followed with that
    /// customer's tokens.
    Readings {
        /// Whose.
        subscription: SubscriptionId,
        /// Of which usage point; `None` for all of them.
        usage_point: Option<UsagePointId>,
    },
    /// Another resource.
    Other,
}

impl Client {
    /// What `link` points to; `None` when it is not ours ([`Client::is_ours`]). The query (a
    /// correlation id, say) does not matter.
    #[must_use]
    pub fn target_of(&self, link: &Url) -> Option<Link> {
        if !self.is_ours(link) {
            return None;
        }
        let root = self.inner.settings.resources.path().trim_end_matches('/');
        let rest = link.path().strip_prefix(root).unwrap_or_default();
        let segments: Vec<&str> = rest
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        Some(target(&segments).unwrap_or(Link::Other))
    }
}

fn target(segments: &[&str]) -> Option<Link> {
    match *segments {
        ["Authorization", id] => Some(Link::Authorization(id.parse().ok()?)),
        ["Batch", "Bulk", _] => Some(Link::Bulk),
        ["Batch", "Subscription", subscription] => Some(Link::Readings {
            subscription: subscription.parse().ok()?,
            usage_point: None,
        }),
        [
            "Batch",
            "Subscription",
            subscription,
            "UsagePoint",
            usage_point,
        ] => Some(Link::Readings {
            subscription: subscription.parse().ok()?,
            usage_point: Some(usage_point.parse().ok()?),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_targets_of_notifications() {
        let read = |path: &str| target(&path.split('/').collect::<Vec<_>>());
        let subscription: SubscriptionId = "52111".parse().unwrap();
        assert_eq!(
            read("Authorization/52111"),
            Some(Link::Authorization(subscription.clone()))
        );
        assert_eq!(read("Batch/Bulk/50916"), Some(Link::Bulk));
        let all = Link::Readings {
            subscription: subscription.clone(),
            usage_point: None,
        };
        assert_eq!(read("Batch/Subscription/52111"), Some(all));
        let usage_point = Some("1000000001".parse().unwrap());
        assert_eq!(
            read("Batch/Subscription/52111/UsagePoint/1000000001"),
            Some(Link::Readings {
                subscription,
                usage_point
            })
        );
        for other in [
            "",
            "Authorization",
            "Batch/Subscription/..",
            "ReadingType/1",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
