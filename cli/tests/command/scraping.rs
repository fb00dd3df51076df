//! A real Prometheus scrapes the metrics of a registry, and answers queries for them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use capbuf::{Length, Registry, SampleFormat, Spec};
use serde_json::Value;

use crate::program::wait_for;

/// Serves the metrics of a registry until the process ends, and returns the port.
fn serve(registry: Registry) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let request = BufReader::new(&stream).lines().map_while(Result::ok);
            // Up to the empty line after the headers.
            let _ = request.take_while(|line| !line.is_empty()).count();
            let text = registry.metrics_text();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{text}", text.len());
        }
    });
    port
}

/// A Prometheus server; killed when dropped.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(folder: &Path, target: u16) -> Self {
        // Prometheus can't choose a free port. If another process takes this one, the test fails.
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let config = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: capbuf\n    static_configs:\n      - targets: ['127.0.0.1:{target}']\n"
        );
        std::fs::write(folder.join("prometheus.yml"), config).expect("it is written");
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", folder.join("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { child: child.expect("prometheus is needed: scripts/install test"), port }
    }

    /// Returns the values of a query with their labels, `None` if there are none yet.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET /api/v1/query?query={query} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let answer: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
        Some(answer["data"]["result"].as_array()?.clone()).filter(|values| !values.is_empty())
    }
}

#[test]
fn prometheus_scrapes_the_metrics_of_a_registry() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::private();
    let spec = Spec::new(Length::Seconds(60.0), 48_000, 1, SampleFormat::S16).expect("a spec");
    let buffer = registry.get_or_allocate("rtsp://me:sesame@cam/1", spec).expect("a buffer");
    buffer.writer().expect("a writer").write(&[1_i16; 4800]).expect("it is written");
    for _ in 0..3 {
        registry.get_or_allocate("rtsp://me:sesame@cam/1", spec).expect("it is there");
    }
    let prometheus = Prometheus::start(folder.path(), serve(registry.clone()));
    let value = |query: &str| {
        let found = wait_for(query, || prometheus.query(query));
        assert_eq!(found.len(), 1, "{found:#?}");
        (found[0]["value"][1].as_str().expect("a value").to_owned(), found[0]["metric"].clone())
    };
    assert_eq!(value("capbuf_live_buffers").0, "1");
    let (frames, labels) = value("capbuf_source_frames_total");
    assert_eq!((frames.as_str(), &labels["source"]), ("4800", &"cam/1".into()));
    assert_eq!(value("capbuf_allocation_attempts_total{result=\"already_there\"}").0, "3");
    assert_eq!(value("capbuf_allocation_duration_seconds_count").0, "1");
    assert_eq!(value("up").0, "1");
    drop(buffer);
}
