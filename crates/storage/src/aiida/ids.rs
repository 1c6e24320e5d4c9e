//! Ids of ours. The ids that homes know are in the crate `permission`.

use crate::ids::id;

id! {
    /// A command or inbound data on its way to a home.
    OutgoingId
}
id! {
    /// A key of the eligible party's API.
    ApiKeyId
}
