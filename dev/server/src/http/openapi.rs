//! The charge protocol as an OpenAPI document, made from what stands beside the handlers and the
//! types.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{RefOr, Required, Schema};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_axum::router::OpenApiRouter;

use super::App;
use super::batch::Item;
use super::problem::Problem;

const DESCRIPTION: &str = "\
JSON over HTTP. Names on the wire are snake_case; amounts and balances are whole points; instants are \
RFC 3339 in UTC. Unknown members are ignored.

Errors are problem documents (RFC 9457), and that is how a client tells the server's word from a \
proxy's. With one, any 4xx but 408 and 409 says that nothing was taken, and so does 503. After 408, 409, \
500, 502, 504 and no answer a charge may have been taken: the same key is sent again, or looked up.

A request that has been received is decided within 5 s, or refused.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tollbox charge protocol",
        version = "1",
        description = DESCRIPTION,
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/billing/v1")),
    components(schemas(Item, Problem)),
    security(("token" = [])),
    modifiers(&Token),
)]
struct Protocol;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", bearer);
    }
}

/// The routes, and the document of all that they serve.
pub fn documented(routes: OpenApiRouter<App>) -> (Router<App>, String) {
    let (router, document) = OpenApiRouter::with_openapi(Protocol::openapi())
        .merge(routes)
        .split_for_parts();
    // Of maps with text as keys: it can't fail.
    let text = document.to_pretty_json().unwrap_or_default();
    (router, format!("{text}\n"))
}

/// A parameter as the document shows it, with an example.
pub fn parameter(
    name: &str,
    place: ParameterIn,
    required: Required,
    described: &str,
    schema: impl Into<RefOr<Schema>>,
    example: &str,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(described))
        .schema(Some(schema))
        .example(Some(example.into()))
        .build()
}

/// A schema of any text.
pub fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// Serves the document.
pub fn serve(document: String) -> impl IntoResponse + Clone {
    ([(header::CONTENT_TYPE, "application/json")], document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::billing;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

    #[test]
    fn the_committed_document_is_that_of_the_code() {
        let (_, document) = documented(billing::routes(true));
        if std::env::var_os("TOLLBOX_WRITE_OPENAPI").is_some() {
            std::fs::write(FILE, &document).unwrap();
        }
        let committed = std::fs::read_to_string(FILE).unwrap();
        assert!(
            committed == document,
            "docs/openapi.json is not that of the code: `cargo xtask openapi` writes it"
        );
    }
}
