//! The tenant's configuration as it is in force.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The version of the configuration that plans are made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigVersion {
    /// Its id; absent while the shipped defaults are in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The hash over its files, `sha256:` and 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// When it was put in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// Who did: a handle, `key:<uuid>` or `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Its files.
    pub files: Vec<ConfigFile>,
}

/// One file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigFile {
    /// Its path within the configuration's directory.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its text, when asked for with `?text=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}
