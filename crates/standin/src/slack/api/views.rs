//! Modals: opened with a trigger, stacked, changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::arguments::Arguments;
use super::super::limits;
use super::super::refusal::Refusal;
use super::super::state::State;
use super::super::workspace::{View, Workspace};
use super::content::fill_ids;

/// How many views may lie on each other.
const STACK: usize = 3;

pub(super) fn open(state: &mut State, arguments: &Arguments, now: i64) -> Result<Value, Refusal> {
    let view = judged(&state.workspace, arguments, None)?;
    let user = state.handed.exchange(trigger(arguments)?, now)?;
    for other in state.workspace.views.iter_mut().filter(|other| other.user == user) {
        other.open = false;
    }
    let id = add(&mut state.workspace, view, &user);
    Ok(answer(&state.workspace, &id))
}

pub(super) fn push(state: &mut State, arguments: &Arguments, now: i64) -> Result<Value, Refusal> {
    let view = judged(&state.workspace, arguments, None)?;
    let user = state.handed.exchange(trigger(arguments)?, now)?;
    let id = state.workspace.push_view(view, &user)?;
    Ok(answer(&state.workspace, &id))
}

pub(super) fn update(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let (id, external) = (arguments.text("view_id"), arguments.text("external_id"));
    if id.is_some() == external.is_some() {
        return Err(Refusal::invalid_arguments("must provide exactly one of: view_id, external_id"));
    }
    let named = |view: &&View| {
        id.is_some_and(|id| view.id == id) || external.is_some_and(|external| view.view["external_id"] == external)
    };
    let found = state.workspace.views.iter().filter(|view| view.open).find(named);
    let found = found.ok_or_else(|| Refusal::new("not_found"))?;
    if arguments.text("hash").is_some_and(|hash| hash != found.hash) {
        return Err(Refusal::new("hash_conflict"));
    }
    let id = found.id.clone();
    let view = judged(&state.workspace, arguments, Some(&id))?;
    state.workspace.replace_view(&id, view);
    Ok(answer(&state.workspace, &id))
}

fn trigger(arguments: &Arguments) -> Result<&str, Refusal> {
    let pointer = arguments.text("trigger_id").or_else(|| arguments.text("interactivity_pointer"));
    pointer.ok_or_else(|| Refusal::invalid_arguments("missing required field: trigger_id"))
}

/// A view that keeps the limits; `own` is the one it takes the place of.
fn judged(workspace: &Workspace, arguments: &Arguments, own: Option<&str>) -> Result<Value, Refusal> {
    let view = arguments.get("view").ok_or_else(|| Refusal::invalid_arguments("missing required field: view"))?;
    workspace.judge_view(view, own)
}

fn answer(workspace: &Workspace, id: &str) -> Value {
    let view = workspace.views.iter().find(|view| view.id == id);
    json!({"ok": true, "view": view.map(|view| workspace.shown_view(view))})
}

fn add(workspace: &mut Workspace, view: Value, user: &str) -> String {
    let below = workspace.top_view(user).map(|below| (below.id.clone(), below.root.clone()));
    let id = workspace.next_id("V1");
    let (previous, root) = below.map_or((None, id.clone()), |(below, root)| (Some(below), root));
    workspace.views.push(View {
        hash: format!("{id}.1"),
        id: id.clone(),
        user: user.to_owned(),
        view,
        root,
        previous,
        open: true,
        errors: BTreeMap::new(),
    });
    id
}

/// Also done by the answer to a submission.
impl Workspace {
    pub(crate) fn judge_view(&self, view: &Value, own: Option<&str>) -> Result<Value, Refusal> {
        limits::view(view)?;
        let external = view["external_id"].as_str().filter(|id| !id.is_empty());
        let taken =
            |other: &View| other.open && own != Some(&other.id) && other.view["external_id"].as_str() == external;
        if external.is_some() && self.views.iter().any(taken) {
            return Err(Refusal::new("duplicate_external_id"));
        }
        let mut view = view.clone();
        fill_ids(&mut view["blocks"]);
        Ok(view)
    }

    pub(crate) fn push_view(&mut self, view: Value, user: &str) -> Result<String, Refusal> {
        if self.views.iter().filter(|view| view.open && view.user == user).count() >= STACK {
            return Err(Refusal::new("push_limit_reached"));
        }
        Ok(add(self, view, user))
    }

    pub(crate) fn replace_view(&mut self, id: &str, view: Value) {
        if let Some(found) = self.views.iter_mut().find(|found| found.id == id) {
            found.view = view;
            found.errors.clear();
            let edits = found.hash.rsplit_once('.').and_then(|(_, count)| count.parse::<u32>().ok()).unwrap_or(1);
            found.hash = format!("{id}.{}", edits + 1);
        }
    }
}
