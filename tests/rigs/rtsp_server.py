#!/usr/bin/python3
"""A real RTSP server on loopback, playing an endless 1 kHz tone in the codecs of cameras and
encoders.

Prints `ready PORT` once it listens. Each mount exists twice: `/opus` is always loud;
`/pattern/opus` is loud in the first 300 ms of each second of UTC and 40 dB quieter otherwise, which
shows how true the times of a recording are. `/camera` has the codec of `--camera`: a camera whose
settings can change.

Needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-libav, gstreamer1.0-rtsp,
gstreamer1.0-plugins-{base,good,bad,ugly}, and the system's python3, which sees them.
"""

import argparse
import signal
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

USER, PASSWORD = "cam", "open-sesame"

LOUD_NS = 300_000_000
QUIET_VOLUME = 0.01
BUFFER_FRAMES, SAMPLE_RATE_HZ = 480, 48_000
BUFFER_NS = BUFFER_FRAMES * 1_000_000_000 // SAMPLE_RATE_HZ

TONE = (
    f"audiotestsrc is-live=true wave=sine freq=1000 volume=0.5 samplesperbuffer={BUFFER_FRAMES}"
    f" ! audio/x-raw,format=S16LE,rate={SAMPLE_RATE_HZ},channels=1"
)
PATTERN_GATE = " ! identity name=tap signal-handoffs=true ! volume name=gate"
VIDEO = (
    "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=25/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay pt=96"
)
# The elements after the tone, up to the RTP payloader.
ENCODERS = {
    "/aac": "audioconvert ! avenc_aac bitrate=64000 ! rtpmp4gpay pt=97",
    "/aac-latm": "audioconvert ! avenc_aac bitrate=64000 ! aacparse ! rtpmp4apay pt=97",
    "/opus": "audioconvert ! opusenc bitrate=64000 frame-size=20 ! rtpopuspay pt=97",
    "/pcmu": "audioresample ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay",
    "/pcma": "audioresample ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay",
    "/l16": "audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay pt=97",
    "/g722": "audioresample ! audio/x-raw,rate=16000 ! avenc_g722 ! rtpg722pay",
}
VIDEO_MOUNT, VIDEO_MOUNT_ENCODER = "/av", ENCODERS["/aac"]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", nargs="?", default="0", help="0, the default, is a free one")
    parser.add_argument("--auth", choices=["digest", "basic"], help=f"require user {USER}, password {PASSWORD}")
    parser.add_argument("--camera", choices=[name[1:] for name in ENCODERS], default="pcmu", help="codec of /camera")
    parser.add_argument("--loss", type=float, default=0.0, metavar="PERCENT", help="audio packets to drop")
    return parser.parse_args()


def launch_line(tone: str, encoder: str, loss_percent: float, video: bool) -> str:
    """Returns the pipeline of one mount. The server sends the output of the elements pay0, pay1."""
    audio_name = "pay1" if video else "pay0"
    audio = f"{tone} ! {encoder} name={audio_name}"
    if loss_percent:
        # The server finds the payloader's properties through any last element.
        audio = f"{tone} ! {encoder} ! identity name={audio_name} drop-probability={loss_percent / 100}"
    return f"( {VIDEO} name=pay0 {audio} )" if video else f"( {audio} )"


def follow_utc(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
    """Sets the volume of a mount's tone by UTC, for each buffer."""
    tap = media.get_element().get_by_name("tap")
    gate = media.get_element().get_by_name("gate")

    def set_volume(_tap: Gst.Element, buffer: Gst.Buffer) -> None:
        # By the buffer's own time, not the time at which it passes: a busy machine is late in
        # bursts.
        late_ns = tap.get_clock().get_time() - (tap.get_base_time() + buffer.pts)
        middle_ns = time.time_ns() - late_ns + BUFFER_NS // 2
        gate.set_property("volume", 1.0 if middle_ns % 1_000_000_000 < LOUD_NS else QUIET_VOLUME)

    tap.connect("handoff", set_volume)


def require_login(server: GstRtspServer.RTSPServer, kind: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST if kind == "digest" else GstRtsp.RTSPAuthMethod.BASIC)
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(USER, PASSWORD), token)
    auth.add_digest(USER, PASSWORD, token)
    server.set_auth(auth)


def add_mount(server: GstRtspServer.RTSPServer, path: str, line: str, pattern: bool, login: bool) -> None:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(line)
    factory.set_shared(True)
    if pattern:
        factory.connect("media-configure", follow_utc)
    if login:
        role = Gst.Structure.new_empty("user")
        role.set_value("media.factory.access", True)
        role.set_value("media.factory.construct", True)
        factory.add_role_from_structure(role)
    server.get_mount_points().add_factory(path, factory)


def main() -> None:
    arguments = read_arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    if arguments.auth:
        require_login(server, arguments.auth)
    camera = ENCODERS[f"/{arguments.camera}"]
    for path, encoder in [*ENCODERS.items(), (VIDEO_MOUNT, VIDEO_MOUNT_ENCODER), ("/camera", camera)]:
        for pattern in (False, True):
            tone = TONE + PATTERN_GATE if pattern else TONE
            line = launch_line(tone, encoder, arguments.loss, video=path == VIDEO_MOUNT)
            add_mount(server, f"/pattern{path}" if pattern else path, line, pattern, login=bool(arguments.auth))

    if server.attach(None) == 0 or server.get_bound_port() <= 0:
        sys.exit(f"cannot listen on 127.0.0.1:{arguments.port}")
    print("ready", server.get_bound_port(), flush=True)

    loop = GLib.MainLoop()
    for number in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    loop.run()


if __name__ == "__main__":
    main()
