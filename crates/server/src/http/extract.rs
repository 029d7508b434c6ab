//! Reading calls' bodies and parameters strictly, with problems that point at what is wrong.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use mandate_core::json::push_pointer;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use utoipa::IntoParams;

use super::body;
use super::problem::{Code, Refused};
use crate::app::App;

/// A body of one of our own calls: unknown members are errors.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _app: &App) -> Result<Self, Refused> {
        read(body::text(&body::small(request).await?)?).map(Self)
    }
}

/// The same, where the body may be left out.
#[derive(Debug)]
pub struct JsonOrNothing<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<App> for JsonOrNothing<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, _app: &App) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let nothing = hyper::body::Body::is_end_stream(&body);
        if nothing {
            // Some clients name a type for a body that is not there.
            parts.headers.remove(header::CONTENT_TYPE);
        }
        let bytes = body::small(Request::from_parts(parts, body)).await?;
        let text = body::text(&bytes)?;
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

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// How many, 1 to 1,000; 50 when left out.
    pub limit: Option<u32>,
    /// Where an earlier page said to go on.
    pub cursor: Option<String>,
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
