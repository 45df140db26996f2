//! A server under test: this crate's, or a program.

use std::env;
use std::process::Stdio;

use clap::Parser;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tollbox_server::options::Options;
use tollbox_server::server::Server;

use crate::client::LIMIT;

const COMMAND: &str = "TOLLBOX_SERVER_COMMAND";

/// A server that runs. A program is killed when this is dropped, the other one ends with the test.
pub enum Serving {
    Here {
        stop: oneshot::Sender<()>,
        running: JoinHandle<()>,
    },
    Program(Child),
}

impl Serving {
    /// Starts it, and gives its address.
    pub async fn start(flags: &[&str]) -> (String, Self) {
        let flags = ["--port", "0"].iter().chain(flags);
        match env::var(COMMAND) {
            Ok(command) => Self::start_program(&command, flags).await,
            Err(_) => Self::start_here(flags).await,
        }
    }

    async fn start_here<'a>(flags: impl Iterator<Item = &'a &'a str>) -> (String, Self) {
        let flags = ["tollbox-server"].iter().chain(flags);
        let server = Server::bind(Options::parse_from(flags)).await.unwrap();
        let base = format!("http://{}", server.address());
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async {
            if stopped.await.is_err() {
                // The test is over, or does not stop it.
                std::future::pending::<()>().await;
            }
        }));
        (base, Self::Here { stop, running })
    }

    async fn start_program<'a>(
        command: &str,
        flags: impl Iterator<Item = &'a &'a str>,
    ) -> (String, Self) {
        let mut words = command.lines();
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args(flags)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        let read = timeout(LIMIT, stdout.read_line(&mut line)).await;
        read.expect("it listens").unwrap();
        let base = line.strip_prefix("listening on ").unwrap().trim_end();
        (base.to_owned(), Self::Program(child))
    }

    /// Stops it in order, and waits for its end.
    pub async fn stop(self) {
        let end = async {
            match self {
                Self::Here { stop, running } => {
                    stop.send(()).unwrap();
                    running.await.unwrap();
                }
                Self::Program(mut child) => {
                    let pid = i32::try_from(child.id().unwrap()).unwrap();
                    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
                    assert!(child.wait().await.unwrap().success());
                }
            }
        };
        timeout(LIMIT, end).await.expect("it ends");
    }
}
