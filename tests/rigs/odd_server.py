"""Servers of odd streams: HTTP and RTSP on each of four free ports of loopback, three with TLS.

usage: odd_server.py FOLDER   (certificates and audio are made there)
Prints `ready PLAIN TRUSTED OTHER_HOST EXPIRED`, then a line for each request: its port, method,
path, and login. All ports but PLAIN require one, as any camera does before it is sent a password.

TRUSTED has a certificate of its own, FOLDER/trusted.pem; OTHER_HOST one for another host,
FOLDER/other.pem; EXPIRED one that is past its time, FOLDER/expired.pem. 127.0.0.2 listens on PLAIN,
too: a service of this machine alone.

HTTP: /NAME is a file of FOLDER, with its length. /cut/NAME ends half way, /live/NAME has no
length, /chunked/NAME has none and ends in order. /writes/SECONDS is an endless WAV file of samples
that count (see below), with this time between two writes. /to?URL redirects. /list?URL is a
playlist of a good segment and URL, /first?URL of URL alone, /master?URL names URL as a playlist.
URL may be hexadecimal: what is in a query is hidden in every reason.
RTSP: the path lists tracks, CODEC:RATE:CHANNELS:HERTZ joined by commas; CODEC is L16 or L24, 0 Hz
is silence, and a track of -1 Hz sends nothing. /udp/... refuses TCP, /tcp/... refuses UDP,
/hang/... answers 404 once, then nothing. Of a track of "count" Hz each sample is the low bits of
its number. /FAULTS/... is sent otherwise than evenly, by one or more joined by "&": `jitter=MS`
(sigma of the timestamps), `burst=SECONDS` (the time between two bursts), `wall` (timestamps are the
time of sending), `stall=AFTER:SECONDS` (nothing is sent meanwhile, then all of it),
`backlog=SECONDS` (begins with audio of the past), `lose=AFTER:PACKETS`. When a track is played,
`plays PATH UTC` is printed: the time at which its first sample was captured.
"""

import math
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

FOLDER = sys.argv[1]
HUNG = set()


def log(*words):
    """Prints a line, whole among those of other threads."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def in_folder(name):
    return os.path.join(FOLDER, name)


def make_audio():
    def ffmpeg(*arguments):
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)

    tone = ["-f", "lavfi", "-i", "sine=1000:r=48000:d=2"]
    outputs = [["s16.wav"], ["-c:a", "pcm_s32le", "s32.wav"], ["-c:a", "pcm_f32le", "f32.wav"], ["-sample_fmt", "s32", "s24.flac"]]
    outputs += [["-c:a", "aac", "good.ts"], ["-c:a", "libmp3lame", "tone.mp3"]]
    for *options, name in outputs:
        ffmpeg(*tone, "-map_metadata", "-1", *options, in_folder(name))
    rate, samples = 768_001, b"\0\0" * 200_000
    open(in_folder("fast.wav"), "wb").write(wav(rate, 1, samples))
    open(in_folder("wide.wav"), "wb").write(wav(8000, 65, samples[: 65 * 2 * 1000]))
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=1", "-c:v", "mpeg2video", in_folder("video.ts"))


def wav(rate, channels, samples):
    frame = 2 * channels
    header = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * frame, frame, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + header + b"data" + struct.pack("<I", len(samples)) + samples


def make_certificates():
    """Signs three certificates by themselves."""
    config = "[ca]\ndefault_ca=own\n[own]\nnew_certs_dir=%s\ndatabase=%s\nrand_serial=yes\npolicy=any\nx509_extensions=ext\n[any]\ncommonName=supplied\n[ext]\nbasicConstraints=CA:true\nsubjectAltName=%s\n"
    local, long_ago = "DNS:localhost,IP:127.0.0.1", ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
    for name, host, dates in [("trusted", local, []), ("other", "DNS:other.example", []), ("expired", local, long_ago)]:
        key, request = in_folder(name + ".key"), in_folder(name + ".csr")
        open(in_folder(name + ".db"), "w").close()
        open(in_folder(name + ".cnf"), "w").write(config % (FOLDER, in_folder(name + ".db"), host))
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key]
        subprocess.run(["openssl", "req", "-new", *new_key, "-out", request, "-subj", f"/CN={name}"], check=True, stderr=subprocess.DEVNULL)
        sign = ["openssl", "ca", "-batch", "-selfsign", "-md", "sha256", "-keyfile", key, "-config", in_folder(name + ".cnf")]
        dates = dates or ["-days", "30"]
        subprocess.run([*sign, *dates, "-in", request, "-out", in_folder(name + ".pem"), "-notext"], check=True, stderr=subprocess.DEVNULL)


class Connection:
    def __init__(self, client, port):
        self.client, self.port, self.buffer, self.lock = client, port, b"", threading.Lock()
        self.needs_login = isinstance(client, ssl.SSLSocket)

    def send(self, data):
        with self.lock:
            self.client.sendall(data)

    def request(self):
        """The next request; skips what a client sends in between of RTCP."""
        while b"\r\n\r\n" not in self.buffer:
            while self.buffer[:1] == b"$" and len(self.buffer) >= 4:
                size = 4 + struct.unpack(">H", self.buffer[2:4])[0]
                if len(self.buffer) < size:
                    break
                self.buffer = self.buffer[size:]
            got = self.client.recv(4096)
            if not got:
                return None
            self.buffer += got
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode(errors="replace").split("\r\n")
        method, url, version = lines[0].split(" ")
        headers = {key.strip().lower(): value.strip() for key, value in (line.split(":", 1) for line in lines[1:])}
        log(self.port, method, url, headers.get("authorization", "-"))
        return method, url, version, headers

    def serve(self):
        try:
            while request := self.request():
                method, url, version, headers = request
                if self.needs_login and "authorization" not in headers and method != "OPTIONS":
                    cseq = f"CSeq: {headers['cseq']}\r\n" if "cseq" in headers else ""
                    challenge = 'WWW-Authenticate: Basic realm="odd"\r\nContent-Length: 0'
                    self.send(f"{version} 401 Unauthorized\r\n{cseq}{challenge}\r\n\r\n".encode())
                elif version.startswith("RTSP"):
                    self.rtsp(method, url, headers)
                else:
                    self.http(url)
        except (OSError, ValueError):
            pass
        finally:
            self.client.close()

    # HTTP

    def http(self, url):
        kind, _, name = url[1:].rpartition("/") if "?" not in url else ("", "", "")
        command, _, target = url[1:].partition("?")
        if re.fullmatch("([0-9a-f]{2})+", target):
            target = bytes.fromhex(target).decode()
        playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n%s#EXT-X-ENDLIST\n"
        if command == "to":
            return self.send(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
        if command in ("list", "first"):
            segments = ["/good.ts", target] if command == "list" else [target]
            return self.answer((playlist % "".join(f"#EXTINF:2.0,\n{segment}\n" for segment in segments)).encode())
        if command == "master":
            return self.answer(f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=64000\n{target}\n".encode())
        if kind == "writes":
            return self.writes(url[1:], float(name))
        path = in_folder(os.path.basename(name))
        if not os.path.isfile(path):
            return self.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        data = open(path, "rb").read()
        if kind == "chunked":
            self.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(data) + data + b"\r\n0\r\n\r\n")
        elif kind == "live":
            self.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + data)
        else:
            self.answer(data, half=kind == "cut")
        if kind in ("live", "cut"):
            self.client.shutdown(socket.SHUT_RDWR)

    def writes(self, path, seconds, rate=8000):
        header = bytearray(wav(rate, 1, b""))
        header[4:8] = header[40:44] = b"\xff\xff\xff\xff"
        self.send(b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nConnection: close\r\n\r\n" + header)
        start, position = time.monotonic(), 0
        log("plays", path, time.time())
        while True:
            end = int((time.monotonic() - start) * rate)
            self.send(b"".join(struct.pack("<h", (frame & 0x7FFF) - 0x4000) for frame in range(position, end)))
            position = end
            time.sleep(seconds)

    def answer(self, data, half=False):
        sent = data[: len(data) // 2] if half else data
        self.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + sent)

    # RTSP

    def rtsp(self, method, url, headers):
        path = re.sub(r"^rtsps?://[^/]*/", "", url)
        cseq = f"CSeq: {headers.get('cseq', 0)}\r\n"
        ok = f"RTSP/1.0 200 OK\r\n{cseq}"
        specs = [spec.split(":") for spec in path.split("/track")[0].rstrip("/").split("/")[-1].split(",")]
        if path.startswith("hang/") and method == "DESCRIBE":
            if path in HUNG:
                time.sleep(600)
            HUNG.add(path)
            return self.send(f"RTSP/1.0 404 Not Found\r\n{cseq}\r\n".encode())
        if method == "DESCRIBE":
            sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=odd\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n"
            for number, (codec, rate, channels, _) in enumerate(specs):
                sdp += f"m=audio 0 RTP/AVP {97 + number}\r\na=control:track{number}\r\na=rtpmap:{97 + number} {codec}/{rate}/{channels}\r\n"
            return self.send(f"{ok}Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}".encode())
        if method == "SETUP":
            self.setups = getattr(self, "setups", {})
            number, transport = int(url.rsplit("track", 1)[1]), headers.get("transport", "")
            tcp, udp = re.search(r"interleaved=(\d+)-\d+", transport), re.search(r"client_port=(\d+)-\d+", transport)
            if tcp and not path.startswith("udp/"):
                self.setups[number] = (specs[number], int(tcp[1]), None)
                answer = f"RTP/AVP/TCP;unicast;interleaved={tcp[1]}-{int(tcp[1]) + 1}"
            elif udp and not path.startswith("tcp/"):
                own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                own.bind(("127.0.0.1", 0))
                own.connect((self.client.getpeername()[0], int(udp[1])))
                self.setups[number] = (specs[number], 0, own)
                port = own.getsockname()[1]
                answer = f"RTP/AVP;unicast;client_port={udp[1]}-{int(udp[1]) + 1};server_port={port}-{port + 1}"
            else:
                return self.send(f"RTSP/1.0 461 Unsupported Transport\r\n{cseq}\r\n".encode())
            return self.send(f"{ok}Session: 1;timeout=60\r\nTransport: {answer}\r\n\r\n".encode())
        self.send(f"{ok}Session: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n".encode())
        if method == "PLAY":
            for number, setup in self.setups.items():
                threading.Thread(target=self.play, args=(path, number, *setup), daemon=True).start()

    def play(self, path, number, spec, channel, udp):
        codec, rate, channels, hertz = spec[0], int(spec[1]), int(spec[2]), spec[3]
        if hertz == "-1":
            return
        faults = dict(fault.partition("=")[::2] for fault in path.split("/")[0].split("&"))
        pair = lambda name: [float(part) for part in faults.get(name, "1e9:0").split(":")]
        (stall_at, stall_for), (lose_at, lose) = pair("stall"), pair("lose")
        sleep, chance = float(faults.get("burst", 0.01)), random.Random(path)
        start, position, sequence = time.monotonic() - float(faults.get("backlog", 0)), 0, 0
        log("plays", path.rstrip("/"), time.time() - (time.monotonic() - start))
        width = {"L16": 2, "L24": 3}[codec]
        frames = min(rate // 50, 1300 // (width * channels))
        try:
            while True:
                now = time.monotonic() - start
                if stall_at <= now < stall_at + stall_for:
                    time.sleep(0.01)
                    continue
                while position + frames <= now * rate:
                    payload = b""
                    for frame in range(position, position + frames):
                        payload += struct.pack(">i", sample(hertz, frame, rate))[:width] * channels
                    stamp = int(now * rate) if "wall" in faults else position
                    stamp += int(chance.gauss(0, float(faults.get("jitter", 0))) * rate / 1000)
                    rtp = struct.pack(">BBHII", 0x80, 97 + number, sequence & 0xFFFF, stamp & 0xFFFFFFFF, number + 1) + payload
                    if not lose_at * rate <= position < lose_at * rate + lose * frames:
                        udp.send(rtp) if udp else self.send(b"$" + struct.pack(">BH", channel, len(rtp)) + rtp)
                    position, sequence = position + frames, sequence + 1
                time.sleep(sleep)
        except OSError:
            pass


def sample(hertz, frame, rate):
    """A sample of 32 bits."""
    if hertz == "count":
        return ((frame & 0x7FFF) - 0x4000) << 16
    return int(0x3FFFFF00 * math.sin(2 * math.pi * float(hertz) * frame / rate))


def listen(host, port, context):
    server = socket.socket()
    server.bind((host, port))
    server.listen(20)
    port = server.getsockname()[1]

    def shake_hands(client):
        try:
            client = context.wrap_socket(client, server_side=True) if context else client
        except OSError:
            return client.close()
        Connection(client, f"{host}:{port}").serve()

    def accept():
        while True:
            client, _ = server.accept()
            threading.Thread(target=shake_hands, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return port


def main():
    make_audio()
    make_certificates()
    ports = [listen("127.0.0.1", 0, None)]
    listen("127.0.0.2", ports[0], None)
    for name in ["trusted", "other", "expired"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(in_folder(name + ".pem"), in_folder(name + ".key"))
        ports.append(listen("127.0.0.1", 0, context))
    log("ready", *ports)
    threading.Event().wait()


main()
