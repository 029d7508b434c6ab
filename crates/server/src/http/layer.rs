//! What every request passes: its id, the host check, security headers, problems, counting.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Code, OnItsWay, REQUEST_ID, Refused};
use super::state::host_of;
use crate::app::App;

/// Names a request, for handlers and answers.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) HeaderValue);

/// The layer around every call.
pub(super) async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = app.http.next_request_id();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = match check_host(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    if let Some(on_its_way) = response.extensions_mut().remove::<OnItsWay>()
        && let Some(refused) = on_its_way.take()
    {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = refused.into_problem(id.to_str().unwrap_or_default());
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    app.metrics.answered(response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    response
}

const SECURITY: [(header::HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    ),
];

/// On loopback the only guard against a page that made its own name point here is the name (SEC-9).
fn check_host(app: &App, request: &Request) -> Result<(), Refused> {
    let Some(hosts) = &app.http.hosts else { return Ok(()) };
    let headers = request.headers().get_all(header::HOST).iter();
    let named = headers.map(|host| host.to_str().unwrap_or_default()).chain(request.uri().host());
    for host in named.map(host_of) {
        if !hosts.iter().any(|known| host.eq_ignore_ascii_case(known)) {
            return Err(Refused::new(
                Code::UnknownHost,
                format!(
                    "`{host}` is not a name of this server; use 127.0.0.1, or set `server.public_url` to that name"
                ),
            ));
        }
    }
    Ok(())
}

/// The answer to a path that no call has.
pub(super) async fn no_such_call(request: Request) -> Refused {
    let path = request.uri().path();
    Refused::new(Code::NoSuchCall, format!("there is no call `{path}`; `/openapi.json` lists them all"))
}

/// The answer to a method that a path does not have.
pub(super) async fn method_not_allowed(request: Request) -> Refused {
    let (method, path) = (request.method(), request.uri().path());
    Refused::new(Code::MethodNotAllowed, format!("`{path}` does not take {method}; `/openapi.json` says what it takes"))
}
