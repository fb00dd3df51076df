//! A connection to the sound server.

use std::fs;
use std::io::{self, BufReader, ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, CommandTag, DESCRIPTOR_SIZE, Prop, Props, ProtocolError,
    PulseError, SetClientNameReply, TagStructReader,
};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

/// The timeout of answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// The result of a request to the server.
pub(super) type Result<T> = std::result::Result<T, ProtocolError>;

/// Describes an error in one line.
pub(super) fn describe(error: &ProtocolError) -> String {
    let description = match error {
        ProtocolError::Io(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => "it does not answer".to_owned(),
            ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
            _ => error.to_string(),
        },
        ProtocolError::ServerError(error) => format!("it refuses: {error}"),
        other => other.to_string(),
    };
    description.replace(char::is_control, " ")
}

/// A connection to the server, for one stream at most.
pub(super) struct Connection {
    socket: BufReader<UnixStream>,
    version: u16,
    next_number: u32,
    received: Vec<u8>,
    to_send: Vec<u8>,
}

/// A message from the server.
pub(super) enum Message<'a> {
    /// Audio of the stream.
    Audio(&'a [u8]),
    /// The answer to the request of this number.
    Answer(u32, Answer<'a>),
    /// The request of this number is refused.
    Refused(u32, PulseError),
    /// A notification; `None` for an unknown one.
    Notification(Option<CommandTag>),
}

/// The content of an answer.
pub(super) struct Answer<'a> {
    bytes: &'a [u8],
    version: u16,
}

impl Answer<'_> {
    /// Parses the answer.
    ///
    /// # Errors
    /// If it is of another type.
    pub(super) fn read<R: CommandReply>(mut self) -> Result<R> {
        TagStructReader::new(&mut self.bytes, self.version).read()
    }
}

impl Connection {
    /// Connects to the server named by the environment. Blocks for up to four seconds.
    ///
    /// # Errors
    /// If there is none, it does not answer, or it refuses: a description.
    pub(super) fn open() -> std::result::Result<Self, String> {
        let Some(path) = pulseaudio::socket_path_from_env() else {
            return Err("no server is running".to_owned());
        };
        let socket = connect(&path).map_err(|error| describe(&error.into()))?;
        let mut own = Self {
            socket: BufReader::new(socket),
            version: protocol::MAX_VERSION,
            next_number: 0,
            received: Vec::new(),
            to_send: Vec::new(),
        };
        own.authenticate().map_err(|error| describe(&error))?;
        Ok(own)
    }

    fn authenticate(&mut self) -> Result<()> {
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let version = protocol::MAX_VERSION;
        let auth = AuthParams { version, supports_shm: false, supports_memfd: false, cookie };
        let server: AuthReply = self.ask(&Command::Auth(auth))?;
        self.version = version.min(server.version);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"capbuf");
        let _: SetClientNameReply = self.ask(&Command::SetClientName(props))?;
        Ok(())
    }

    /// Returns the socket, to shut it down from another thread.
    ///
    /// # Errors
    /// If the process has no file descriptor left.
    pub(super) fn socket(&self) -> io::Result<UnixStream> {
        self.socket.get_ref().try_clone()
    }

    /// Removes the timeout of reads.
    ///
    /// # Errors
    /// If the system call fails.
    pub(super) fn wait_without_timeout(&self) -> io::Result<()> {
        self.socket.get_ref().set_read_timeout(None)
    }

    /// Sends a request, and waits for the answer. Audio that arrives meanwhile is dropped, so this
    /// is for the time before a stream.
    ///
    /// # Errors
    /// If the server refuses, does not answer, or is gone.
    pub(super) fn ask<R: CommandReply>(&mut self, request: &Command) -> Result<R> {
        let sent = self.send(request)?;
        loop {
            match self.receive()? {
                Message::Answer(number, answer) if number == sent => return answer.read(),
                Message::Refused(number, reason) if number == sent => return Err(ProtocolError::ServerError(reason)),
                _ => {}
            }
        }
    }

    /// Sends a request, and returns the number of its answer.
    ///
    /// # Errors
    /// If the server is gone.
    pub(super) fn send(&mut self, request: &Command) -> Result<u32> {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.to_send.clear();
        protocol::encode_command_message(&mut self.to_send, number, request, self.version)?;
        let mut left = &self.to_send[..];
        while !left.is_empty() {
            // `write` would raise SIGPIPE if the server is gone, which ends a program by default.
            let sent =
                rustix::io::retry_on_intr(|| rustix::net::send(self.socket.get_ref(), left, SendFlags::NOSIGNAL));
            left = left.get(sent.map_err(io::Error::from)?..).unwrap_or_default();
        }
        Ok(number)
    }

    /// Waits for the next message. Allocates only for a message longer than all before.
    ///
    /// # Errors
    /// If the server is gone, or sent nothing in time.
    pub(super) fn receive(&mut self) -> Result<Message<'_>> {
        let mut head = [0; DESCRIPTOR_SIZE];
        self.socket.read_exact(&mut head)?;
        let head = protocol::read_descriptor(&mut &head[..])?;
        let length = head.length as usize;
        if length > protocol::MAX_MEMBLOCKQ_LENGTH {
            return Err(ProtocolError::Invalid(format!("a message of {length} bytes")));
        }
        if self.received.len() < length {
            self.received.resize(length, 0);
        }
        let body = &mut self.received[..length];
        self.socket.read_exact(body)?;
        if head.channel != u32::MAX {
            return Ok(Message::Audio(body));
        }
        let mut bytes = &*body;
        let mut fields = TagStructReader::new(&mut bytes, self.version);
        let Ok(tag) = fields.read_enum() else {
            return Ok(Message::Notification(None));
        };
        let number = fields.read_u32()?;
        Ok(match tag {
            CommandTag::Reply => Message::Answer(number, Answer { bytes, version: self.version }),
            CommandTag::Error => Message::Refused(number, fields.read_enum().unwrap_or(PulseError::Unknown)),
            tag => Message::Notification(Some(tag)),
        })
    }
}

fn connect(path: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let socket = UnixStream::from(socket);
    // Before connecting: that blocks, too, if the server hangs and its backlog is full.
    socket.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}
