//! A page that shows what people would see, and lets them press.

use hyper::http::request::Parts;

use super::serve::{Answer, text};
use super::state::Shared;

pub(super) async fn answer(_: &Shared, _: &Parts, _: &[u8]) -> Answer {
    text(404, "text/plain", String::new())
}
