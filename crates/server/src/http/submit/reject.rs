//! What is kept of an item that was no event, so that people see what an agent sends wrong (EVT-10).

use mandate_core::change::RejectedRow;
use mandate_core::event::FieldError;
use mandate_core::id::{RejectedId, uuid_v7};
use mandate_core::time::Millis;
use mandate_scrub::Scrubber;
use serde_json::Value;

use crate::app::App;
use crate::http::caller::Caller;

/// So much of an item is kept, in bytes.
const KEPT: usize = 4 * 1024;

/// The row to keep of one item; none when this key filled its share of the list.
pub(super) fn keep(app: &App, caller: &Caller, item: &str, errors: &[FieldError], at: Millis) -> Option<RejectedRow> {
    let key = caller.key().id;
    app.http.rejected.take(&[(key, 1)], at).ok()?;
    let scrubber = &caller.tenant.scrubber;
    let error = |error: &FieldError| {
        let detail = scrubber.scrub_text(&error.detail).into_owned();
        let pointer = scrubber.scrub_text(&error.pointer).into_owned();
        mandate_api::FieldError { pointer, code: error.code.clone(), detail }
    };
    let errors: Vec<_> = errors.iter().map(error).collect();
    // INVARIANT: texts always serialise.
    let errors = serde_json::to_vec(&errors).unwrap_or_default();
    Some(RejectedRow { id: RejectedId(uuid_v7(at, app.env.random())), at, key, errors, item: scrubbed(item, scrubber) })
}

/// The item without secrets: as JSON where it is any, so that a telling member redacts its value; else as text.
fn scrubbed(item: &str, scrubber: &Scrubber) -> String {
    let text = match serde_json::from_str::<Value>(item) {
        Ok(mut value) => {
            scrubber.scrub_value(&mut value);
            value.to_string()
        }
        Err(_) => scrubber.scrub_text(item).into_owned(),
    };
    let mut kept = text.replace('\0', "\u{fffd}");
    if kept.len() > KEPT {
        let end = (0..=KEPT).rev().find(|at| kept.is_char_boundary(*at)).unwrap_or(0);
        kept.truncate(end);
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_holds_no_secret_and_is_short() {
        let scrubber = Scrubber::new([3; 32]);
        let token = format!("ghp_{}", "a1B2".repeat(9));
        for item in [format!(r#"{{"actor": 7, "token": "{token}"}}"#), format!("not JSON {token}")] {
            let kept = scrubbed(&item, &scrubber);
            assert!(!kept.contains(&token) && kept.contains("[redacted:"), "{kept}");
        }
        let long = scrubbed(&format!("\"{}\"", "ä".repeat(10_000)), &scrubber);
        assert!(long.len() <= KEPT + 3 && long.ends_with('…'), "{}", long.len());
    }
}
