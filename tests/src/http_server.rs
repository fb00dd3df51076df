use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A web server on loopback with some pages; it answers 404 to every other path.
///
/// Plays the addresses that are no stream: a file, a login page, nothing.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
}

/// One answer of an [`HttpServer`].
#[derive(Debug, Clone)]
pub struct Page {
    /// The status, as `200 OK`.
    pub status: &'static str,
    /// The content type, as `audio/flac`.
    pub content_type: &'static str,
    /// The content.
    pub body: Vec<u8>,
}

/// The longest wait for a client, so that a silent one does not keep a test from ending.
const CLIENT_DEADLINE: Duration = Duration::from_secs(10);

impl HttpServer {
    /// Starts a server on a free port; paths have no leading slash.
    ///
    /// # Errors
    /// If no port of loopback can be bound.
    pub fn start<const N: usize>(pages: [(&str, Page); N]) -> io::Result<Self> {
        let pages = Arc::new(HashMap::from(pages.map(|(path, page)| (format!("/{path}"), page))));
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = socket.local_addr()?;
        let ending = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ending);
        let listener = thread::spawn(move || {
            for client in socket.incoming().flatten() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let pages = Arc::clone(&pages);
                // A client may disconnect at any time.
                thread::spawn(move || drop(answer(client, &pages)));
            }
        });
        Ok(Self { address, ending, listener: Some(listener) })
    }

    /// Returns the URL of a page, which need not exist.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        // Wakes the listener, which sleeps until a client connects.
        if TcpStream::connect(self.address).is_ok()
            && let Some(listener) = self.listener.take()
        {
            // The thread cannot panic.
            let _ = listener.join();
        }
    }
}

fn answer(mut client: TcpStream, pages: &HashMap<String, Page>) -> io::Result<()> {
    client.set_read_timeout(Some(CLIENT_DEADLINE))?;
    client.set_write_timeout(Some(CLIENT_DEADLINE))?;
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // Reads the headers: closing a connection with unread data resets it.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }

    let nothing = Page { status: "404 Not Found", content_type: "text/plain", body: b"no such page\n".to_vec() };
    let path = request.split(' ').nth(1).unwrap_or_default();
    let page = pages.get(path).unwrap_or(&nothing);
    write!(
        client,
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        page.status,
        page.content_type,
        page.body.len()
    )?;
    client.write_all(&page.body)
}
