//! What an action can reach, as the interface shows it.

use mandate_api::{AffectedResource, BlastLayer, BlastRadius, Owner};
use mandate_core::blast::{Affected, Radius, Reached, radius};
use mandate_core::event::Resource;
use mandate_core::ownership::OwnerRef;
use mandate_core::plan::Snapshot;

/// What an action on these resources can reach; also what `GET /v1/events/{id}/blast-radius` answers.
pub(crate) fn blast_radius(snapshot: &Snapshot, resources: &[Resource]) -> BlastRadius {
    let Radius { definite, likely, possible } = radius(snapshot, resources);
    let [definite, likely, possible] = [definite, likely, possible].map(|reached| layer(snapshot, reached));
    BlastRadius { definite, likely, possible }
}

fn layer(snapshot: &Snapshot, reached: Reached) -> BlastLayer {
    BlastLayer {
        resources: reached.resources.into_iter().map(|affected| shown(snapshot, affected)).collect(),
        owners: reached.owners.into_iter().map(|owner| shown_owner(snapshot, owner)).collect(),
        more: reached.more,
    }
}

fn shown(snapshot: &Snapshot, affected: Affected) -> AffectedResource {
    let handle = |owner: &OwnerRef| snapshot.directory.owner_shown(*owner).handle;
    AffectedResource {
        reason: affected.because.sentence(snapshot.directory.catalog()),
        owners: affected.owners.iter().map(handle).collect(),
        resource: affected.resource,
    }
}

fn shown_owner(snapshot: &Snapshot, owner: OwnerRef) -> Owner {
    let shown = snapshot.directory.owner_shown(owner);
    Owner { handle: shown.handle, name: shown.name, kind: shown.kind.to_string(), reachable: shown.reachable }
}
