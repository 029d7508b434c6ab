//! What was sent and is no event.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::FieldError;

/// An item of a request that was answered `invalid`. It is kept for a day and stands in no chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rejected {
    /// Names it.
    pub id: Uuid,
    /// When it came.
    pub at: i64,
    /// The API key it came with.
    pub key_id: Uuid,
    /// What is wrong with it, as its sender was told.
    pub errors: Vec<FieldError>,
    /// What was sent, secrets replaced, cut to 4 KB.
    pub item: String,
}
