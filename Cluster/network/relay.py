#!/usr/bin/env python3
"""A TCP relay that is a bad link: little bandwidth, delay, stalls and resets, for tests.

    relay.py --listen ADDRESS:PORT --to ADDRESS:PORT [--mbit 20] [--delay 0.05]

All connections share the bandwidth of each direction, and every byte arrives later by the delay. Lines on standard
input change the link while it is in use:

    stall   nothing is forwarded any more; connections stay open, and new ones are taken
    go      what was held back goes on
    reset   every connection is broken with a TCP reset; new ones are taken

It ends with its standard input, and prints what it has forwarded. (Linux can do most of this with netem, which kernels
of small virtual machines often lack.)
"""

import argparse
import asyncio
import socket
import struct
import sys
import time

CHUNK = 16 << 10


class Direction:
    """What the connections share in one direction."""

    def __init__(self, bytes_a_second: float) -> None:
        self.bytes_a_second = bytes_a_second
        self.free_at = 0.0
        self.forwarded = 0

    async def pass_on(self, count: int) -> None:
        """Waits until the link has carried so many bytes."""
        begin = max(time.monotonic(), self.free_at)
        self.free_at = begin + count / self.bytes_a_second
        self.forwarded += count
        await asyncio.sleep(self.free_at - time.monotonic())


class Relay:
    def __init__(self, to: tuple[str, int], mbit: float, delay: float) -> None:
        self.to = to
        self.delay = delay
        self.directions = [Direction(mbit * 1e6 / 8) for _ in range(2)]
        self.flows = asyncio.Event()
        self.flows.set()
        self.open: set[asyncio.StreamWriter] = set()
        self.accepted = self.broken = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        ends = [writer]
        self.open.add(writer)
        try:
            await self.flows.wait()
            there = await asyncio.open_connection(*self.to)
            ends.append(there[1])
            self.open.add(there[1])
            await asyncio.gather(
                self.pump(reader, there[1], self.directions[0]),
                self.pump(there[0], writer, self.directions[1]))
        except OSError:
            pass
        except asyncio.CancelledError:
            # The relay ends before this connection does; asyncio would print a cancelled one as an error.
            pass
        finally:
            for end in ends:
                self.open.discard(end)
                end.close()

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        # As much may be on its way as the delay holds, and as a sender's buffers would.
        on_the_way: asyncio.Queue = asyncio.Queue(
            maxsize=8 + int(direction.bytes_a_second * self.delay / CHUNK))

        async def arrive() -> None:
            while True:
                due, data = await on_the_way.get()
                await asyncio.sleep(due - time.monotonic())
                await self.flows.wait()
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        arriving = asyncio.create_task(arrive())
        try:
            data = b"-"
            while data:
                await self.flows.wait()
                data = await reader.read(CHUNK)
                await direction.pass_on(len(data))
                await on_the_way.put((time.monotonic() + self.delay, data))
            await arriving
        finally:
            arriving.cancel()

    def reset(self) -> None:
        for writer in list(self.open):
            connection = writer.get_extra_info("socket")
            # No time to linger: the kernel says RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            self.broken += 1


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=address, required=True)
    parser.add_argument("--to", type=address, required=True)
    parser.add_argument("--mbit", type=float, default=20, help="million bits a second (20)")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds, one way (0.05)")
    options = parser.parse_args()
    relay = Relay(options.to, options.mbit, options.delay)
    await asyncio.start_server(relay.serve, *options.listen)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).decode().strip():
        if line == "stall":
            relay.flows.clear()
        elif line == "go":
            relay.flows.set()
        elif line == "reset":
            relay.reset()
        else:
            sys.exit(f"expected stall, go or reset, got {line!r}")
    print(
        f"{relay.accepted} connections, {relay.broken} ends reset,"
        f" {relay.directions[0].forwarded} bytes there, {relay.directions[1].forwarded} back")


asyncio.run(main())
