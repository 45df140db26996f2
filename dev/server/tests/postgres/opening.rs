//! Opening a database: an empty one by several servers at once.

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
