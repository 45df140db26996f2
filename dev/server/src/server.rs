//! Listening, serving, and stopping without cutting off requests in flight.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;

use crate::faults::{Cut, Faults};
use crate::http::{App, Extras, operators, router};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::store::Store;

/// How long requests in flight may take once the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// The most headers of a request; more are answered 431.
const MAX_HEADERS: usize = 64;

/// About the longest request line and headers together: the longest key in the query takes 12 KiB of it.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long accepting pauses when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens, and answers once it runs.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    operators: Option<TcpListener>,
    headers_within: Duration,
    drain: Duration,
    app: App,
    router: Router,
}

impl Server {
    /// Opens the database and listens. Connections wait until [`Server::run`].
    pub async fn bind(options: Options) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let store = Store::open(
            &options.database,
            options.terms(),
            !options.no_holds,
            options.decide_within(),
            options.database_connections,
            metrics.clone(),
        )
        .await
        .map_err(StartError::Database)?;
        let listener = TcpListener::bind((options.host.as_str(), options.port))
            .await
            .map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let operators = match options.metrics {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(StartError::Listen)?,
            ),
            None => None,
        };
        let app = App {
            store,
            faults: options.faults.then(Faults::default),
            token_ttl_ms: options.token_ttl_ms(),
            body_within: options.body_within(),
            metrics,
            stopping: CancellationToken::new(),
        };
        let (headers_within, drain) = (options.headers_within(), options.drain());
        let extras = Extras {
            demo: options.demo,
            static_dir: options.static_dir,
        };
        let router = router(app.clone(), extras);
        Ok(Self {
            listener,
            address,
            operators,
            headers_within,
            drain,
            app,
            router,
        })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of `--metrics`, with the real port.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.operators.as_ref()?.local_addr().ok()
    }

    /// Serves until `stop`, and goes on for the time of `--drain`; then lets requests in flight end,
    /// for some seconds at most, and closes the database.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let operators = self.operators.map(|listener| {
            let router = operators(self.app.clone());
            AbortOnDropHandle::new(tokio::spawn(async move {
                accept(
                    &listener,
                    &router,
                    self.headers_within,
                    &GracefulShutdown::new(),
                )
                .await;
            }))
        });
        let connections = GracefulShutdown::new();
        let stopping = self.app.stopping.clone();
        let end = async {
            stop.await;
            stopping.cancel();
            sleep(self.drain).await;
        };
        tokio::select! {
            () = accept(&self.listener, &self.router, self.headers_within, &connections) => {}
            () = end => {}
        }
        drop(self.listener);
        let end = async {
            connections.shutdown().await;
            self.app.store.close().await;
        };
        if timeout(GRACE, end).await.is_err() {
            tracing::warn!("stopped with requests in flight");
        }
        drop(operators);
    }
}

/// Accepts connections for ever.
async fn accept(
    listener: &TcpListener,
    router: &Router,
    headers_within: Duration,
    connections: &GracefulShutdown,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => serve(stream, router.clone(), headers_within, connections),
            Err(error) => {
                tracing::warn!("no connection accepted: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection in a task of its own. HTTP/1.1 only: a fault must be able to close the
/// connection of one request.
fn serve(
    stream: TcpStream,
    router: Router,
    headers_within: Duration,
    connections: &GracefulShutdown,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    let service = service_fn(move |request| answer(router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // From the connection's beginning, and from each answer on.
        .header_read_timeout(headers_within)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("connection ended: {error}");
        }
    });
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response<Body>, CutOff> {
    let answered: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
    let Ok(response) = answered;
    if response.extensions().get::<Cut>().is_some() {
        // hyper closes the connection of a service that fails, and writes nothing.
        Err(CutOff)
    } else {
        Ok(response)
    }
}

#[derive(Debug)]
struct CutOff;

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut off by a fault")
    }
}

impl std::error::Error for CutOff {}

/// Why the server can't start.
#[derive(Debug)]
pub enum StartError {
    /// The database can't be opened.
    Database(sqlx::Error),
    /// The address can't be listened on.
    Listen(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => write!(f, "can't open the database: {error}"),
            Self::Listen(error) => write!(f, "can't listen: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
