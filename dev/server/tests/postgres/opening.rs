//! Opening a database: an empty one by several servers at once, and one of an earlier server.

use sqlx::{Connection, Executor, PgConnection};

use crate::database::Database;
use crate::running::Running;

#[tokio::test]
async fn servers_that_start_together_on_an_empty_database_all_serve() {
    let database = Database::new().await;
    let place = database.place();
    let flags = ["--demo", "--database", &place];
    let starts: [_; 6] = std::array::from_fn(|_| Running::start(&flags));
    let [a, b, c, d, e, f] = starts;
    let servers = tokio::join!(a, b, c, d, e, f);
    let alice = servers.0.site.sign_in("alice").await;
    for (n, site) in [&servers.1, &servers.2, &servers.3, &servers.4, &servers.5]
        .map(|server| &server.site)
        .into_iter()
        .enumerate()
    {
        let answer = site
            .session(&alice.token)
            .charge(&format!("k{n}"), "t", 1)
            .await;
        assert_eq!(answer.status, 201);
    }
    assert_eq!(alice.balance().await, (115, 6));
}

#[tokio::test]
async fn a_database_from_before_holds_is_migrated_with_what_it_has() {
    let database = Database::new().await;
    let place = database.place();
    let mut old = PgConnection::connect(&place).await.unwrap();
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.migrations.to_mut().truncate(1);
    migrator.run(&mut old).await.unwrap();
    for insert in [
        "INSERT INTO accounts (account, balance, version) VALUES ('alice', 70, 9)",
        "INSERT INTO tokens (token, account, expires_at) VALUES ('token', 'alice', 9000000000000)",
    ] {
        old.execute(insert).await.unwrap();
    }

    let flags = ["--demo", "--database", &place];
    let (one, two) = tokio::join!(Running::start(&flags), Running::start(&flags));
    let alice = one.site.session("token");
    assert_eq!(alice.balance().await, (70, 9));
    assert_eq!(alice.hold("k", "t", 30, 3_600).await.status, 201);
    let elsewhere = two.site.session("token");
    assert_eq!(elsewhere.held().await, (70, 30));
    assert_eq!(elsewhere.charge("k", "t", 30).await.status, 201);
    assert_eq!(alice.held().await, (40, 0));
}
