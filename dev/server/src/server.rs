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
use tower::ServiceExt;

use crate::faults::{Cut, Faults};
use crate::http::{App, Extras, router};
use crate::options::Options;
use crate::store::Store;

/// How long requests in flight may take once the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// How long accepting pauses when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens, and answers once it runs.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    router: Router,
}

impl Server {
    /// Opens the database and listens. Connections wait until [`Server::run`].
    pub async fn bind(options: Options) -> Result<Self, StartError> {
        let store = Store::open(
            &options.database,
            options.terms(),
            options.decide_within(),
            options.database_connections,
        )
        .await
        .map_err(StartError::Database)?;
        let listener = TcpListener::bind((options.host.as_str(), options.port))
            .await
            .map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let app = App {
            store,
            faults: options.faults.then(Faults::default),
            token_ttl_ms: options.token_ttl_ms(),
            body_within: options.body_within(),
            stopping: CancellationToken::new(),
        };
        let extras = Extras {
            demo: options.demo,
            static_dir: options.static_dir,
        };
        let router = router(app.clone(), extras);
        Ok(Self {
            listener,
            address,
            app,
            router,
        })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets requests in flight end, for some seconds at most, and closes
    /// the database.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let connections = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => break,
            };
            match accepted {
                Ok((stream, _)) => serve(stream, self.router.clone(), &connections),
                Err(error) => {
                    tracing::warn!("no connection accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        self.app.stopping.cancel();
        let end = async {
            connections.shutdown().await;
            self.app.store.close().await;
        };
        if timeout(GRACE, end).await.is_err() {
            tracing::warn!("stopped with requests in flight");
        }
    }
}

/// Serves one connection in a task of its own. HTTP/1.1 only: a fault must be able to close the
/// connection of one request.
fn serve(stream: TcpStream, router: Router, connections: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    let service = service_fn(move |request| answer(router.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
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
