#!/usr/bin/env python3
# relay.py - passes HTTP through untouched but for one header: adds `Authorization: Bearer TOKEN` to every request.
# SPDX-License-Identifier: Apache-2.0
#
# relay.py TARGET_PORT [LISTEN_PORT], the token in $RELAY_TOKEN; loopback only. Prints `listening URL` when ready.
# Bodies and answers are passed on as they arrive: no buffering, keep-alive and half-closing as on the wire.
import asyncio
import os
import re
import sys

MAX_HEAD_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024


class Broken(Exception):
    """A request this relay cannot follow; the connection ends."""


def field(head, name):
    found = re.search(rb"(?im)^" + name + rb":[ \t]*([^\r\n]*)", head)
    return found.group(1).strip().lower() if found else b""


async def read_head(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise Broken("a request ends in its head") from end
        return b""
    except asyncio.LimitOverrunError as long:
        raise Broken("a head is too long") from long


async def pass_exactly(reader, writer, count):
    while count > 0:
        part = await reader.read(min(count, CHUNK_BYTES))
        if not part:
            raise Broken("a body ends early")
        writer.write(part)
        await writer.drain()
        count -= len(part)


async def pass_chunked(reader, writer):
    while True:
        line = await reader.readuntil(b"\r\n")
        writer.write(line)
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        await pass_exactly(reader, writer, size + 2)
    while line != b"\r\n":
        line = await reader.readuntil(b"\r\n")
        writer.write(line)
    await writer.drain()


async def pass_rest(reader, writer):
    while part := await reader.read(CHUNK_BYTES):
        writer.write(part)
        await writer.drain()


async def pass_requests(reader, writer, token):
    while head := await read_head(reader):
        line, rest = head.split(b"\r\n", 1)
        writer.write(line + b"\r\nAuthorization: Bearer " + token + b"\r\n" + rest)
        await writer.drain()
        if field(head, b"upgrade"):
            await pass_rest(reader, writer)
            break
        if field(head, b"transfer-encoding") == b"chunked":
            await pass_chunked(reader, writer)
        else:
            await pass_exactly(reader, writer, int(field(head, b"content-length") or b"0"))
    writer.write_eof()


async def pass_answers(reader, writer):
    await pass_rest(reader, writer)
    writer.write_eof()


async def serve(reader, writer, target, token):
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target, limit=MAX_HEAD_BYTES)
    except OSError:
        writer.transport.abort()
        return
    ways = [
        asyncio.ensure_future(pass_requests(reader, far_writer, token)),
        asyncio.ensure_future(pass_answers(far_reader, writer)),
    ]
    try:
        await asyncio.gather(*ways)
    except (Broken, OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        for way in ways:
            way.cancel()
        for side in (writer, far_writer):
            side.close()


async def main():
    target = int(sys.argv[1])
    token = os.environ["RELAY_TOKEN"].encode("ascii")
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, target, token),
        "127.0.0.1",
        int(sys.argv[2]) if len(sys.argv) > 2 else 0,
        limit=MAX_HEAD_BYTES,
    )
    print(f"listening http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
