//! Turns a notice into a message: who did what to what, why you, what to do about it.
//!
//! Pure, and total: whatever a notice holds, the message keeps Slack's limits. What others wrote goes through
//! [`super::text`] piece by piece; only our own words are markup.

use crate::channel::intervention::Intervention;
use crate::channel::notice::{Merged, Notice, Place};

use super::address::Mention;
use super::block::{Block, MESSAGE_UNITS, can_open};
use super::button::{id, page, row};
use super::message::{Message, Metadata, fallback};
use super::text::{code, plain, units, words};

/// What kind of message it is: the order of its parts, and which buttons it can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// An action somebody should know of.
    Standard,
    /// One that cannot wait; says who else was told.
    Critical,
    /// One that waits for a decision.
    Gated,
    /// An incident.
    Incident,
    /// Mandate itself needs somebody.
    SystemAlert,
    /// What could wait, in few lines.
    Digest,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Standard, Self::Critical, Self::Gated, Self::Incident, Self::SystemAlert, Self::Digest];
}

/// What the recipient may do, and how.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// What can be done at this moment; a layout shows those of its buttons that are among them.
    pub available: &'a [Intervention],
    /// Whether Slack can reach us; without, the buttons open the dashboard.
    pub interactive: bool,
    /// Who is called by name, besides being shown the message.
    pub mention: Option<&'a Mention>,
}

/// How much is kept: lines of each list, units of a paragraph and of a name.
#[derive(Clone, Copy)]
struct Limits {
    lines: usize,
    prose: usize,
    name: usize,
}

/// Tried in turn. The last always fits: about fifty names, two paragraphs and a dozen buttons.
const STEPS: [Limits; 4] = [
    Limits { lines: 12, prose: 1_500, name: 160 },
    Limits { lines: 8, prose: 800, name: 120 },
    Limits { lines: 4, prose: 400, name: 80 },
    Limits { lines: 2, prose: 120, name: 40 },
];

/// The most units of a list in one paragraph, below the limit by what counts the rest.
const LIST: usize = 2_900;

/// Writes the message of a notice, as rich as fits.
///
/// The same notice, layout and offer always give the same message. After a response it is rendered again, with
/// the response in the notice and fewer interventions in the offer, and replaces the one before.
#[must_use]
pub fn message(notice: &Notice, layout: Layout, offer: &Offer<'_>) -> Message {
    let mut blocks = Vec::new();
    for limits in STEPS {
        blocks = Page { notice, layout, limits }.blocks(offer);
        // INVARIANT: writing to memory cannot fail, and no map has keys that are not strings.
        if serde_json::to_string(&blocks).is_ok_and(|json| units(&json) <= MESSAGE_UNITS) {
            break;
        }
    }
    let text = summary(notice, layout, offer.mention);
    Message { text, blocks, metadata: Some(Metadata::of(id(notice))) }
}

/// The one line: the head, and the latest response.
fn summary(notice: &Notice, layout: Layout, mention: Option<&Mention>) -> String {
    let mut line = fallback(&words(&title(notice, layout), 500));
    if let Some(mention) = mention {
        line = format!("{mention} {line}");
    }
    if let Some(response) = notice.since.responses.last() {
        line.push_str(" — ");
        line.push_str(&fallback(&words(&response.to_string(), 300)));
    }
    line
}

fn title(notice: &Notice, layout: Layout) -> String {
    match layout {
        Layout::Critical => format!("🔴 {}", notice.header()),
        Layout::SystemAlert => format!("⚠️ {} {}", notice.actor(), notice.what.action),
        _ => notice.header(),
    }
}

/// A message in the making.
#[derive(Clone, Copy)]
struct Page<'a> {
    notice: &'a Notice,
    layout: Layout,
    limits: Limits,
}

impl Page<'_> {
    fn blocks(self, offer: &Offer<'_>) -> Vec<Block> {
        let full = !matches!(self.layout, Layout::SystemAlert | Layout::Digest);
        let parts = [
            Some(Block::header(&title(self.notice, self.layout))),
            full.then(|| self.action()),
            self.description(),
            self.affected(),
            self.also_told(),
            self.why(offer.mention),
            self.check_first().filter(|_| full),
            self.blast_radius().filter(|_| full),
            self.resembles().filter(|_| full),
            self.merged(),
            self.responses(),
            Block::actions(row(self.notice, self.layout, offer)),
            self.origin(),
        ];
        parts.into_iter().flatten().collect()
    }

    /// Action (diff size, version, environment) beside Time.
    fn action(self) -> Block {
        let what = &self.notice.what;
        let details = [&what.version, &what.environment, &what.diff].into_iter().flatten();
        let action = std::iter::once(code(&what.action, self.limits.name))
            .chain(details.map(|detail| words(detail, self.limits.name)))
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>();
        let when = &self.notice.when;
        let happened = when.occurred_at;
        let mut time = format!(
            "*Time*\n<!date^{}^{{date_short_pretty}} {{time_secs}}|{}>",
            happened.0.div_euclid(1_000),
            happened.rfc3339()
        );
        if let Some(late) = &when.late {
            time.push_str(&format!("\n{}", words(late, self.limits.name)));
        }
        Block::columns([format!("*Action*\n{}", action.join(" · ")), time])
    }

    /// The agent's own words, marked as such and nothing in them markup; what Mandate says of itself stands bare.
    fn description(self) -> Option<Block> {
        let description = self.notice.what.description.as_deref()?;
        if plain(description, 1).is_empty() {
            return None;
        }
        Some(match self.layout {
            Layout::SystemAlert => Block::prose(description, self.limits.prose),
            _ => Block::quote(description, self.limits.prose),
        })
    }

    fn affected(self) -> Option<Block> {
        self.list("*Affected*", self.notice.places.iter().map(|place| self.place(place)))
    }

    fn place(self, place: &Place) -> String {
        let resource = code(&place.resource, self.limits.name);
        let source = words(&place.source, self.limits.name);
        match &place.owner {
            Some(owner) => format!("{resource} owned by {} ({source})", words(owner, self.limits.name)),
            None => format!("{resource} ({source})"),
        }
    }

    fn also_told(self) -> Option<Block> {
        let told = &self.notice.since.also_told;
        if self.layout != Layout::Critical || told.is_empty() {
            return None;
        }
        let shown: Vec<_> = told.iter().take(self.limits.lines).map(|handle| words(handle, self.limits.name)).collect();
        let more = told.len() - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        Block::section(format!("*Owners notified* {}{more}", shown.join(", ")))
    }

    fn why(self, mention: Option<&Mention>) -> Option<Block> {
        let why = &self.notice.why_you;
        let call = mention.map_or_else(String::new, |mention| format!("{mention} "));
        let mut text = format!("{call}*Why you* {}", words(&why.reason, self.limits.prose));
        if self.layout != Layout::SystemAlert {
            let percent = (why.confidence.clamp(0.0, 1.0) * 100.0).round();
            text.push_str(&format!("\n{} ({percent} %)", words(&why.confidence_words, self.limits.name)));
            if let Some(rule) = &why.rule {
                text.push_str(&format!(" · rule {}", code(rule, self.limits.name)));
            }
        }
        Block::section(text)
    }

    fn check_first(self) -> Option<Block> {
        let lines = self.notice.impact.check_first.iter();
        self.list("*Check first*", lines.map(|line| words(line, self.limits.name)))
    }

    fn blast_radius(self) -> Option<Block> {
        let title = match page(self.notice, "#blast-radius").filter(|url| can_open(url)) {
            Some(url) => format!("*Blast radius* (<{}|see all of it>)", url.replace('&', "&amp;")),
            None => "*Blast radius*".to_owned(),
        };
        let lines = self.notice.impact.blast_radius.iter().map(|line| {
            let owner =
                line.owner.as_deref().map_or_else(|| "nobody".to_owned(), |owner| words(owner, self.limits.name));
            format!("{}: {} owned by {owner}", line.layer.as_str(), code(&line.resource, self.limits.name))
        });
        self.list(&title, lines)
    }

    fn resembles(self) -> Option<Block> {
        let past = self.notice.impact.resembles.as_ref()?;
        let title = format!("*Began like* {}", words(&past.title, self.limits.name));
        if past.undone.is_empty() {
            return Block::section(title);
        }
        let undone = past.undone.iter().map(|item| words(item, self.limits.name));
        self.list(&format!("{title}, of which is not done yet:"), undone)
    }

    fn merged(self) -> Option<Block> {
        let Merged { count, last_action, worst_impact } = self.notice.since.merged.as_ref()?;
        let actions = if *count == 1 { "action" } else { "actions" };
        Block::section(format!(
            "*and {count} more {actions} in this session* · last {} · worst impact {}",
            code(last_action, self.limits.name),
            words(worst_impact, self.limits.name)
        ))
    }

    fn responses(self) -> Option<Block> {
        let responses = &self.notice.since.responses;
        // The newest say how things stand.
        let hidden = responses.len().saturating_sub(self.limits.lines);
        let shown = responses.iter().skip(hidden).map(|response| words(&response.to_string(), self.limits.name * 2));
        let earlier = (hidden > 0).then(|| format!("{hidden} earlier responses"));
        let lines: Vec<_> = earlier.into_iter().chain(shown).map(|line| format!("↳ {line}")).collect();
        Block::section(lines.join("\n"))
    }

    /// Where it can be looked up.
    fn origin(self) -> Option<Block> {
        let event = self.notice.event.as_ref()?;
        let agent = code(&self.notice.who.id, self.limits.name);
        let via = self.notice.who.framework.as_deref().map(|framework| words(framework, self.limits.name));
        let via = via.filter(|via| !via.is_empty()).map_or_else(String::new, |via| format!(" via {via}"));
        Block::context(format!("{agent}{via} · event {}", event.seq))
    }

    /// A title and its lines, as many as fit, and how many do not.
    fn list(self, title: &str, lines: impl ExactSizeIterator<Item = String>) -> Option<Block> {
        let total = lines.len();
        let mut text = title.to_owned();
        let (mut used, mut shown) = (units(title), 0);
        for line in lines.take(self.limits.lines) {
            used += units(&line) + 3;
            if used > LIST {
                break;
            }
            text.push_str("\n• ");
            text.push_str(&line);
            shown += 1;
        }
        if shown < total {
            text.push_str(&format!("\n…and {} more", total - shown));
        }
        (total > 0).then_some(text).and_then(Block::section)
    }
}
