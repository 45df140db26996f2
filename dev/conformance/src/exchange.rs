//! One request over HTTP, on a connection of its own, and its answer. Redirects are not followed.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Uri;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::catalogue::Delivery;
use crate::request::Request;
use crate::scope::number;

/// The pause between two pieces of a body, and before a client goes.
const PAUSE: Duration = Duration::from_millis(50);

const PIECES: usize = 4;

/// How many headers an answer may have, as in Node.js.
const MOST_HEADERS: usize = 2_000;

/// How long an answer may be.
const LONGEST_BYTES: usize = 4 * 1024 * 1024;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub text: String,
    /// `None` where the body is not JSON. Numbers are as [`number`] makes them.
    pub json: Option<Value>,
    pub took: Duration,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    NoConnection,
    UnknownName,
    Refused,
    NoTls,
    Closed,
    TooLong,
    Late,
    /// Earlier ones of its kind were not answered either.
    GivenUp,
    /// The kit's own client has gone, as the rule wants it.
    Gone,
}

impl Silence {
    pub fn text(self) -> &'static str {
        match self {
            Self::NoConnection => "no connection",
            Self::UnknownName => "no connection (the name is not known)",
            Self::Refused => "no connection (refused)",
            Self::NoTls => "no connection (TLS failed: is the certificate one that counts?)",
            Self::Closed => "the connection was closed",
            Self::TooLong => "more than 4 MiB came",
            Self::Late => "no answer in time",
            Self::GivenUp => "given up, after 3 without an answer",
            Self::Gone => "gone",
        }
    }
}

/// What came of a request.
pub type Exchange = Result<Answer, Silence>;

/// Sends a request, which may take `within`. `sent` is told of a body in the background that it has been
/// sent, and dropped where it can't be.
pub async fn exchange(
    base: &Uri,
    request: &Request,
    token: Option<&str>,
    within: Duration,
    sent: Option<oneshot::Sender<()>>,
) -> Exchange {
    let exchanged = async {
        match base.scheme_str() {
            Some("https") => send(secure(base).await, base, request, token, sent).await,
            _ => send(connect(base).await, base, request, token, sent).await,
        }
    };
    timeout(within, exchanged)
        .await
        .unwrap_or(Err(Silence::Late))
}

async fn send<S>(
    stream: Result<S, Silence>,
    base: &Uri,
    request: &Request,
    token: Option<&str>,
    sent: Option<oneshot::Sender<()>>,
) -> Exchange
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let started = Instant::now();
    let mut http = http1::Builder::new();
    http.max_headers(MOST_HEADERS);
    let handshake = http.handshake(TokioIo::new(stream?)).await;
    let (mut client, connection) = handshake.map_err(|_| Silence::NoConnection)?;
    // Dropped, and so ended, with this function: the connection is this request's own.
    let mut task = JoinSet::new();
    task.spawn(connection);
    let bytes = Bytes::from(request.body.clone().unwrap_or_default());
    let (sender, body) = Channel::<Bytes>::new(1);
    let message = message(base, request, token, bytes.len(), body);
    let answered = async {
        let response = client
            .send_request(message)
            .await
            .map_err(|_| Silence::Closed)?;
        let (parts, body) = response.into_parts();
        let collected = Limited::new(body, LONGEST_BYTES).collect().await;
        let collected = collected.map_err(|error| {
            let is_long = error.is::<LengthLimitError>();
            if is_long {
                Silence::TooLong
            } else {
                Silence::Closed
            }
        })?;
        let text = String::from_utf8_lossy(&collected.to_bytes()).into_owned();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: lists(&parts.headers),
            json: serde_json::from_str(&text).ok().map(normal),
            text,
            took: started.elapsed(),
        })
    };
    tokio::select! {
        answer = answered => match request.delivery {
            Some(Delivery::GoneInTheBody | Delivery::GoneBeforeTheAnswer) => Err(Silence::Gone),
            Some(Delivery::InPieces | Delivery::WithoutEnd | Delivery::InTheBackground) | None => answer,
        },
        () = write(sender, request.delivery, bytes, sent) => Err(Silence::Gone),
    }
}

/// Writes the body, and ends where the client goes.
async fn write(
    mut sender: Sender<Bytes>,
    delivery: Option<Delivery>,
    bytes: Bytes,
    sent: Option<oneshot::Sender<()>>,
) {
    // A body that is not taken any more shows in the answer, or in its absence.
    match delivery {
        None => {
            if !bytes.is_empty() {
                sender.send_data(bytes).await.ok();
            }
            drop(sender);
            pending().await
        }
        Some(Delivery::InPieces) => {
            let size = bytes.len().div_ceil(PIECES).max(1);
            for piece in bytes.chunks(size) {
                sender.send_data(Bytes::copy_from_slice(piece)).await.ok();
                sleep(PAUSE).await;
            }
            drop(sender);
            pending().await
        }
        Some(Delivery::WithoutEnd) => {
            let most = bytes.slice(..bytes.len().saturating_sub(1));
            sender.send_data(most).await.ok();
            pending::<()>().await;
            drop(sender);
        }
        Some(Delivery::GoneInTheBody) => {
            sender.send_data(bytes.slice(..bytes.len() / 2)).await.ok();
            sleep(PAUSE).await;
        }
        Some(Delivery::GoneBeforeTheAnswer) => taken(&mut sender, bytes).await,
        Some(Delivery::InTheBackground) => {
            taken(&mut sender, bytes).await;
            drop(sender);
            sent.and_then(|sent| sent.send(()).ok());
            pending().await
        }
    }
}

/// Waits until the body is being written.
async fn taken(sender: &mut Sender<Bytes>, bytes: Bytes) {
    sender.send_data(bytes).await.ok();
    // There is room for it once the body has been taken.
    sender.send_data(Bytes::new()).await.ok();
}

fn message(
    base: &Uri,
    request: &Request,
    token: Option<&str>,
    length: usize,
    body: Channel<Bytes>,
) -> hyper::Request<Channel<Bytes>> {
    let path = format!("{}/{}", base.path().trim_end_matches('/'), request.path);
    let host = base.authority().map_or("", |authority| authority.as_str());
    let mut message = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(path)
        .header("host", host)
        // A request without it may be answered in any encoding.
        .header("accept-encoding", "identity")
        .header("connection", "close");
    // DELETE has none, and a proxy may refuse one in chunks.
    if request.body.is_some() || request.method != "GET" {
        message = message.header("content-length", length);
    }
    for (name, value) in &request.headers {
        message = message.header(name, latin1(value));
    }
    if let Some(token) = token {
        message = message.header("authorization", format!("Bearer {token}"));
    }
    message
        .body(body)
        .expect("tokens are checked, and the catalogue's headers can be sent")
}

async fn connect(base: &Uri) -> Result<TcpStream, Silence> {
    let usual = if base.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = base.port_u16().unwrap_or(usual);
    let addresses = lookup_host((host(base), port)).await;
    let addresses: Vec<_> = addresses.map_err(|_| Silence::UnknownName)?.collect();
    let stream = TcpStream::connect(&*addresses).await;
    let stream = stream.map_err(|error| {
        let is_refused = error.kind() == io::ErrorKind::ConnectionRefused;
        if is_refused {
            Silence::Refused
        } else {
            Silence::NoConnection
        }
    })?;
    stream
        .set_nodelay(true)
        .map_err(|_| Silence::NoConnection)?;
    Ok(stream)
}

async fn secure(base: &Uri) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Silence> {
    static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config =
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("the provider has the usual versions of TLS");
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    });
    let name = ServerName::try_from(host(base).to_owned()).map_err(|_| Silence::UnknownName)?;
    let stream = connect(base).await?;
    let connected = TlsConnector::from(Arc::clone(&TLS)).connect(name, stream);
    connected.await.map_err(|_| Silence::NoTls)
}

/// The host's name or address, an IPv6 one without its brackets.
fn host(base: &Uri) -> &str {
    base.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// A header's text as bytes: each character is one, as in the text of an answer's header.
fn latin1(text: &str) -> Vec<u8> {
    let byte = |char| u8::try_from(char).unwrap_or(b'?');
    text.chars().map(byte).collect()
}

/// The headers, several of one name as a list.
fn lists(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut lists = BTreeMap::new();
    for name in headers.keys() {
        let all = headers.get_all(name).iter();
        let all: Vec<String> = all
            .map(|value| value.as_bytes().iter().copied().map(char::from).collect())
            .collect();
        lists.insert(name.as_str().to_owned(), all.join(", "));
    }
    lists
}

/// The same value, with numbers that are equal where their values are.
fn normal(value: Value) -> Value {
    match value {
        Value::Number(given) => given.as_f64().map_or(Value::Null, number),
        Value::Array(items) => items.into_iter().map(normal).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            Value::Object(members.map(|(name, one)| (name, normal(one))).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}
