//! The databases of tests: SQLite files; or, where `TOLLBOX_POSTGRES` names the folder of
//! PostgreSQL's programs, databases in one that is started for all tests of this program.

// Each test program uses its own part of it.
#![allow(dead_code)]

pub mod cluster;

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use cluster::{Cluster, Commits};
use sqlx::{AssertSqlSafe, Connection, Either, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// Whether the tests are to use PostgreSQL.
pub fn is_postgres() -> bool {
    env::var_os("TOLLBOX_POSTGRES").is_some()
}

/// The folder of PostgreSQL's programs.
pub fn programs() -> PathBuf {
    let folder = env::var_os("TOLLBOX_POSTGRES");
    folder.expect("TOLLBOX_POSTGRES is set").into()
}

fn shared_cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(&programs(), Commits::Unsynced))
}

/// A database of one test.
pub enum Database {
    File { folder: TempDir },
    Postgres { url: String },
}

impl Database {
    /// A new one, empty.
    pub async fn new() -> Self {
        if is_postgres() {
            let url = new_in(shared_cluster()).await;
            Self::Postgres { url }
        } else {
            let folder = tempfile::tempdir().unwrap();
            Self::File { folder }
        }
    }

    /// The value of `--database`.
    pub fn place(&self) -> String {
        match self {
            Self::File { folder } => folder.path().join("ledger.sqlite").display().to_string(),
            Self::Postgres { url } => url.clone(),
        }
    }

    /// A single number.
    pub async fn number(&self, query: &'static str) -> i64 {
        match self {
            Self::File { .. } => {
                let url = format!("sqlite:{}", self.place());
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                let number = sqlx::query_scalar(query).fetch_one(&mut connection).await;
                number.unwrap()
            }
            Self::Postgres { url } => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let number = sqlx::query_scalar(query).fetch_one(&mut connection).await;
                number.unwrap()
            }
        }
    }

    /// Opens so many accounts, `account0` and so on, with a token each, `token0` and so on.
    pub async fn open_accounts(&self, number: usize) {
        let numbers = format!(
            "WITH RECURSIVE numbers (n) AS (
                 SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {number})"
        );
        for insert in [
            "INSERT INTO accounts (account, balance, version)
             {numbers} SELECT 'account' || n, 1000000000000, 1 FROM numbers",
            "INSERT INTO credits (account, version, points, credited_at)
             {numbers} SELECT 'account' || n, 1, 1000000000000, 0 FROM numbers",
            "INSERT INTO tokens (token, account, expires_at)
             {numbers} SELECT 'token' || n, 'account' || n, 9000000000000 FROM numbers",
        ] {
            let insert = AssertSqlSafe(insert.replace("{numbers}", &numbers));
            match self {
                Self::File { .. } => {
                    let url = format!("sqlite:{}", self.place());
                    let mut connection = SqliteConnection::connect(&url).await.unwrap();
                    connection.execute(insert).await.map(drop)
                }
                Self::Postgres { url } => {
                    let mut connection = PgConnection::connect(url).await.unwrap();
                    connection.execute(insert).await.map(drop)
                }
            }
            .unwrap();
        }
    }

    /// Locks every account, as a transaction of another program does.
    pub async fn lock(&self) -> Lock {
        match self {
            Self::File { .. } => {
                let url = format!("sqlite:{}", self.place());
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                connection.execute("BEGIN IMMEDIATE").await.unwrap();
                Lock(Either::Left(connection))
            }
            Self::Postgres { url } => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                connection.execute("BEGIN").await.unwrap();
                let accounts = "SELECT account FROM accounts FOR UPDATE";
                connection.execute(accounts).await.unwrap();
                Lock(Either::Right(connection))
            }
        }
    }
}

/// A new database in this cluster; gives its address.
pub async fn new_in(cluster: &Cluster) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("test{}", MADE.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&cluster.url("postgres"))
        .await
        .unwrap();
    let make = format!("CREATE DATABASE {name} TEMPLATE template0");
    connection.execute(AssertSqlSafe(make)).await.unwrap();
    cluster.url(&name)
}

/// A lock that is held until it is released.
pub struct Lock(Either<SqliteConnection, PgConnection>);

impl Lock {
    pub async fn release(self) {
        match self.0 {
            Either::Left(mut connection) => connection.execute("ROLLBACK").await.map(drop),
            Either::Right(mut connection) => connection.execute("ROLLBACK").await.map(drop),
        }
        .unwrap();
    }
}
