//! Runs a compiled wasm test in a headless browser: `wasm-bindgen-test-runner`, from its library,
//! so that Cargo.lock pins it and nothing has to be installed.

use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

/// The runner's server begins with 4 threads, and has a connection wait for one of them for ever where
/// more than 4 arrive at once, as a browser's do. With all of them taken it makes one for each.
const TAKEN: usize = 8;

const PAUSE: Duration = Duration::from_millis(20);

fn main() -> anyhow::Result<()> {
    std::thread::spawn(take_threads);
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}

/// Holds connections to the server of this process, once it listens, where the system tells its port.
fn take_threads() {
    let port = loop {
        match listening() {
            None => return,
            Some(0) => sleep(PAUSE),
            Some(port) => break port,
        }
    };
    let mut held = Vec::new();
    for _ in 0..TAKEN {
        held.extend(TcpStream::connect(("127.0.0.1", port)));
        // One by one: each is to get a thread of its own.
        sleep(PAUSE);
    }
    std::thread::park();
    drop(held);
}

/// The port on which this process listens; 0 while there is none, `None` where the system does not
/// tell (proc(5)).
fn listening() -> Option<u16> {
    let own: Vec<String> = fs_err::read_dir("/proc/self/fd")
        .ok()?
        .filter_map(|file| fs_err::read_link(file.ok()?.path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    let sockets = fs_err::read_to_string("/proc/self/net/tcp").ok()?;
    let port = sockets.lines().find_map(|socket| {
        let columns: Vec<&str> = socket.split_whitespace().collect();
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        let is_ours = *state == "0A" && own.contains(&format!("socket:[{inode}]"));
        let (_, port) = local.split_once(':').filter(|_| is_ours)?;
        u16::from_str_radix(port, 16).ok()
    });
    Some(port.unwrap_or_default())
}
