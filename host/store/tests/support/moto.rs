//! moto's server, which answers as S3 does.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

pub(crate) struct Moto {
    server: Child,
    pub(crate) endpoint: String,
}

impl Moto {
    /// Nothing where it is not installed: in the folder that `cargo xtask test` makes, or where
    /// WEIR_MOTO_SERVER says.
    pub(crate) fn start() -> Option<Self> {
        let installed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/moto/bin/moto_server");
        let program = env::var_os("WEIR_MOTO_SERVER").map_or_else(|| installed.into(), PathBuf::from);
        if !program.exists() {
            return None;
        }
        let mut server = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It says which port it has got.
        let mut says = BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        let endpoint = loop {
            line.clear();
            assert!(says.read_line(&mut line).unwrap() > 0, "moto_server ended");
            if let Some((_, address)) = line.split_once("Running on ") {
                break address.trim().to_owned();
            }
        };
        // It logs each request.
        thread::spawn(move || std::io::copy(&mut says, &mut std::io::sink()));
        Some(Self { server, endpoint })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Sends a request without a signature, and gives the answer.
pub(crate) fn ask(endpoint: &str, method: &str, path: &str, body: &str) -> String {
    let host = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn make_bucket(endpoint: &str, name: &str) {
    let answer = ask(endpoint, "PUT", &format!("/{name}"), "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
