//! What is answered to a request.

use super::body::Pieces;
use super::preconditions::{Verdict, verdict};
use super::range::{Span, span};
use alloc::sync::Arc;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use runtime_tokio::Store;
use spotproto::content::{FileId, Geometry};
use spotproto::message::{Refusal, Wanted};

/// What lies under the hash of itself never changes (RFC 8246).
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What a file that is not there must not be taken for in an hour.
const NOT_AT_ALL: HeaderValue = HeaderValue::from_static("no-store");

/// Seconds after which it is worth asking again for a file that cannot be read: the folder is looked at every minute.
const LATER: HeaderValue = HeaderValue::from_static("60");

/// The answer to a request, whose own body is not looked at.
pub(super) async fn answer<S: Store, B>(store: Arc<S>, request: &Request<B>) -> Response<Pieces<S>> {
    let mut response = match file_of(request) {
        Ok(file) => match find(&store, file).await {
            Ok(geometry) => found(store, request, file, geometry).await,
            Err(why) => refused(why),
        },
        Err(status) => bare(status),
    };
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("spot"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, NOT_AT_ALL);
    }
    response
}

/// The file that is asked for. It has one name: no upper case and no query, which caches would keep apart.
fn file_of<B>(request: &Request<B>) -> Result<FileId, StatusCode> {
    // RFC 9112 §3.2.
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let name = request.uri().path().strip_prefix('/').filter(|_| request.uri().query().is_none());
    name.filter(|name| !name.bytes().any(|byte| byte.is_ascii_uppercase()))
        .and_then(|name| name.parse().ok())
        .ok_or(StatusCode::NOT_FOUND)
}

/// The file's lengths. Of what else the store answers, the key above all, nothing goes further.
async fn find<S: Store>(store: &Arc<S>, file: FileId) -> Result<Geometry, Refusal> {
    let store = store.clone();
    let find = move || store.find(&Wanted::File(file)).map(|entry| entry.head.geometry);
    tokio::task::spawn_blocking(find).await.unwrap_or(Err(Refusal::Unavailable))
}

async fn found<S: Store, B>(
    store: Arc<S>,
    request: &Request<B>,
    file: FileId,
    geometry: Geometry,
) -> Response<Pieces<S>> {
    let tag = format!("\"{file}\"");
    let length = geometry.ciphertext_len();
    let asked = match verdict(request.headers(), &tag) {
        Verdict::Range => span(request.headers(), length),
        Verdict::Whole => Span::Whole,
        Verdict::NotModified => return immutable(bare(StatusCode::NOT_MODIFIED), &tag),
        Verdict::Failed => return bare(StatusCode::PRECONDITION_FAILED),
    };
    // A range is defined for GET alone (RFC 9110 §14.2).
    let is_head = *request.method() == Method::HEAD;
    let (status, bytes) = match asked {
        Span::Part(part) if !is_head => (StatusCode::PARTIAL_CONTENT, part),
        Span::Unsatisfiable if !is_head => {
            let mut response = bare(StatusCode::RANGE_NOT_SATISFIABLE);
            put(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
            return response;
        }
        _ => (StatusCode::OK, 0..length),
    };
    let content = if status == StatusCode::PARTIAL_CONTENT {
        Some(format!("bytes {}-{}/{length}", bytes.start, bytes.end.saturating_sub(1)))
    } else {
        None
    };
    let count = bytes.end.saturating_sub(bytes.start);
    let body = if is_head {
        Pieces::none()
    } else {
        // The first piece is here before anything is promised.
        match Pieces::open(store, file, geometry, bytes).await {
            Ok(body) => body,
            Err(why) => return refused(why),
        }
    };
    let mut response = immutable(Response::new(body), &tag);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    if let Some(content) = content {
        put(headers, header::CONTENT_RANGE, &content);
    }
    response
}

/// Says that the answer holds for ever.
fn immutable<B>(mut response: Response<B>, tag: &str) -> Response<B> {
    let headers = response.headers_mut();
    put(headers, header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, FOREVER);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn refused<S>(why: Refusal) -> Response<Pieces<S>> {
    match why {
        Refusal::NotFound | Refusal::NoRight => bare(StatusCode::NOT_FOUND),
        _ => {
            let mut response = bare(StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().insert(header::RETRY_AFTER, LATER);
            response
        }
    }
}

fn bare<S>(status: StatusCode) -> Response<Pieces<S>> {
    let mut response = Response::new(Pieces::none());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Digits, quotes and the like: there is nothing in it that could not stand in a field.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
