//! Ids of ours. The custodian's ids are text, see `espi` and `smd-client`.

use crate::ids::id;

id! {
    /// Our id of an authorization; says nothing of the customer.
    AuthorizationId
}
id! {
    /// Our id of a link that a notification announced.
    NoticeId
}
