//! The pages and the SDK, embedded in the binary.

use actix_web::http::header::{self, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::error::Problem;

/// What a page may load: from this node alone, and nothing inline but the one style sheet that the stage's emoji picker
/// brings along, named by its hash.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-rg2BpwZ4T9EADaas/dlxn0KsISPDXXIabE9pnJ++3UQ='; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'";

const STAGE: &str = "stage/index.html";
const DASHBOARD: &str = "dashboard/index.html";

#[derive(RustEmbed)]
#[folder = "frontend/"]
#[include = "stage/*"]
#[include = "dashboard/*"]
#[include = "sdk/*.js"]
#[include = "vendor/*"]
struct Frontend;

/// True if this binary has a stage to show.
pub fn shows_stage() -> bool {
    Frontend::get(STAGE).is_some()
}

/// The stage.
pub(super) async fn stage(request: HttpRequest) -> Result<HttpResponse, Problem> {
    serve(&request, STAGE)
}

/// The dashboard.
pub(super) async fn dashboard(request: HttpRequest) -> Result<HttpResponse, Problem> {
    serve(&request, DASHBOARD)
}

/// A file of a page or the SDK, by its path.
pub(super) async fn file(request: HttpRequest) -> Result<HttpResponse, Problem> {
    serve(&request, request.path().trim_start_matches('/'))
}

fn serve(request: &HttpRequest, path: &str) -> Result<HttpResponse, Problem> {
    let file = Frontend::get(path).ok_or_else(|| Problem::not_found("there is no such file"))?;
    let tag = EntityTag::new_strong(hex(&file.metadata.sha256_hash()[..16]));
    if is_known(request, &tag) {
        return Ok(HttpResponse::NotModified()
            .insert_header(ETag(tag))
            .finish());
    }
    Ok(respond(path, tag, file))
}

fn respond(path: &str, tag: EntityTag, file: EmbeddedFile) -> HttpResponse {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == "text" {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header(ETag(tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    if path.starts_with("sdk/") {
        // The SDK is there to be loaded by other people's pages.
        response.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    }
    response.body(file.data.into_owned())
}

fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Ok(IfNoneMatch::Any) | Err(_) => false,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
