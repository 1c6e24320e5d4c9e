//! The kinds of request, as metrics, traces and errors name them: never a URL, for those hold ids.

use std::fmt;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestKind {
    /// Authorization code for the customer's tokens.
    TokenExchange,
    /// Refresh token for the next pair of the customer's tokens.
    TokenRefresh,
    /// Our own `client_access_token`.
    ClientToken,
    /// `Subscription/{s}/UsagePoint`.
    UsagePoints,
    /// `Batch/Subscription/{s}/UsagePoint/{u}`.
    Batch,
    /// A link that a notification brought.
    Follow,
    /// `ReadingType/{id}`.
    ReadingType,
    /// `LocalTimeParameters/1`.
    LocalTimeParameters,
    /// GET `Authorization/{id}`.
    Authorization,
    /// GET `Authorization`.
    Authorizations,
    /// DELETE `Authorization/{id}`.
    DeleteAuthorization,
    /// `Batch/RetailCustomer/{s}`.
    RetailCustomer,
    /// `ReadServiceStatus`.
    ServiceStatus,
    /// `DownloadSampleData`.
    SampleData,
}

impl RequestKind {
    /// Whether it is asked with a customer's own token, not with our client token or our secret. A
    /// link of a notification counts, although those of a bulk are followed with ours.
    #[must_use]
    pub fn is_customers(self) -> bool {
        matches!(
            self,
            Self::TokenRefresh
                | Self::UsagePoints
                | Self::Batch
                | Self::Follow
                | Self::ReadingType
                | Self::LocalTimeParameters
                | Self::RetailCustomer
        )
    }

    /// Whether its answer may be long: readings, which are streamed.
    pub(crate) fn is_long(self) -> bool {
        matches!(self, Self::Batch | Self::Follow | Self::SampleData)
    }

    /// The label used in metrics, traces and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenExchange => "token_exchange",
            Self::TokenRefresh => "token_refresh",
            Self::ClientToken => "client_token",
            Self::UsagePoints => "usage_points",
            Self::Batch => "batch",
            Self::Follow => "follow",
            Self::ReadingType => "reading_type",
            Self::LocalTimeParameters => "local_time_parameters",
            Self::Authorization => "authorization",
            Self::Authorizations => "authorizations",
            Self::DeleteAuthorization => "delete_authorization",
            Self::RetailCustomer => "retail_customer",
            Self::ServiceStatus => "service_status",
            Self::SampleData => "sample_data",
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
