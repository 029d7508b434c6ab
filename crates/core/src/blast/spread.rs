//! What each service can reach, followed once a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Because;
use crate::catalog::{Catalog, Service, ServiceKind, ServiceRef};
use crate::ownership::{Directory, OwnerRef};

/// So much is kept of a layer of one service, the nearest first.
pub const MAX_SPREAD: usize = 250;

/// A chain is followed through so many services, whether or not each is kept.
const MAX_WALKED: usize = 4 * MAX_SPREAD;

/// What each service of a catalog can reach, and whose each is.
#[derive(Debug, Default)]
pub struct Spreads {
    /// By service.
    spreads: Vec<Spread>,
    /// By service.
    owners: Vec<Arc<[OwnerRef]>>,
}

/// What one service can reach.
#[derive(Debug, Default)]
pub(super) struct Spread {
    likely: Box<[Step]>,
    possible: Box<[Step]>,
    pub(super) likely_more: bool,
    pub(super) possible_more: bool,
}

/// One service that is reached, and by what.
#[derive(Debug, Clone, Copy)]
struct Step {
    to: ServiceRef,
    by: ServiceRef,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    DependsOn,
    Shares,
    /// Over so many steps.
    Chain(u32),
    SameSystem,
}

impl Spreads {
    /// Follows the dependencies of a directory's catalog.
    #[must_use]
    pub fn build(directory: &Directory) -> Self {
        let catalog = directory.catalog();
        let unmarked = || Marks(vec![0; catalog.services().len()]);
        let mut walk = Walk { catalog, seen: unmarked(), walked: unmarked(), round: 0 };
        let spreads = (0..).map(ServiceRef).zip(catalog.services()).map(|(at, service)| walk.from(at, service));
        let spreads = spreads.collect();
        let owners = catalog.services().iter().map(|service| {
            let ownership = directory.resolve(&service.resource());
            if ownership.unowned { [].into() } else { ownership.owners }
        });
        Self { spreads, owners: owners.collect() }
    }

    pub(super) fn of(&self, service: ServiceRef) -> Option<&Spread> {
        self.spreads.get(service.0 as usize)
    }

    pub(super) fn owners(&self, service: ServiceRef) -> Arc<[OwnerRef]> {
        self.owners.get(service.0 as usize).map_or_else(|| [].into(), Arc::clone)
    }
}

impl Spread {
    pub(super) fn likely(&self) -> impl Iterator<Item = (ServiceRef, Because)> {
        self.likely.iter().map(|step| (step.to, step.because()))
    }

    pub(super) fn possible(&self) -> impl Iterator<Item = (ServiceRef, Because)> {
        self.possible.iter().map(|step| (step.to, step.because()))
    }
}

impl Step {
    fn because(self) -> Because {
        match self.how {
            How::DependsOn => Because::DependsOn(self.by),
            How::Shares => Because::Shares(self.by),
            How::Chain(steps) => Because::Chain(self.by, steps),
            How::SameSystem => Because::SameSystem(self.by),
        }
    }
}

struct Walk<'c> {
    catalog: &'c Catalog,
    /// Those that are in a layer.
    seen: Marks,
    /// Those that the chain went through.
    walked: Marks,
    round: u32,
}

impl Walk<'_> {
    fn from(&mut self, start: ServiceRef, service: &Service) -> Spread {
        self.round += 1;
        self.is_new(start);
        let mut likely = Kept::default();
        let mut queue: VecDeque<(ServiceRef, ServiceRef)> = service.dependents.iter().map(|to| (*to, start)).collect();
        while let Some((to, by)) = queue.pop_front() {
            let Some(dependent) = self.catalog.get(to).filter(|_| self.is_new(to)) else { continue };
            likely.push(Step { to, by, how: How::DependsOn });
            // Who calls an interface depends on those that provide it.
            if dependent.kind == ServiceKind::Api {
                queue.extend(dependent.dependents.iter().map(|caller| (*caller, to)));
            }
        }
        let direct = likely.steps.len();
        'shared: for on in &service.depends_on {
            for sharer in self.catalog.get(*on).map_or(&[][..], |on| &on.dependents) {
                if self.is_new(*sharer) {
                    likely.push(Step { to: *sharer, by: *on, how: How::Shares });
                    if likely.more {
                        break 'shared;
                    }
                }
            }
        }
        let mut possible = self.chain(start, likely.steps.get(..direct).unwrap_or_default());
        for member in service.system.map_or(&[][..], |system| self.catalog.system(system)) {
            if self.is_new(*member) {
                possible.push(Step { to: *member, by: start, how: How::SameSystem });
                if possible.more {
                    break;
                }
            }
        }
        Spread {
            likely: likely.steps.into(),
            possible: possible.steps.into(),
            likely_more: likely.more,
            // What hangs on a direct dependent that is left out is left out too.
            possible_more: possible.more || likely.more,
        }
    }

    /// The dependents of the direct dependents, and theirs, the nearest first. The way leads through those that
    /// are likely already.
    fn chain(&mut self, start: ServiceRef, direct: &[Step]) -> Kept {
        let mut possible = Kept::default();
        self.walked.mark(start, self.round);
        let mut queue: Vec<(ServiceRef, u32)> = direct.iter().map(|step| (step.to, 1)).collect();
        for (service, _) in &queue {
            self.walked.mark(*service, self.round);
        }
        let mut at = 0;
        while let Some((by, steps)) = queue.get(at).copied() {
            at += 1;
            for dependent in self.catalog.get(by).map_or(&[][..], |service| &service.dependents) {
                // Each is walked through once, which is what makes circles end.
                if self.walked.mark(*dependent, self.round) {
                    queue.push((*dependent, steps + 1));
                    if self.is_new(*dependent) {
                        possible.push(Step { to: *dependent, by, how: How::Chain(steps + 1) });
                    }
                }
            }
            if possible.more || at == MAX_WALKED {
                possible.more |= at < queue.len();
                break;
            }
        }
        possible
    }

    fn is_new(&mut self, service: ServiceRef) -> bool {
        self.seen.mark(service, self.round)
    }
}

/// By service, the round in which it was last marked, so that nothing is cleared between rounds.
struct Marks(Vec<u32>);

impl Marks {
    /// Whether it was not marked yet in this round.
    fn mark(&mut self, service: ServiceRef, round: u32) -> bool {
        self.0.get_mut(service.0 as usize).is_some_and(|last| std::mem::replace(last, round) != round)
    }
}

/// Steps that are kept, up to the bound.
#[derive(Default)]
struct Kept {
    steps: Vec<Step>,
    more: bool,
}

impl Kept {
    fn push(&mut self, step: Step) {
        if self.steps.len() < MAX_SPREAD {
            self.steps.push(step);
        } else {
            self.more = true;
        }
    }
}
