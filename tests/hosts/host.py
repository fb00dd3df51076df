"""The host in Python: host.py FOLDER."""

import hashlib
import sys
from typing import Optional

import capbuf
import numpy

registry: capbuf.Registry
buffers: list[capbuf.CaptureBuffer] = []
writer: Optional[capbuf.Writer] = None


def open_domain(folder: str) -> None:
    global registry
    registry = capbuf.Registry.open("hosts", folder=folder)


def obey(line: str) -> str:
    global writer
    command, *numbers = line.split()
    if command == "race":
        for source in range(int(numbers[0])):
            buffers.append(
                registry.get_or_allocate(
                    f"source {source}", seconds=10, sample_rate_hz=8000, channels=1, sample_format="s16"
                )
            )
        ids = " ".join(f"{buffer.id:016x}" for buffer in buffers)
        return f"{registry.stats().rings_allocated} {ids}"
    if command == "take":
        try:
            writer = buffers[0].writer()
        except capbuf.WriterBusy as busy:
            return f"busy {busy.pid or 0}"
        return "taken"
    if command == "write":
        assert writer is not None
        first = writer.next_frame
        frames = numpy.arange(first, first + int(numbers[0]), dtype="uint64") * 40503
        writer.write(frames.astype("uint16").view("int16"))
        return str(writer.next_frame)
    if command == "read":
        segment = buffers[0].read_frames(int(numbers[0]), int(numbers[1]), dtype="int16")
        return hashlib.sha256(segment.samples.tobytes()).hexdigest()
    raise ValueError(f"unknown command {line}")


if __name__ == "__main__":
    open_domain(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        print(obey(line), flush=True)
