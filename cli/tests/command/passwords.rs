//! Passwords of URLs: other users see the arguments of a process, so a URL comes from elsewhere, or
//! is hidden.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{Ended, Running, capbuf, run, wait_for};

/// A server that accepts a connection and sends nothing.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback"))
    }

    fn url(&self) -> String {
        format!("http://me:open/sesame@127.0.0.1:{}/x?token=sesame", self.0.local_addr().expect("an address").port())
    }

    /// Waits for the client: the child that reads the stream.
    fn accept(&self) -> TcpStream {
        self.0.set_nonblocking(true).expect("a socket");
        wait_for("a client", || self.0.accept().ok()).0
    }
}

/// Returns the arguments of a process and of all its descendants.
fn arguments_of(pid: u32) -> String {
    let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let own = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<u32> =
        children.flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect();
    std::iter::once(own).chain(children.into_iter().map(arguments_of)).collect::<Vec<_>>().join("\n")
}

fn assert_hidden(recorder: &Running, server: &Silent) {
    let _client = server.accept();
    let arguments = arguments_of(recorder.id());
    assert!(arguments.contains("record") && arguments.contains("ffmpeg"), "{arguments}");
    assert!(!arguments.contains("sesame"), "{arguments}");
}

#[test]
fn source_is_read_from_a_file_the_environment_and_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Silent::new();
    fs::write(folder.path().join("camera.url"), format!("\n  {}\r\n", server.url())).expect("a file");
    let from_file = capbuf(folder.path(), &["record", "@camera.url"]);
    let mut from_environment = capbuf(folder.path(), &["record", "$CAMERA"]);
    from_environment.env("CAMERA", server.url());
    let mut from_stdin = capbuf(folder.path(), &["record", "-"]);
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(server.url().as_bytes()).expect("a pipe");
    drop(writer);
    from_stdin.stdin(Stdio::from(reader));
    for command in [from_file, from_environment, from_stdin] {
        let recorder = Running::of(command);
        assert_hidden(&recorder, &server);
        recorder.kill();
    }
}

#[test]
fn password_in_an_argument_is_hidden_and_a_note_says_how_to_pass_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Silent::new();
    let mut recorder = Running::start(folder.path(), &["record", &server.url(), "--for", "1s"]);
    recorder.wait_for_line("the note", |line| {
        line.starts_with("note: ") && ["@FILE", "standard input", "'$NAME'"].iter().all(|way| line.contains(way))
    });
    assert_hidden(&recorder, &server);
    let arguments = arguments_of(recorder.id());
    assert!(arguments.contains("record http://***@127.0.0.1") && arguments.contains("--for 1s"), "{arguments}");
    let name = fs::read_to_string(format!("/proc/{}/comm", recorder.id())).expect("it runs");
    assert_eq!(name, "capbuf\n");
    recorder.kill();
}

#[test]
fn source_without_a_password_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), &["record", "tone:440", "--for", "100ms"]);
    assert!(ended.code == Some(0) && !ended.err.contains("note: "), "{}", ended.err);
    fs::write(folder.path().join("two"), "tone:440\n\nposition:\n").expect("a file");
    let ended = run(folder.path(), &["record", "@two", "--for", "1s", "--clip", "500ms"]);
    assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 2), "{}", ended.err);
}

#[test]
fn place_without_a_source_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("empty"), " \n").expect("a file");
    fs::write(folder.path().join("two"), "tone:440\ntone:441\n").expect("a file");
    for (arguments, reason) in [
        (&["record", "@none"][..], "@none: No such file"),
        (&["record", "@empty"], "@empty: it holds no source"),
        (&["record", "@/dev/zero"], "@/dev/zero: "),
        (&["record", "-"], "-: it holds no source"),
        (&["record", "$CAPBUF_NO_SUCH"], "$CAPBUF_NO_SUCH: it is not in the environment"),
        (&["record", "@two", "tone:440"], "tone:440 is passed twice"),
        (&["status", "@two"], "@two holds 2 sources; allowed: one"),
    ] {
        let other = Recorded::start(folder.path());
        let ended = run(folder.path(), arguments);
        assert_eq!((ended.code, ended.messages().len()), (Some(2), 1), "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(reason), "{arguments:?}: {}", ended.err);
        drop(other);
    }
}

/// A domain with a buffer whose name has a password.
struct Recorded(#[allow(dead_code)] capbuf::CaptureBuffer);

const CAMERA: &str = "rtsp://me:sesame@cam.lan/live";

impl Recorded {
    fn start(folder: &Path) -> Self {
        let domains = crate::program::domains_of(folder);
        fs::create_dir_all(&domains).expect("a folder");
        let registry = capbuf::Registry::builder().domains_folder(domains).open("default").expect("a domain");
        let spec = capbuf::Spec::new(capbuf::Length::Seconds(1.0), 8000, 1, capbuf::SampleFormat::S16).expect("a spec");
        Self(registry.get_or_allocate(CAMERA, spec).expect("a buffer"))
    }
}

#[test]
fn source_of_other_commands_is_read_from_elsewhere_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let _recorded = Recorded::start(folder.path());
    fs::write(folder.path().join("camera.url"), CAMERA).expect("a file");
    for command in [&["status"][..], &["clip", "--last", "1s"], &["remove"]] {
        for source in ["@camera.url", "$CAMERA"] {
            let mut command: Command = capbuf(folder.path(), &[command, &[source]].concat());
            let ended: Ended = command.env("CAMERA", CAMERA).output().expect("it runs").into();
            let all = format!("{}{}", ended.out, ended.err);
            assert!(all.contains("cam.lan") && !all.contains("sesame"), "{all}");
        }
    }
}
