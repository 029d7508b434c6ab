//! Questions about the head, the audit log and the checkpoints.

use mandate_core::audit::AuditRow;
use mandate_core::change::{CheckpointRow, Head};
use mandate_core::id::TenantId;

use super::{page, read};
use crate::decode;
use crate::error::{Error, Result};
use crate::sql::{Sql, statements};
use crate::store::Store;

statements! {
    /// The head as it is.
    HEAD: Sql::both("SELECT * FROM head WHERE tenant = $1");
    /// Audit entries from a place on.
    AUDIT_FROM: Sql {
        lite: "SELECT seq, at, hash, sealed, content FROM audit
               WHERE no >= (($1 << 44) | $2) AND no < (($1 + 1) << 44) ORDER BY no LIMIT $3",
        pg: "SELECT seq, at, hash, sealed, content FROM audit WHERE tenant = $1 AND seq >= $2 ORDER BY seq LIMIT $3",
    };
    /// Checkpoints from an event on.
    CHECKPOINTS: Sql::both(
        "SELECT * FROM checkpoint WHERE tenant = $1 AND (event_seq > $2 OR (event_seq = $2 AND audit_seq > $3))
         ORDER BY event_seq, audit_seq LIMIT $4",
    );
    /// The newest checkpoint.
    LATEST_CHECKPOINT: Sql::both(
        "SELECT * FROM checkpoint WHERE tenant = $1 ORDER BY event_seq DESC, audit_seq DESC LIMIT 1",
    );
}

impl Store {
    /// The tenant's head.
    ///
    /// # Errors
    /// As every read.
    pub async fn head(&self, tenant: TenantId) -> Result<Head> {
        let head: Result<Option<Head>> = read!(self, tenant, one, HEAD, [], decode::head, |sim| Some(sim.head()));
        head?.ok_or(Error::UnknownTenant(tenant))
    }

    /// Audit entries from a place on, in chain order.
    ///
    /// # Errors
    /// As every read.
    pub async fn audit_from(&self, tenant: TenantId, seq: i64, limit: u32) -> Result<Vec<AuditRow>> {
        let (seq, limit) = (seq.max(1), page(limit));
        read!(self, tenant, all, AUDIT_FROM, [seq, limit], decode::audit, |sim| sim.audit_from(seq, limit))
    }

    /// Checkpoints after the one that stands at these two places, oldest first; `(0, -1)` for the first ones.
    ///
    /// # Errors
    /// As every read.
    pub async fn checkpoints(&self, tenant: TenantId, after: (i64, i64), limit: u32) -> Result<Vec<CheckpointRow>> {
        let ((event, audit), limit) = (after, page(limit));
        read!(self, tenant, all, CHECKPOINTS, [event, audit, limit], decode::checkpoint, |sim| {
            sim.checkpoints(after, limit)
        })
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// As every read.
    pub async fn latest_checkpoint(&self, tenant: TenantId) -> Result<Option<CheckpointRow>> {
        read!(self, tenant, one, LATEST_CHECKPOINT, [], decode::checkpoint, |sim| sim.latest_checkpoint())
    }
}
