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

/// How long the server may take to answer. One that hangs never does.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);

/// The result of a conversation with the server.
pub(super) type Result<T> = std::result::Result<T, ProtocolError>;

/// Says in words what went wrong, on one line.
pub(super) fn words(error: &ProtocolError) -> String {
    let told = match error {
        ProtocolError::Io(error) => match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => "it does not answer".to_owned(),
            ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
            _ => error.to_string(),
        },
        ProtocolError::ServerError(error) => format!("it refuses: {error}"),
        other => other.to_string(),
    };
    told.replace(char::is_control, " ")
}

/// A connection to the server, for one stream at most.
pub(super) struct Connection {
    socket: BufReader<UnixStream>,
    version: u16,
    next_number: u32,
    received: Vec<u8>,
    to_send: Vec<u8>,
}

/// What came from the server.
pub(super) enum Message<'a> {
    /// Audio of the stream.
    Audio(&'a [u8]),
    /// The answer to the question of that number.
    Answer(u32, Answer<'a>),
    /// The question of that number is refused.
    Refused(u32, PulseError),
    /// What the server tells unasked; `None` for what is not known here.
    News(Option<CommandTag>),
}

/// What stands in an answer.
pub(super) struct Answer<'a> {
    bytes: &'a [u8],
    version: u16,
}

impl Answer<'_> {
    /// Reads it as the answer to what was asked.
    ///
    /// # Errors
    /// Where it is something else.
    pub(super) fn read<R: CommandReply>(mut self) -> Result<R> {
        TagStructReader::new(&mut self.bytes, self.version).read()
    }
}

impl Connection {
    /// Connects to the server that the environment names. Blocks for four seconds at most if it hangs.
    ///
    /// # Errors
    /// Where there is none, it does not answer, or it refuses: in words.
    pub(super) fn open() -> std::result::Result<Self, String> {
        let Some(path) = pulseaudio::socket_path_from_env() else {
            return Err("no server is running".to_owned());
        };
        let socket = connect(&path).map_err(|error| words(&error.into()))?;
        let mut own = Self {
            socket: BufReader::new(socket),
            version: protocol::MAX_VERSION,
            next_number: 0,
            received: Vec::new(),
            to_send: Vec::new(),
        };
        own.introduce().map_err(|error| words(&error))?;
        Ok(own)
    }

    fn introduce(&mut self) -> Result<()> {
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

    /// The socket, to shut it from another thread.
    ///
    /// # Errors
    /// Where the system has no handle left.
    pub(super) fn socket(&self) -> io::Result<UnixStream> {
        self.socket.get_ref().try_clone()
    }

    /// From now on waits for the server for as long as it takes.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn be_patient(&self) -> io::Result<()> {
        self.socket.get_ref().set_read_timeout(None)
    }

    /// Asks, and waits for the answer. Only before there is a stream: its audio would be dropped.
    ///
    /// # Errors
    /// Where the server refuses, does not answer, or is gone.
    pub(super) fn ask<R: CommandReply>(&mut self, question: &Command) -> Result<R> {
        let asked = self.send(question)?;
        loop {
            match self.receive()? {
                Message::Answer(number, answer) if number == asked => return answer.read(),
                Message::Refused(number, reason) if number == asked => return Err(ProtocolError::ServerError(reason)),
                _ => {}
            }
        }
    }

    /// Sends a question, and returns the number that its answer will have.
    ///
    /// # Errors
    /// Where the server is gone.
    pub(super) fn send(&mut self, question: &Command) -> Result<u32> {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.to_send.clear();
        protocol::encode_command_message(&mut self.to_send, number, question, self.version)?;
        let mut left = &self.to_send[..];
        while !left.is_empty() {
            // Not as a file is written: a server that is gone would end a program that does not ignore the signal for it.
            let sent =
                rustix::io::retry_on_intr(|| rustix::net::send(self.socket.get_ref(), left, SendFlags::NOSIGNAL));
            left = left.get(sent.map_err(io::Error::from)?..).unwrap_or_default();
        }
        Ok(number)
    }

    /// Waits for what comes next. Allocates only for a message longer than all before.
    ///
    /// # Errors
    /// Where the server is gone, or did not send anything in time.
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
            return Ok(Message::News(None));
        };
        let number = fields.read_u32()?;
        Ok(match tag {
            CommandTag::Reply => Message::Answer(number, Answer { bytes, version: self.version }),
            CommandTag::Error => Message::Refused(number, fields.read_enum().unwrap_or(PulseError::Unknown)),
            tag => Message::News(Some(tag)),
        })
    }
}

fn connect(path: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let socket = UnixStream::from(socket);
    // Set before connecting, which waits as well where the server hangs and many have come before.
    socket.set_write_timeout(Some(ANSWERED_WITHIN))?;
    socket.set_read_timeout(Some(ANSWERED_WITHIN))?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}
