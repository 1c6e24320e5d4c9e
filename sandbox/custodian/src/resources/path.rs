//! Paths below the resources, from text and back.

use std::fmt;

use crate::ledger::RequestKind;

/// What a path below the resources names. Subscription, retail customer and authorization of one
/// consent have the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    ServiceStatus,
    SampleData,
    UsagePoints(u64),
    UsagePoint(u64, String),
    MeterReadings(u64, String),
    MeterReading(u64, String, String),
    IntervalBlocks(u64, String, String),
    UsageSummaries(u64, String),
    BatchSubscription(u64),
    BatchUsagePoint(u64, String),
    BatchRetailCustomer(u64),
    BatchBulk(u64),
    Authorizations,
    Authorization(u64),
    DeleteAuthorization(u64),
    ReadingTypes,
    ReadingType(String),
    LocalTimeParameters,
    ApplicationInformation(u64),
}

impl Resource {
    /// What `method` on the path `below` the resources asks for; `None` where nobody listens.
    pub(crate) fn parse(method: &str, below: &str) -> Option<Self> {
        let segments: Vec<&str> = below.strip_prefix('/')?.split('/').collect();
        if method == "DELETE" {
            let ["Authorization", id] = segments[..] else {
                return None;
            };
            return Some(Self::DeleteAuthorization(id.parse().ok()?));
        }
        if method != "GET" {
            return None;
        }
        let number = |text: &str| text.parse::<u64>().ok();
        Some(match segments[..] {
            ["ReadServiceStatus"] => Self::ServiceStatus,
            ["DownloadSampleData"] => Self::SampleData,
            ["Subscription", s, "UsagePoint"] => Self::UsagePoints(number(s)?),
            ["Subscription", s, "UsagePoint", u] => Self::UsagePoint(number(s)?, u.to_owned()),
            ["Subscription", s, "UsagePoint", u, "MeterReading"] => {
                Self::MeterReadings(number(s)?, u.to_owned())
            }
            ["Subscription", s, "UsagePoint", u, "MeterReading", m] => {
                Self::MeterReading(number(s)?, u.to_owned(), m.to_owned())
            }
            [
                "Subscription",
                s,
                "UsagePoint",
                u,
                "MeterReading",
                m,
                "IntervalBlock",
            ] => Self::IntervalBlocks(number(s)?, u.to_owned(), m.to_owned()),
            ["Subscription", s, "UsagePoint", u, "UsageSummary"] => {
                Self::UsageSummaries(number(s)?, u.to_owned())
            }
            ["Batch", "Subscription", s] => Self::BatchSubscription(number(s)?),
            ["Batch", "Subscription", s, "UsagePoint", u] => {
                Self::BatchUsagePoint(number(s)?, u.to_owned())
            }
            ["Batch", "RetailCustomer", s] => Self::BatchRetailCustomer(number(s)?),
            ["Batch", "Bulk", b] => Self::BatchBulk(number(b)?),
            ["Authorization"] => Self::Authorizations,
            ["Authorization", id] => Self::Authorization(number(id)?),
            ["ReadingType"] => Self::ReadingTypes,
            ["ReadingType", id] => Self::ReadingType(id.to_owned()),
            ["LocalTimeParameters" | "LocalTimeParameter"]
            | ["LocalTimeParameters" | "LocalTimeParameter", "1"] => Self::LocalTimeParameters,
            ["ApplicationInformation", id] => Self::ApplicationInformation(number(id)?),
            _ => return None,
        })
    }

    /// The authorization that the path names, by the number of it or of its subscription.
    pub(crate) fn authorization(&self) -> Option<u64> {
        match self {
            Self::UsagePoints(id)
            | Self::UsagePoint(id, _)
            | Self::MeterReadings(id, _)
            | Self::MeterReading(id, ..)
            | Self::IntervalBlocks(id, ..)
            | Self::UsageSummaries(id, _)
            | Self::BatchSubscription(id)
            | Self::BatchUsagePoint(id, _)
            | Self::BatchRetailCustomer(id)
            | Self::Authorization(id)
            | Self::DeleteAuthorization(id) => Some(*id),
            Self::ServiceStatus
            | Self::SampleData
            | Self::BatchBulk(_)
            | Self::Authorizations
            | Self::ReadingTypes
            | Self::ReadingType(_)
            | Self::LocalTimeParameters
            | Self::ApplicationInformation(_) => None,
        }
    }

    /// What the ledger calls it.
    pub(crate) fn kind(&self) -> RequestKind {
        match self {
            Self::ServiceStatus => RequestKind::ServiceStatus,
            Self::SampleData => RequestKind::SampleData,
            Self::UsagePoints(_) => RequestKind::UsagePoints,
            Self::UsagePoint(..) => RequestKind::UsagePoint,
            Self::MeterReadings(..) => RequestKind::MeterReadings,
            Self::MeterReading(..) => RequestKind::MeterReading,
            Self::IntervalBlocks(..) => RequestKind::IntervalBlocks,
            Self::UsageSummaries(..) => RequestKind::UsageSummaries,
            Self::BatchSubscription(_) => RequestKind::BatchSubscription,
            Self::BatchUsagePoint(..) => RequestKind::BatchUsagePoint,
            Self::BatchRetailCustomer(_) => RequestKind::BatchRetailCustomer,
            Self::BatchBulk(_) => RequestKind::BatchBulk,
            Self::Authorizations => RequestKind::Authorizations,
            Self::Authorization(_) => RequestKind::Authorization,
            Self::DeleteAuthorization(_) => RequestKind::AuthorizationDelete,
            Self::ReadingTypes => RequestKind::ReadingTypes,
            Self::ReadingType(_) => RequestKind::ReadingType,
            Self::LocalTimeParameters => RequestKind::LocalTimeParameters,
            Self::ApplicationInformation(_) => RequestKind::ApplicationInformation,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceStatus => f.write_str("ReadServiceStatus"),
            Self::SampleData => f.write_str("DownloadSampleData"),
            Self::UsagePoints(s) => write!(f, "Subscription/{s}/UsagePoint"),
            Self::UsagePoint(s, u) => write!(f, "Subscription/{s}/UsagePoint/{u}"),
            Self::MeterReadings(s, u) => write!(f, "Subscription/{s}/UsagePoint/{u}/MeterReading"),
            Self::MeterReading(s, u, m) => {
                write!(f, "Subscription/{s}/UsagePoint/{u}/MeterReading/{m}")
            }
            Self::IntervalBlocks(s, u, m) => {
                write!(
                    f,
                    "Subscription/{s}/UsagePoint/{u}/MeterReading/{m}/IntervalBlock"
                )
            }
            Self::UsageSummaries(s, u) => write!(f, "Subscription/{s}/UsagePoint/{u}/UsageSummary"),
            Self::BatchSubscription(s) => write!(f, "Batch/Subscription/{s}"),
            Self::BatchUsagePoint(s, u) => write!(f, "Batch/Subscription/{s}/UsagePoint/{u}"),
            Self::BatchRetailCustomer(s) => write!(f, "Batch/RetailCustomer/{s}"),
            Self::BatchBulk(b) => write!(f, "Batch/Bulk/{b}"),
            Self::Authorizations => f.write_str("Authorization"),
            Self::Authorization(id) | Self::DeleteAuthorization(id) => {
                write!(f, "Authorization/{id}")
            }
            Self::ReadingTypes => f.write_str("ReadingType"),
            Self::ReadingType(id) => write!(f, "ReadingType/{id}"),
            Self::LocalTimeParameters => f.write_str("LocalTimeParameters/1"),
            Self::ApplicationInformation(id) => write!(f, "ApplicationInformation/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_as_what_they_were_written_from() {
        for path in [
            "/ReadServiceStatus",
            "/DownloadSampleData",
            "/Subscription/7/UsagePoint",
            "/Subscription/7/UsagePoint/1234567890",
            "/Subscription/7/UsagePoint/1234567890/MeterReading",
            "/Subscription/7/UsagePoint/1234567890/MeterReading/ab",
            "/Subscription/7/UsagePoint/1234567890/MeterReading/ab/IntervalBlock",
            "/Subscription/7/UsagePoint/1234567890/UsageSummary",
            "/Batch/Subscription/7",
            "/Batch/Subscription/7/UsagePoint/1234567890",
            "/Batch/RetailCustomer/7",
            "/Batch/Bulk/50916",
            "/Authorization",
            "/Authorization/7",
            "/ReadingType",
            "/ReadingType/NzI6bnVsbDo5MDA6MQ==",
            "/LocalTimeParameters/1",
            "/ApplicationInformation/50916",
        ] {
            let resource = Resource::parse("GET", path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(format!("/{resource}"), path);
        }
    }

    #[test]
    fn nobody_listens_elsewhere() {
        for (method, path) in [
            ("GET", ""),
            ("GET", "/"),
            ("GET", "/Subscription/x/UsagePoint"),
            ("GET", "/Batch/Subscription/7/"),
            ("POST", "/Authorization/7"),
            ("DELETE", "/Subscription/7/UsagePoint"),
            ("GET", "/LocalTimeParameters/2"),
        ] {
            assert_eq!(Resource::parse(method, path), None, "{method} {path}");
        }
    }
}
