//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum, value_parser};
use tracing_subscriber::filter::LevelFilter;

use crate::ledger::{MAX_POINTS, Terms};
use crate::store::Database;

/// The reference billing server of Tollbox.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// The port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8787)]
    pub port: u16,

    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,

    /// An SQLite file, made if it isn't there, or ":memory:", or postgres://USER@HOST/DATABASE
    #[arg(
        long,
        default_value = ":memory:",
        value_name = "PLACE",
        env = "TOLLBOX_DATABASE",
        hide_env_values = true
    )]
    pub database: Database,

    /// The most connections to PostgreSQL at a time
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub database_connections: u32,

    /// Points that a new account starts with
    #[arg(long, default_value_t = 120, value_parser = value_parser!(u64).range(..=MAX_POINTS))]
    pub seed_balance: u64,

    /// Turn on /demo: signing in without a password, a small translator, top-ups
    #[arg(long)]
    pub demo: bool,

    /// Serve this folder at /
    #[arg(long = "static", value_name = "DIR")]
    pub static_dir: Option<PathBuf>,

    /// Turn on /faults: errors and lost answers on demand, for anybody who can reach the server
    #[arg(long)]
    pub faults: bool,

    /// How long a token is accepted
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    pub token_ttl: u32,

    /// How long a charged key is remembered; for ever if not given
    #[arg(long, value_name = "SECONDS")]
    pub key_ttl: Option<u32>,

    /// Keep no holds, as a server does without that optional part of the protocol
    #[arg(long)]
    pub no_holds: bool,

    /// Serve /metrics for Prometheus at this address, with /healthz and /readyz
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,

    /// How the log on stderr is written
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// The least that is logged: error, warn, info or debug
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub log_level: LevelFilter,

    /// How long after SIGTERM connections are still accepted, while /readyz says 503
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub drain: u64,

    /// How long a connection may take to send the headers of a request, or stay without one
    #[arg(long, default_value_t = 30_000, value_name = "MS", value_parser = value_parser!(u64).range(1..))]
    pub headers_within: u64,

    /// How long a request's body may take to come to its end
    #[arg(long, default_value_t = 10_000, value_name = "MS", value_parser = value_parser!(u64).range(1..))]
    pub body_within: u64,

    /// How long a request that has been received may take to be decided; then nothing is taken.
    /// Clients rely on 5000 at most
    #[arg(long, default_value_t = 5_000, value_name = "MS", value_parser = value_parser!(u64).range(1..=5_000))]
    pub decide_within: u64,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Options {
    /// The terms of every account.
    pub fn terms(&self) -> Terms {
        Terms {
            seed_balance: self.seed_balance,
            key_ttl_ms: self.key_ttl.map(milliseconds),
        }
    }

    /// How long connections are accepted once the server stops.
    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain)
    }

    /// How long headers may take.
    pub fn headers_within(&self) -> Duration {
        Duration::from_millis(self.headers_within)
    }

    /// How long a body may take.
    pub fn body_within(&self) -> Duration {
        Duration::from_millis(self.body_within)
    }

    /// How long a decision may take.
    pub fn decide_within(&self) -> Duration {
        Duration::from_millis(self.decide_within)
    }

    /// How long a token is accepted, in milliseconds.
    pub fn token_ttl_ms(&self) -> u64 {
        milliseconds(self.token_ttl)
    }
}

fn milliseconds(seconds: u32) -> u64 {
    u64::from(seconds) * 1_000
}
