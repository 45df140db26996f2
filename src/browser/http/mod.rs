//! Requests over HTTP, each with one time limit for the token, the headers and the body.

mod answer;
mod fetched;
mod limit;
mod token;
mod transport;

pub use self::limit::{AlarmUser, Limit, renew_alarm};
pub use self::token::{RequestToken, ask_token};

use super::host::Host;
use crate::core::engine::Unsent;
use crate::core::protocol::{Request, Response, Secret, Unreadable};

/// Where requests go, and how.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Absolute, without a slash at the end.
    pub base_url: String,
    /// As for `fetch`.
    pub credentials: Option<web_sys::RequestCredentials>,
    /// The Web Lock under which one tab refreshes the token.
    pub token_lock: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// An answer, read to its end or as far as it can be read.
    Answered(Response),
    /// It left, and no whole answer came.
    Lost {
        /// Whether the time limit had passed.
        timed_out: bool,
    },
    /// It never left.
    NotSent(Unsent),
}

/// Why there is no answer, or none that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ExchangeError {
    /// The connection failed, the page's own code did, or the time is up.
    Lost,
    /// An answer came.
    Unreadable(Unreadable),
    /// The browser refuses to make the request.
    Unable,
}

/// Sends, and reads the answer.
pub async fn exchange(
    host: &Host,
    destination: &Destination,
    request: &Request,
    token: &RequestToken,
    limit: &Limit,
) -> Exchange {
    // It may be the next user's token.
    if !limit.may_leave() {
        return Exchange::NotSent(Unsent::SignedOut);
    }
    if limit.is_over() {
        token.lost(host);
        return Exchange::NotSent(Unsent::Late);
    }
    let bearer = token
        .text()
        .map(|token| ("authorization", format!("Bearer {token}")));
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .chain(&bearer)
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = if host.has_transport() {
        transport::send(host, request, &headers, limit).await
    } else {
        fetched::send(destination, request, &headers, limit).await
    };
    match answer {
        Ok(response) => {
            token.answered(host, response.status);
            Exchange::Answered(with_secret(response, token))
        }
        Err(ExchangeError::Unreadable(why)) => Exchange::Answered(Response::unreadable(why)),
        Err(ExchangeError::Lost) => {
            token.lost(host);
            Exchange::Lost {
                timed_out: limit.has_passed(),
            }
        }
        Err(ExchangeError::Unable) => Exchange::NotSent(Unsent::NoSuchAddress),
    }
}

/// The core leaves out of all that it tells what the server quotes of the token. An `ETag` that holds
/// it would be stored.
fn with_secret(response: Response, token: &RequestToken) -> Response {
    let secret = Secret::of(token.text());
    Response {
        etag: response.etag.filter(|etag| !secret.is_in(etag)),
        secret,
        ..response
    }
}
