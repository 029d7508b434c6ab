//! What somebody who pressed is told: what the state is now, or what it would be.

use super::{Effect, Intervention};

/// What is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<'a> {
    /// What was done; of an answer that takes another one back, what that one did.
    pub intervention: Intervention,
    /// Whether it takes an answer back.
    pub undoes: bool,
    /// What came of it.
    pub effect: Effect,
    /// The agent that acted.
    pub agent: &'a str,
    /// Who is to look after it, as people write it.
    pub assignee: &'a str,
    /// Whether nothing was done yet: what would be.
    pub preview: bool,
}

/// One sentence for whoever pressed, without a full stop.
#[must_use]
pub fn told(told: Told<'_>) -> String {
    let Told { intervention, undoes, effect, agent, assignee, preview } = told;
    let is = if preview { "would be" } else { "is" };
    match effect {
        Effect::Pause => format!("{agent} {is} paused"),
        Effect::Resume => format!("{agent} {is} running again"),
        Effect::OpenReview => format!("the action {is} in the review queue; {agent} goes on"),
        Effect::CloseReview => format!("its review {is} closed"),
        Effect::Ask => format!("those who own {agent} {}", if preview { "would be asked" } else { "are asked" }),
        Effect::Assign => format!("{assignee} {is} told that it is theirs to look after"),
        Effect::Unchanged if undoes => "somebody changed it since, so nothing else is changed".to_owned(),
        Effect::Unchanged => match intervention {
            Intervention::PauseAgent => format!("{agent} is paused already; nothing is changed"),
            Intervention::ResumeAgent => format!("{agent} is not paused; nothing is changed"),
            Intervention::FlagForReview => "it is in the review queue already; nothing is changed".to_owned(),
            _ => "it is so already; nothing is changed".to_owned(),
        },
        Effect::Noted if undoes => format!("the answer {is} taken back"),
        Effect::Noted => format!("your answer {is} noted"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_is_told_what_is() {
        let check = |intervention, effect, undoes, preview, expect: &str| {
            let agent = "deployer";
            assert_eq!(told(Told { intervention, undoes, effect, agent, assignee: "@bob", preview }), expect);
        };
        let pause = Intervention::PauseAgent;
        check(pause, Effect::Pause, false, false, "deployer is paused");
        check(pause, Effect::Pause, false, true, "deployer would be paused");
        check(pause, Effect::Unchanged, false, false, "deployer is paused already; nothing is changed");
        check(pause, Effect::Resume, true, false, "deployer is running again");
        check(pause, Effect::Unchanged, true, false, "somebody changed it since, so nothing else is changed");
        check(Intervention::AssignOwner, Effect::Assign, false, false, "@bob is told that it is theirs to look after");
        check(Intervention::LooksOk, Effect::Noted, false, false, "your answer is noted");
    }
}
