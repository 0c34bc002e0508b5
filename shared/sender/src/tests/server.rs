//! A server for one connection, in a thread of its own, that answers as the test says.

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

    /// Waits until the server is done with its connection.
    pub(super) async fn finish(self) -> T {
        let thread = self.thread;
        // In a thread, so that the runtime of the test can close the connection meanwhile.
        tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap()
    }
}

fn start<T: Send + 'static>(talk: impl FnOnce(TcpStream) -> T + Send + 'static) -> Server<T> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || talk(listener.accept().unwrap().0));
    Server { address, thread }
}

/// Reads a request, then does what `answer` says. Ends with the request and what `answer` returns.
pub(super) fn serve<T: Send + 'static>(
    answer: impl FnOnce(&mut TcpStream) -> T + Send + 'static,
) -> Server<(String, T)> {
    start(move |mut stream| {
        let request = read_request(&mut stream);
        let result = answer(&mut stream);
        (request, result)
    })
}

/// Writes `answer` and closes the connection.
pub(super) fn answering(answer: impl AsRef<[u8]> + Send + 'static) -> Server<(String, ())> {
    serve(move |stream| stream.write_all(answer.as_ref()).unwrap())
}

/// Writes `answer` without waiting for a request.
pub(super) fn blurting(answer: &'static str) -> Server<()> {
    start(|mut stream| {
        stream.write_all(answer.as_bytes()).unwrap();
        wait_for_close(&mut stream);
    })
}

/// Ends with the server name that the client asked for, if the handshake succeeded.
pub(super) fn tls_answering(config: Arc<ServerConfig>, answer: &'static str) -> Server<Option<Option<String>>> {
    start(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
        stream.flush().ok()?;
        if stream.conn.is_handshaking() {
            return None;
        }
        read_request(&mut stream);
        stream.write_all(answer.as_bytes()).ok()?;
        Some(stream.conn.server_name().map(str::to_owned))
    })
}

/// Reads until the client closes the connection.
pub(super) fn wait_for_close(stream: &mut TcpStream) {
    while !matches!(stream.read(&mut [0; 1024]), Ok(0) | Err(_)) {}
}

/// Writes `drop` again and again, with a little time in between, until the client closes.
pub(super) fn drip(stream: &mut TcpStream, drop: &str) {
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    loop {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        if stream.write_all(drop.as_bytes()).is_err() {
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
