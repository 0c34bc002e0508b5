//! Server for one connection on its own thread, with a response that the test chooses.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub(super) struct Server<T> {
    pub(super) address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Waits until the server has closed its connection, and returns its result.
    pub(super) async fn finish(self) -> T {
        let thread = self.thread;
        // A blocking task, so that the test's runtime can close the connection meanwhile.
        tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap()
    }
}

fn start<T: Send + 'static>(handler: impl FnOnce(TcpStream) -> T + Send + 'static) -> Server<T> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || handler(listener.accept().unwrap().0));
    Server { address, thread }
}

/// Reads a request and calls `respond`. The server's result is the request and the result of `respond`.
pub(super) fn serve<T: Send + 'static>(
    respond: impl FnOnce(&mut TcpStream) -> T + Send + 'static,
) -> Server<(String, T)> {
    start(move |mut stream| {
        let request = read_request(&mut stream);
        let result = respond(&mut stream);
        (request, result)
    })
}

/// Reads a request, writes `response` and closes the connection.
pub(super) fn respond_with(response: impl AsRef<[u8]> + Send + 'static) -> Server<(String, ())> {
    serve(move |stream| stream.write_all(response.as_ref()).unwrap())
}

/// Writes `response` without waiting for a request.
pub(super) fn respond_without_request(response: &'static str) -> Server<()> {
    start(|mut stream| {
        stream.write_all(response.as_bytes()).unwrap();
        wait_for_close(&mut stream);
    })
}

/// Writes `response` over TLS. The server's result is the name that the client requested, or `None` if TLS failed.
pub(super) fn respond_over_tls(config: Arc<ServerConfig>, response: &'static str) -> Server<Option<Option<String>>> {
    start(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        stream.flush().ok()?;
        if stream.conn.is_handshaking() {
            return None;
        }
        read_request(&mut stream);
        stream.write_all(response.as_bytes()).ok()?;
        Some(stream.conn.server_name().map(str::to_owned))
    })
}

/// Reads until the client closes the connection.
pub(super) fn wait_for_close(stream: &mut TcpStream) {
    while !matches!(stream.read(&mut [0; 1024]), Ok(0) | Err(_)) {}
}

/// Writes `part` every few milliseconds until the client closes the connection.
pub(super) fn write_slowly(stream: &mut TcpStream, part: &str) {
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    loop {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        if stream.write_all(part.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}
