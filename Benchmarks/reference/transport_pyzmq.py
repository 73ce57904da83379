"""What pyzmq gives a Python program: the work of transport.c, of which it prints the same line.

    transport_pyzmq.py frames|messages|trips SECONDS
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

import zmq

LARGE, SMALL, SLOTS = 4 << 20, 100, 16


def receive(pipe: int, large: bool) -> None:
    socket = open_socket(zmq.ROUTER, large)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    os.write(pipe, f"{port}\n".encode())
    is_last = False
    while not is_last:
        identity, message = socket.recv_multipart(copy=False)
        # Python cannot look at every cache line in time: it does not look, which is in its favour.
        is_last = message.buffer[0] == ord("E")
        socket.send_multipart([identity, b"received"], copy=False)
    time.sleep(0.1)
    os._exit(0)


def open_socket(kind: int, large: bool) -> zmq.Socket:
    socket = zmq.Context().socket(kind)
    socket.set_hwm(16 if large else 1000)
    socket.linger = 0
    return socket


def main() -> None:
    work, seconds = sys.argv[1], float(sys.argv[2])
    large = work == "frames"
    window = {"frames": 8, "messages": 256, "trips": 1}[work]
    reading, writing = os.pipe()
    if os.fork() == 0:
        receive(writing, large)
    socket = open_socket(zmq.DEALER, large)
    socket.connect(f"tcp://127.0.0.1:{os.read(reading, 16).decode().strip()}")
    time.sleep(0.1)
    size = LARGE if large else SMALL
    messages = [b"x" * size for _ in range(SLOTS if large else 1)]
    trips: list[float] = []
    sent = answered = 0
    start = asked = time.perf_counter()
    is_last = False
    while not is_last:
        is_last = sent % 16 == 0 and time.perf_counter() - start > seconds
        if window == 1:
            asked = time.perf_counter()
        socket.send(b"E" * size if is_last else messages[sent % len(messages)], copy=not large)
        sent += 1
        while sent - answered >= window or (is_last and answered < sent):
            socket.recv()
            answered += 1
            if window == 1:
                trips.append(time.perf_counter() - asked)
    took = time.perf_counter() - start
    line = {
        "work": work,
        "bytes": size,
        "messages_per_second": sent / took,
        "gigabytes_per_second": sent * size / took / 1e9,
    }
    if trips:
        line["median_us"] = statistics.median(trips) * 1e6
    print(json.dumps(line))


if __name__ == "__main__":
    main()
