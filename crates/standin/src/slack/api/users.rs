//! Who is who, and who the caller is.

use serde_json::{Value, json};

use super::super::arguments::Arguments;
use super::super::options::Person;
use super::super::refusal::Refusal;
use super::super::state::State;

pub(super) fn test(state: &mut State, _: &Arguments, _: i64) -> Result<Value, Refusal> {
    let (team, app) = (&state.workspace.team, &state.workspace.app);
    Ok(json!({
        "ok": true,
        "url": format!("http://{}/", state.address),
        "team": team.name,
        "team_id": team.id,
        "user": app.name.to_lowercase(),
        "user_id": app.user,
        "bot_id": app.bot,
        "is_enterprise_install": false,
    }))
}

pub(super) fn info(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let person = arguments.text("user").and_then(|id| state.workspace.people.get(id));
    let person = person.ok_or_else(|| Refusal::new("user_not_found"))?;
    Ok(json!({"ok": true, "user": shown(person, &state.workspace.team.id)}))
}

pub(super) fn lookup_by_email(state: &mut State, arguments: &Arguments, _: i64) -> Result<Value, Refusal> {
    let email = arguments.needed("email")?;
    let person = state.workspace.people.values().find(|person| person.email.eq_ignore_ascii_case(email));
    let person = person.ok_or_else(|| Refusal::new("users_not_found"))?;
    Ok(json!({"ok": true, "user": shown(person, &state.workspace.team.id)}))
}

fn shown(person: &Person, team: &str) -> Value {
    json!({
        "id": person.id,
        "team_id": team,
        "name": person.name,
        "real_name": person.name,
        "deleted": false,
        "is_bot": false,
        "tz": person.tz,
        "profile": {"email": person.email, "display_name": person.name, "real_name": person.name, "team": team},
    })
}
