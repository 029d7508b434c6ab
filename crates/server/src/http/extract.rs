//! Reading bodies and parameters strictly, with problems that point at what is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use mandate_core::json::push_pointer;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::OwnedSemaphorePermit;

use super::problem::{Code, Refused};
use crate::app::App;

/// A request may hold this many bytes (EVT-7).
pub const MAX_BODY: usize = 8 * 1024 * 1024;
/// So much of a body that is too large is read before its connection is broken off.
const MAX_DROPPED: usize = 64 * 1024 * 1024;
/// A request may take this long to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// A whole body, with its share of the memory for bodies.
#[derive(Debug)]
pub struct Whole {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Whole {
    /// The body as text.
    ///
    /// # Errors
    /// 400 when it is not UTF-8, with the byte at which it stops being so.
    pub fn text(&self) -> Result<&str, Refused> {
        std::str::from_utf8(&self.bytes).map_err(|error| {
            let at = error.valid_up_to();
            Refused::new(Code::InvalidText, format!("byte {at} of the body is not UTF-8; send JSON in UTF-8"))
        })
    }
}

impl FromRequest<App> for Whole {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        check_type(request.headers())?;
        let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let announced =
            announced.map_or(MAX_BODY, |length| length.parse::<usize>().unwrap_or(usize::MAX)).min(MAX_BODY);
        let Some(room) = app.http.room_for(announced) else {
            return Err(crate::intake::Full::All.into());
        };
        let arrived = tokio::time::timeout(ARRIVAL, collect(request.into_body(), announced)).await;
        let bytes = arrived.map_err(|_| {
            Refused::new(Code::TooSlow, format!("the body did not arrive within {} seconds", ARRIVAL.as_secs()))
        })??;
        Ok(Self { bytes, _room: room })
    }
}

/// Reads a body to its end. One that is too large is read on and dropped, so that its sender gets to the answer
/// instead of a broken connection; up to a bound.
async fn collect(mut body: Body, announced: usize) -> Result<Bytes, Refused> {
    let mut whole = Bytes::new();
    let mut joined: Vec<u8> = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let broken = |_| Refused::new(Code::InvalidRequest, "the body broke off before its end; send it again");
        let Ok(part) = frame.map_err(broken)?.into_data() else { continue };
        length += part.len();
        if length > MAX_DROPPED {
            return Err(too_large());
        }
        if length > MAX_BODY {
            joined = Vec::new();
        } else if whole.is_empty() && joined.is_empty() {
            // A body that comes in one piece, as nearly all do, is not copied.
            whole = part;
        } else {
            if joined.is_empty() {
                joined.reserve(announced);
                joined.extend_from_slice(&std::mem::take(&mut whole));
            }
            joined.extend_from_slice(&part);
        }
    }
    match length {
        length if length > MAX_BODY => Err(too_large()),
        _ if joined.is_empty() => Ok(whole),
        _ => Ok(joined.into()),
    }
}

fn too_large() -> Refused {
    let detail = format!("a request may have {MAX_BODY} bytes; send fewer events at once");
    Refused::new(Code::TooLarge, detail)
}

fn check_type(headers: &HeaderMap) -> Result<(), Refused> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Refused::new(Code::UnsupportedMediaType, "send the body as it is, without `Content-Encoding`"));
    }
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let detail = format!("`{kind}` is not a form this call reads; send `Content-Type: application/json`");
    Err(Refused::new(Code::UnsupportedMediaType, detail))
}

/// A body of one of our own calls: unknown members are errors.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let body = Whole::from_request(request, app).await?;
        read(body.text()?).map(Self)
    }
}

/// The same, where the body may be left out.
#[derive(Debug)]
pub struct JsonOrNothing<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<App> for JsonOrNothing<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let nothing = hyper::body::Body::is_end_stream(&body);
        if nothing {
            // Some clients name a type for a body that is not there.
            parts.headers.remove(header::CONTENT_TYPE);
        }
        let body = Whole::from_request(Request::from_parts(parts, Body::new(body)), app).await?;
        let text = body.text()?;
        if text.trim().is_empty() { Ok(Self(T::default())) } else { read(text).map(Self) }
    }
}

/// Reads an object strictly.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Refused> {
    if !text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return Err(Refused::new(Code::InvalidRequest, "the body is a JSON object").at("", "wrong_type"));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer_of(error.path());
        refused(error.inner(), pointer)
    })?;
    reader.end().map_err(|error| refused(&error, String::new()))?;
    Ok(value)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push_pointer(&mut pointer, &index.to_string()),
            Segment::Map { key } => push_pointer(&mut pointer, key),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// What is wrong with a body: not JSON, or JSON of another shape.
pub(super) fn refused(error: &serde_json::Error, pointer: String) -> Refused {
    let message = error.to_string();
    let (words, _) = message.rsplit_once(" at line ").unwrap_or((&message, ""));
    let place = format!("line {}, column {}", error.line(), error.column());
    if !error.is_data() {
        return Refused::new(Code::InvalidJson, format!("the body is not JSON: {words} at {place}"));
    }
    let code = if words.starts_with("unknown field") {
        "unknown_member"
    } else if words.starts_with("missing field") {
        "missing"
    } else if words.starts_with("duplicate field") {
        "duplicate_key"
    } else {
        "wrong_type"
    };
    let mut pointer = pointer;
    // Of a member that is not there, or there twice, only the message says the name.
    if let (true, Some(name)) = (["missing", "duplicate_key"].contains(&code), words.split('`').nth(1))
        && !pointer.ends_with(name)
    {
        push_pointer(&mut pointer, name);
    }
    Refused::new(Code::InvalidRequest, format!("{words} ({place})")).at(pointer, code)
}

/// The parameters of a query: unknown ones are errors.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Refused> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(invalid_query(&rejection)),
        }
    }
}

fn invalid_query(rejection: &QueryRejection) -> Refused {
    let text = rejection.body_text();
    let words = text.split_once(": ").map_or(text.as_str(), |(_, words)| words);
    Refused::new(Code::InvalidRequest, format!("the query is not as it must be: {words}"))
}

/// One path segment, decoded: agent ids hold `/`, which clients send as `%2F`.
#[derive(Debug)]
pub struct Segment(pub String);

impl FromRequestParts<App> for Segment {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        match axum::extract::Path::<String>::from_request_parts(parts, app).await {
            Ok(axum::extract::Path(segment)) => Ok(Self(segment)),
            Err(_) => Err(Refused::new(Code::InvalidRequest, "the path is not UTF-8 once its `%` codes are decoded")),
        }
    }
}

impl Segment {
    /// The segment as an id of some concept.
    ///
    /// # Errors
    /// 404: what is no id names nothing.
    pub fn id<T: std::str::FromStr>(&self, concept: &str) -> Result<T, Refused> {
        self.0.parse().map_err(|_| Refused::not_found(format!("{concept} `{}`", self.0)))
    }
}

/// How many items a page has when nobody says.
const USUAL_PAGE: u32 = 50;
/// How many items a page may have.
const LARGEST_PAGE: u32 = 1_000;

/// The size of a page.
///
/// # Errors
/// 400 beyond 1 to 1,000.
pub fn page_size(limit: Option<u32>) -> Result<u32, Refused> {
    match limit {
        None => Ok(USUAL_PAGE),
        Some(limit) if (1..=LARGEST_PAGE).contains(&limit) => Ok(limit),
        Some(limit) => {
            Err(Refused::new(Code::InvalidRequest, format!("`limit` is 1 to {LARGEST_PAGE}, this is `{limit}`")))
        }
    }
}

/// Reads a cursor that an earlier page gave.
///
/// # Errors
/// 400 for any other text.
pub fn cursor<T: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<T>, Refused> {
    cursor.map(str::parse).transpose().map_err(|_| unknown_cursor())
}

/// The answer to a cursor that no page gave.
pub(super) fn unknown_cursor() -> Refused {
    Refused::new(Code::InvalidRequest, "`cursor` is not one that a page gave; begin without it")
}

#[cfg(test)]
mod tests {
    use mandate_api::PauseRequest;

    use super::*;

    #[test]
    fn own_calls_are_read_strictly() {
        let cases = [
            (r#"{"reason":"x"}"#, None),
            (r#"{"reson":"x"}"#, Some((Code::InvalidRequest, "/reson", "unknown_member"))),
            (r#"{"reason":1}"#, Some((Code::InvalidRequest, "/reason", "wrong_type"))),
            (r#"{"reason":"x","reason":"y"}"#, Some((Code::InvalidRequest, "/reason", "duplicate_key"))),
            (r#"["x", true]"#, Some((Code::InvalidRequest, "", "wrong_type"))),
            (r#"{"reason":"x"} x"#, Some((Code::InvalidJson, "", ""))),
            (r#"{"reason":"x""#, Some((Code::InvalidJson, "", ""))),
        ];
        for (text, expect) in cases {
            let got = read::<PauseRequest>(text).err().map(|refused| {
                let (code, errors) = (refused.code(), refused.errors());
                let (pointer, word) =
                    errors.first().map_or((String::new(), String::new()), |e| (e.pointer.clone(), e.code.clone()));
                (code, pointer, word)
            });
            let expect = expect.map(|(code, pointer, word)| (code, pointer.to_owned(), word.to_owned()));
            assert_eq!(got, expect, "{text}");
        }
    }
}
