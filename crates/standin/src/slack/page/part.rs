//! Block Kit as HTML: one function for each kind of part, one for each kind of element.

use serde_json::Value;

use super::super::workspace::Workspace;
use super::html::escape;
use super::mrkdwn;

/// Every part of a message or a modal, in order.
pub(super) fn all(workspace: &Workspace, parts: &[Value]) -> String {
    parts.iter().map(|part| one(workspace, part)).collect()
}

/// A text object of either kind.
pub(super) fn words(workspace: &Workspace, text: &Value) -> String {
    let inner = text["text"].as_str().unwrap_or_default();
    if text["type"] == "mrkdwn" { mrkdwn::render(workspace, inner) } else { mrkdwn::plain(inner) }
}

fn one(workspace: &Workspace, part: &Value) -> String {
    let items = || part["elements"].as_array().into_iter().flatten();
    match part["type"].as_str().unwrap_or_default() {
        "section" => section(workspace, part),
        "header" => format!("<h3>{}</h3>", words(workspace, &part["text"])),
        "divider" => "<hr>".to_owned(),
        "context" => {
            let items: String = items().map(|item| format!("<span>{}</span>", in_context(workspace, item))).collect();
            format!("<div class=\"context\">{items}</div>")
        }
        "actions" => {
            let items: String = items().map(|item| element(workspace, item)).collect();
            format!("<div class=\"actions\">{items}</div>")
        }
        "image" => picture(part),
        "input" => input(workspace, part),
        "markdown" => format!("<div class=\"text\">{}</div>", mrkdwn::plain(part["text"].as_str().unwrap_or_default())),
        kind => format!("<div class=\"unshown\">{} is not shown here</div>", escape(kind)),
    }
}

fn section(workspace: &Workspace, part: &Value) -> String {
    let mut inner = String::new();
    if !part["text"].is_null() {
        inner.push_str(&format!("<div class=\"text\">{}</div>", words(workspace, &part["text"])));
    }
    if let Some(fields) = part["fields"].as_array() {
        let fields: String = fields.iter().map(|field| format!("<div>{}</div>", words(workspace, field))).collect();
        inner.push_str(&format!("<div class=\"fields\">{fields}</div>"));
    }
    let beside = match &part["accessory"] {
        Value::Null => String::new(),
        image if image["type"] == "image" => picture(image),
        other => element(workspace, other),
    };
    format!("<div class=\"section\"><div>{inner}</div>{beside}</div>")
}

fn in_context(workspace: &Workspace, item: &Value) -> String {
    if item["type"] == "image" { picture(item) } else { words(workspace, item) }
}

/// Nothing is loaded from elsewhere: a picture is what it is called.
fn picture(image: &Value) -> String {
    format!("<span class=\"picture\">🖼 {}</span>", escape(image["alt_text"].as_str().unwrap_or_default()))
}

fn element(workspace: &Workspace, element: &Value) -> String {
    let action = escape(element["action_id"].as_str().unwrap_or_default());
    match element["type"].as_str().unwrap_or_default() {
        "button" => {
            let style = match element["style"].as_str() {
                Some("primary") => " primary",
                Some("danger") => " danger",
                _ => "",
            };
            let label = words(workspace, &element["text"]);
            let link = element["url"].as_str().filter(|url| url.starts_with("http://") || url.starts_with("https://"));
            let button = match link {
                Some(url) => format!(
                    "<a class=\"button{style}\" data-action=\"{action}\" rel=\"noreferrer noopener\" target=\"_blank\" href=\"{}\">{label}</a>",
                    escape(url)
                ),
                None => {
                    format!("<button type=\"button\" class=\"button{style}\" data-action=\"{action}\">{label}</button>")
                }
            };
            button + &confirm(workspace, &element["confirm"])
        }
        kind @ ("static_select" | "overflow") => format!(
            "<select class=\"{kind}\" data-action=\"{action}\"><option value=\"\">{}</option>{}</select>{}",
            placeholder(workspace, element),
            options(workspace, element, ""),
            confirm(workspace, &element["confirm"]),
        ),
        kind => format!("<span class=\"unshown\">{} is not shown here</span>", escape(kind)),
    }
}

/// The dialog that asks again, closed.
fn confirm(workspace: &Workspace, confirm: &Value) -> String {
    if confirm.is_null() {
        return String::new();
    }
    let style = if confirm["style"] == "danger" { "danger" } else { "primary" };
    format!(
        "<dialog class=\"confirm\"><form method=\"dialog\"><h3>{}</h3><p>{}</p><menu>\
         <button class=\"button\" value=\"\">{}</button>\
         <button class=\"button {style}\" value=\"yes\">{}</button></menu></form></dialog>",
        words(workspace, &confirm["title"]),
        words(workspace, &confirm["text"]),
        words(workspace, &confirm["deny"]),
        words(workspace, &confirm["confirm"]),
    )
}

fn input(workspace: &Workspace, part: &Value) -> String {
    let place = escape(part["block_id"].as_str().unwrap_or_default());
    let needed = if part["optional"] == true { "" } else { " required" };
    let optional = if needed.is_empty() { " <small>(optional)</small>" } else { "" };
    let hint = match &part["hint"] {
        Value::Null => String::new(),
        hint => format!("<small>{}</small>", words(workspace, hint)),
    };
    format!(
        "<label class=\"input\" data-place=\"{place}\"><b>{}{optional}</b>{}<em></em>{hint}</label>",
        words(workspace, &part["label"]),
        field(workspace, &part["element"], &place, needed),
    )
}

fn field(workspace: &Workspace, element: &Value, place: &str, needed: &str) -> String {
    let initial = escape(element["initial_value"].as_str().unwrap_or_default());
    let hint = escape(element["placeholder"]["text"].as_str().unwrap_or_default());
    let longest = element["max_length"].as_u64().unwrap_or(3_000);
    match element["type"].as_str().unwrap_or_default() {
        "plain_text_input" if element["multiline"] == true => format!(
            "<textarea name=\"{place}\" rows=\"4\" maxlength=\"{longest}\" placeholder=\"{hint}\"{needed}>{initial}</textarea>"
        ),
        "static_select" => {
            let chosen = element["initial_option"]["value"].as_str().unwrap_or_default();
            format!(
                "<select name=\"{place}\"{needed}><option value=\"\">{}</option>{}</select>",
                placeholder(workspace, element),
                options(workspace, element, chosen)
            )
        }
        "radio_buttons" => boxes(workspace, element, "radio", place),
        "checkboxes" => boxes(workspace, element, "checkbox", place),
        "users_select" => {
            let people = workspace.people.values();
            let people = people
                .map(|person| format!("<option value=\"{}\">@{}</option>", escape(&person.id), escape(&person.name)));
            format!(
                "<select name=\"{place}\"{needed}><option value=\"\"></option>{}</select>",
                people.collect::<String>()
            )
        }
        "datepicker" => format!("<input type=\"date\" name=\"{place}\"{needed}>"),
        "timepicker" => format!("<input type=\"time\" name=\"{place}\"{needed}>"),
        _ => format!(
            "<input name=\"{place}\" maxlength=\"{longest}\" placeholder=\"{hint}\" value=\"{initial}\"{needed}>"
        ),
    }
}

fn placeholder(workspace: &Workspace, element: &Value) -> String {
    match &element["placeholder"] {
        Value::Null if element["type"] == "overflow" => "⋯".to_owned(),
        Value::Null => "Choose…".to_owned(),
        text => words(workspace, text),
    }
}

fn each_option(element: &Value) -> impl Iterator<Item = &Value> {
    let groups = element["option_groups"].as_array().into_iter().flatten().map(|group| &group["options"]);
    std::iter::once(&element["options"]).chain(groups).filter_map(Value::as_array).flatten()
}

fn options(workspace: &Workspace, element: &Value, chosen: &str) -> String {
    let one = |option: &Value| {
        let value = option["value"].as_str().unwrap_or_default();
        let selected = if !chosen.is_empty() && value == chosen { " selected" } else { "" };
        format!("<option value=\"{}\"{selected}>{}</option>", escape(value), words(workspace, &option["text"]))
    };
    each_option(element).map(one).collect()
}

fn boxes(workspace: &Workspace, element: &Value, kind: &str, place: &str) -> String {
    let one = |option: &Value| {
        format!(
            "<label class=\"choice\"><input type=\"{kind}\" name=\"{place}\" value=\"{}\"> {}</label>",
            escape(option["value"].as_str().unwrap_or_default()),
            words(workspace, &option["text"])
        )
    };
    format!("<span class=\"choices\">{}</span>", each_option(element).map(one).collect::<String>())
}
