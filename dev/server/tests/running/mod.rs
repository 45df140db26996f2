//! The server as a program; or that of `TOLLBOX_SERVER_COMMAND`.

// Each test program uses its own part of it.
#![allow(dead_code)]

use std::env;
use std::process::{ExitStatus, Stdio};

use crate::client::{LIMIT, Site};
use crate::database::{Database, is_postgres};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// A running binary, killed when it is dropped.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub site: Site,
}

/// The program with these flags.
pub fn command(flags: &[&str]) -> Command {
    let named = env::var("TOLLBOX_SERVER_COMMAND");
    let named = named
        .as_deref()
        .unwrap_or(env!("CARGO_BIN_EXE_tollbox-server"));
    let mut words = named.lines();
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(flags)
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Running {
    /// Starts it on a free port, and waits until it listens.
    pub async fn start(flags: &[&str]) -> Self {
        let mut flags = flags.to_vec();
        let place;
        if is_postgres() && !flags.contains(&"--database") {
            place = Database::new().await.place();
            flags.extend(["--database", &place]);
        }
        let mut child = command(&flags).args(["--port", "0"]).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        let base = line.strip_prefix("listening on ").unwrap().trim_end();
        assert!(base.starts_with("http://127.0.0.1:"), "{base}");
        Self {
            site: Site::new(base),
            child,
            stdout,
        }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits for its end, and checks that it has printed nothing more.
    pub async fn end(mut self) -> ExitStatus {
        let mut rest = String::new();
        let ended = async {
            self.stdout.read_to_string(&mut rest).await.unwrap();
            self.child.wait().await.unwrap()
        };
        let status = timeout(LIMIT, ended).await.expect("it ends");
        assert_eq!(rest, "");
        status
    }
}
