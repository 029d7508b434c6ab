//! Drawn faults of the simulated store.

use mandate_store::sim::{Call, Fault};
use mandate_store::{CommitError, Error};

use super::build::{Batch, commit_events};
use super::world::World;

pub(crate) async fn drawn_faults_do_what_they_say(world: &mut World) {
    let Some(sim) = world.sim().cloned() else { return };
    let cases = [
        (Call::Begin, Fault::Before, 0),
        (Call::Write, Fault::Full, 0),
        (Call::Commit, Fault::Full, 0),
        (Call::Commit, Fault::Before, 0),
        (Call::Commit, Fault::Lost { happened: false }, 0),
        (Call::Commit, Fault::Lost { happened: true }, 1),
        (Call::Write, Fault::Io { happened: false }, 0),
        (Call::Commit, Fault::Io { happened: false }, 0),
        (Call::Commit, Fault::Io { happened: true }, 1),
    ];
    let mut expected = commit_events(&world.store, world.tenant, 1).await.head.events.seq;
    for (call, fault, added) in cases {
        sim.set_faults(move |drawn: Call| if drawn == call { fault } else { Fault::None });
        let done: Result<(), CommitError> = async {
            let mut tx = world.store.begin(world.tenant).await?;
            let mut batch = Batch::after(tx.head(), tx.now());
            batch.events(1);
            tx.write(&batch.changes, &batch.head).await?;
            tx.commit().await
        }
        .await;
        sim.set_faults(|_drawn: Call| Fault::None);
        match (fault, done) {
            (Fault::Full, Err(CommitError::Refused(Error::Full(_))))
            | (Fault::Before, Err(CommitError::Refused(Error::Unreachable(_))))
            | (Fault::Lost { .. }, Err(CommitError::Unknown(Error::Unreachable(_))))
            | (Fault::Io { .. }, Err(CommitError::Unknown(Error::Io(_)))) => {}
            (Fault::Io { .. }, Err(CommitError::Refused(Error::Io(_)))) if call == Call::Write => {}
            (_, done) => panic!("{call:?} {fault:?}: {done:?}"),
        }
        expected += added;
        assert_eq!(world.store.head(world.tenant).await.unwrap().events.seq, expected, "{call:?} {fault:?}");
    }
}
