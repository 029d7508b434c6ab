//! The form of `catalog.yaml`, as it is read before anything is checked.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::yaml::Spanned;

/// Services and their dependencies, and the vendors that something here depends on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CatalogForm {
    /// What runs here.
    pub(super) services: Vec<ServiceForm>,
    /// Vendors.
    pub(super) external_dependencies: Vec<ExternalForm>,
}

/// One service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Service")]
pub(super) struct ServiceForm {
    /// How events name it: `payments-service` for `service:payments-service`.
    pub(super) id: Spanned<String>,
    /// The handle of the team, or the person, whose it is.
    pub(super) team: Option<Spanned<String>>,
    /// How much depends on it, such as `critical`; it counts as the tag `tier:critical`.
    pub(super) tier: Option<String>,
    /// What rules may ask for, and what its sensitivity is computed from.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// The ids of services that it cannot do without.
    #[serde(default)]
    pub(super) depends_on: Vec<Spanned<String>>,
    /// The files that make it up: `src/payments/**` in any repository, `acme/shop:src/payments/**` in one.
    #[serde(default)]
    pub(super) paths: Vec<Spanned<String>>,
}

/// A vendor.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExternalDependency")]
pub(super) struct ExternalForm {
    /// What it is called.
    pub(super) name: Spanned<String>,
    /// Where it says how it does.
    pub(super) status_page: Option<String>,
    /// How its state is read, such as `status_page_monitor`.
    pub(super) integration: Option<String>,
}
