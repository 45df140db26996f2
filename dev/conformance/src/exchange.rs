//! One request over HTTP, on a connection of its own, and its answer. Redirects are not followed.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::Uri;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use crate::catalogue::Delivery;
use crate::request::Request;
use crate::scope::number;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// The pause between two pieces of a body, and before a client goes.
const PAUSE: Duration = Duration::from_millis(50);

const PIECES: usize = 4;

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
    Closed,
    Late,
    /// The kit's own client has gone, as the rule wants it.
    Gone,
}

impl Silence {
    pub fn text(self) -> &'static str {
        match self {
            Self::NoConnection => "no connection",
            Self::Closed => "the connection was closed",
            Self::Late => "no answer in time",
            Self::Gone => "gone",
        }
    }
}

/// What came of a request.
pub type Exchange = Result<Answer, Silence>;

/// Sends a request. A body that never ends may take `within`. `sent` is told of a body in the background
/// that it has been sent, and dropped where it can't be.
pub async fn exchange(
    base: &Uri,
    request: &Request,
    token: Option<&str>,
    within: Duration,
    sent: Option<oneshot::Sender<()>>,
) -> Exchange {
    let limit = match request.delivery {
        Some(Delivery::WithoutEnd) => within,
        _ => ANSWER,
    };
    let exchanged = async {
        match base.scheme_str() {
            Some("https") => send(secure(base).await, base, request, token, sent).await,
            _ => send(connect(base).await, base, request, token, sent).await,
        }
    };
    timeout(limit, exchanged)
        .await
        .unwrap_or(Err(Silence::Late))
}

async fn send<S>(
    stream: io::Result<S>,
    base: &Uri,
    request: &Request,
    token: Option<&str>,
    sent: Option<oneshot::Sender<()>>,
) -> Exchange
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let started = Instant::now();
    let stream = stream.map_err(|_| Silence::NoConnection)?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
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
        let collected = body.collect().await.map_err(|_| Silence::Closed)?;
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
        message = message.header(name, value);
    }
    if let Some(token) = token {
        message = message.header("authorization", format!("Bearer {token}"));
    }
    message
        .body(body)
        .expect("tokens are checked, and the catalogue's headers can be sent")
}

async fn connect(base: &Uri) -> io::Result<TcpStream> {
    let usual = if base.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = base.port_u16().unwrap_or(usual);
    let stream = TcpStream::connect((host(base), port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn secure(base: &Uri) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let config =
            ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("the provider has the usual versions of TLS");
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    });
    let name = ServerName::try_from(host(base).to_owned()).map_err(io::Error::other)?;
    let stream = connect(base).await?;
    TlsConnector::from(Arc::clone(&TLS))
        .connect(name, stream)
        .await
}

/// The host's name or address, an IPv6 one without its brackets.
fn host(base: &Uri) -> &str {
    base.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// The headers, several of one name as a list.
fn lists(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut lists = BTreeMap::new();
    for name in headers.keys() {
        let all = headers.get_all(name).iter();
        let all: Vec<_> = all
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
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
