//! How people are reached: which of their contacts is on a channel that this process has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ownership::{Contact, Directory, Fallback, OwnerRef, Party};

/// The channel that every process has (CHN-7): its notices are read over the API and arrive as they are committed;
/// nothing is sent.
pub const IN_APP: &str = "in-app";

/// What the process brings to a plan: its channels and whom to tell when nobody else can be.
///
/// Part of the snapshot's name, because it decides where notices go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The names of the configured channels.
    pub channels: Vec<String>,
    /// Those of them that are Slack: who is told there has an address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slack: Vec<String>,
    /// `fallback:` of `mandate.yaml`.
    pub fallback: Fallback,
    /// `admins:` of `mandate.yaml`: told when Mandate itself needs somebody.
    pub admins: Vec<String>,
}

/// One recipient and the ways to reach them, the preferred first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// As logs name them.
    pub recipient: Arc<str>,
    /// Never empty.
    pub ways: Vec<Way>,
}

/// One way to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The configured channel.
    pub channel: Arc<str>,
    /// Its lane: the channel, and the address there when there is one.
    pub lane: Arc<str>,
}

/// Everybody who can be reached, worked out once a snapshot.
#[derive(Debug, Default)]
pub(super) struct Reaches {
    /// By party.
    parties: Vec<Vec<Reach>>,
    by_log_name: BTreeMap<Arc<str>, Reach>,
    /// Whom to tell when nobody else can be, and through what.
    pub(super) fallback: Vec<Reach>,
    /// Who looks after Mandate.
    pub(super) admins: Vec<Reach>,
    /// The people among them, and in the teams among them, as logs name them.
    pub(super) keepers: BTreeSet<String>,
}

impl Reaches {
    pub(super) fn build(directory: &Directory, process: &Process) -> Self {
        let mut reaches = Self::default();
        for party in (0..).map(OwnerRef).take_while(|party| directory.party(*party).is_some()) {
            let recipients = directory.recipients(party);
            let reached = recipients.iter().filter_map(|recipient| {
                let ways = ways(recipient.contacts, process);
                (!ways.is_empty()).then(|| Reach { recipient: recipient.log_name.to_string().into(), ways })
            });
            let reached: Vec<Reach> = reached.collect();
            for reach in &reached {
                reaches.by_log_name.insert(Arc::clone(&reach.recipient), reach.clone());
            }
            reaches.parties.push(reached);
        }
        reaches.fallback = reaches.named(directory, &process.fallback.notify);
        // Nobody is told in Slack without an address; those of `notify` have theirs.
        let alternates = process.fallback.alternate.iter().filter(|channel| !process.slack.contains(channel));
        let alternate: Vec<Way> = alternates.map(|channel| way(channel, None)).collect();
        if !alternate.is_empty() {
            reaches.fallback.push(Reach { recipient: "fallback".into(), ways: alternate });
        }
        reaches.admins = reaches.named(directory, &process.admins);
        let named = process.admins.iter().filter_map(|handle| directory.find(handle));
        let people = named.flat_map(|party| match directory.party(party) {
            Some(Party::Team(team)) => team.members.clone(),
            _ => vec![party],
        });
        let people = people.filter_map(|party| directory.party(party));
        reaches.keepers = people.map(|party| party.log_name().to_string()).collect();
        if reaches.admins.is_empty() {
            reaches.admins = reaches.fallback.clone();
        }
        reaches
    }

    fn named(&self, directory: &Directory, handles: &[String]) -> Vec<Reach> {
        handles.iter().filter_map(|handle| directory.find(handle)).flat_map(|party| self.of(party)).cloned().collect()
    }

    pub(super) fn of(&self, party: OwnerRef) -> &[Reach] {
        self.parties.get(party.0 as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn by_log_name(&self, name: &str) -> Option<&Reach> {
        self.by_log_name.get(name)
    }
}

fn ways(contacts: &[Contact], process: &Process) -> Vec<Way> {
    contacts
        .iter()
        .filter(|contact| {
            *contact.channel == *IN_APP || process.channels.iter().any(|channel| **channel == *contact.channel)
        })
        .map(|contact| way(&contact.channel, contact.address.as_deref()))
        .collect()
}

fn way(channel: &str, address: Option<&str>) -> Way {
    let lane = address.map_or_else(|| channel.into(), |address| format!("{channel}:{address}").into());
    Way { channel: channel.into(), lane }
}
