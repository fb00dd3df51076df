"""A camera whose clock is known: RTSP over TCP on loopback, with RTCP sender reports.

usage: clock_server.py   (prints `ready PORT`)

It plays L16 at 8 kHz, mono. Sample number i, counted from the epoch of UTC by this machine's clock,
has the value i * 40503 modulo 65536: each sample shows when it was made. The path of a URL sets, as
in /skew=-3,delay=1.5: `skew`, by how many seconds the camera's clock is ahead; `delay`, the delay
of its network; `every`, the seconds between two reports; `step` and `after`, by how much and after
how many seconds its clock is set; `nonsense=1`, reports of any time within five seconds;
`silent=1`, no reports.
"""

import random
import socket
import struct
import threading
import time
from collections import deque

RATE_HZ, PACKET_FRAMES = 8000, 160
# From the epoch of NTP, 1900, to that of UTC.
NTP_EPOCH_S = 2_208_988_800
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=clock\r\nt=0 0\r\na=control:*\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 L16/8000/1\r\na=control:track0\r\n"


def interleaved(channel, packet):
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


def report(ssrc, utc_s, timestamp, packets):
    """A sender report: the sample with that timestamp was captured at that time."""
    seconds, fraction = divmod(utc_s + NTP_EPOCH_S, 1)
    head = struct.pack(">BBHI", 0x80, 200, 6, ssrc)
    body = struct.pack(">IIIII", int(seconds), int(fraction * 2**32), timestamp, packets, packets * PACKET_FRAMES * 2)
    name = struct.pack(">BBHIBB6s", 0x81, 202, 3, ssrc, 1, 5, b"clock\0")
    return head + body + name


def play(client, options):
    number = lambda name, otherwise: float(options.get(name, otherwise))
    skew, delay, every = number("skew", 0), number("delay", 0), number("every", 1)
    ssrc, sequence, offset = random.getrandbits(32), random.getrandbits(16), random.getrandbits(32)
    first = int(time.time() * RATE_HZ)
    waiting, next_report, packets = deque(), 0, 0
    while True:
        begin = first + packets * PACKET_FRAMES
        captured_s, passed_s = begin / RATE_HZ, packets * PACKET_FRAMES / RATE_HZ
        time.sleep(max(0, captured_s + PACKET_FRAMES / RATE_HZ - time.time()))
        samples = [(index * 40503) & 0xFFFF for index in range(begin, begin + PACKET_FRAMES)]
        timestamp = (packets * PACKET_FRAMES + offset) & 0xFFFFFFFF
        header = struct.pack(">BBHII", 0x80, 97, (sequence + packets) & 0xFFFF, timestamp, ssrc)
        data = interleaved(0, header + struct.pack(f">{PACKET_FRAMES}H", *samples))
        packets += 1
        if "silent" not in options and passed_s >= next_report:
            next_report += every
            set_by = number("step", 0) if passed_s >= number("after", 0) else 0
            wrong_by = random.uniform(-5, 5) if "nonsense" in options else 0
            data += interleaved(1, report(ssrc, captured_s + skew + set_by + wrong_by, timestamp, packets))
        waiting.append((time.time() + delay, data))
        while waiting and waiting[0][0] <= time.time():
            client.sendall(waiting.popleft()[1])


def play_to_end(client, options):
    try:
        play(client, options)
    except OSError:
        pass


def request(reader):
    """The next request; skips the client's own reports in between."""
    line = reader.readline()
    while line[:1] == b"$":
        # Binary, so it may hold line breaks: read all of it.
        head = line if len(line) >= 4 else line + reader.read(4 - len(line))
        size = 4 + struct.unpack(">H", head[2:4])[0]
        rest = head[size:] if len(head) > size else (reader.read(size - len(head)), b"")[1]
        line = rest or reader.readline()
    if not line:
        return None
    method, url, _ = line.decode("latin1").split(" ")
    headers = {}
    while (line := reader.readline().strip()):
        key, _, value = line.decode("latin1").partition(":")
        headers[key.lower()] = value.strip()
    return method, url, headers


def serve(client):
    reader = client.makefile("rb")
    while got := request(reader):
        method, url, headers = got
        fields, body = [f"CSeq: {headers.get('cseq', 0)}", "Session: 1"], ""
        if method == "OPTIONS":
            fields.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif method == "DESCRIBE":
            body = SDP
            fields += [f"Content-Base: {url}/", "Content-Type: application/sdp", f"Content-Length: {len(SDP)}"]
        elif method == "SETUP":
            fields.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        client.sendall(("RTSP/1.0 200 OK\r\n" + "\r\n".join(fields) + "\r\n\r\n" + body).encode())
        if method == "PLAY":
            path = url.split("/")[3]
            options = dict(option.split("=") for option in path.split(",") if option)
            threading.Thread(target=play_to_end, args=(client, options), daemon=True).start()
        if method == "TEARDOWN":
            return


def serve_to_end(client):
    try:
        serve(client)
    except (OSError, ValueError):
        pass


def main():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(20)
    print("ready", server.getsockname()[1], flush=True)
    while True:
        client, _ = server.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_to_end, args=(client,), daemon=True).start()


main()
