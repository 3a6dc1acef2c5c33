#!/usr/bin/env python3
# relay_test.py - the relay adds one header to every request and changes nothing else; python3 relay_test.py.
# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import unittest

import relay

TOKEN = b"secret-token"
ADDED = b"Authorization: Bearer " + TOKEN + b"\r\n"
ENOUGH_SECONDS = 10


class RelayTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.received = bytearray()
        self.connections = 0
        self.answer = b""
        self.far = await asyncio.start_server(self._far_side, "127.0.0.1", 0)
        target = self.far.sockets[0].getsockname()[1]
        self.relay = await asyncio.start_server(
            lambda reader, writer: relay.serve(reader, writer, target, TOKEN), "127.0.0.1", 0, limit=relay.MAX_HEAD_BYTES
        )
        self.port = self.relay.sockets[0].getsockname()[1]

    async def asyncTearDown(self):
        self.relay.close()
        self.far.close()

    async def _far_side(self, reader, writer):
        self.connections += 1
        try:
            while part := await reader.read(100):
                self.received += part
                if self.answer:
                    writer.write(self.answer)
                    self.answer = b""
        except (ConnectionError, asyncio.CancelledError):
            pass
        writer.close()

    async def send(self, *parts):
        """Sends parts one by one, half-closes, and gives what came back until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        writer.write_eof()
        back = await asyncio.wait_for(reader.read(), ENOUGH_SECONDS)
        writer.close()
        return back

    async def test_refuses_a_head_without_an_end(self):
        await self.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        self.assertEqual(self.received, b"")

    async def test_refuses_an_endless_head(self):
        with contextlib.suppress(ConnectionError):
            await self.send(b"GET / HTTP/1.1\r\nX: " + b"a" * (relay.MAX_HEAD_BYTES * 2))
        self.assertEqual(self.received, b"")

    async def test_refuses_a_chunk_size_that_is_no_number(self):
        head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        await self.send(head, b"zz\r\nGET /other HTTP/1.1\r\n\r\n")
        self.assertNotIn(b"/other", self.received)

    async def test_adds_the_header_to_every_request(self):
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        one = (b"POST /mcp HTTP/1.1\r\n", b"host: evil.example\r\nOrigin: null\r\ncontent-length: 5\r\n\r\nab\r\nc")
        two = (b"GET /mcp HTTP/1.1\r\n", b"Host: 127.0.0.1:1\r\nHost: b\r\nX:  odd \r\n\r\n")
        body = b"4;ext=1\r\n\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n"
        three = (b"POST / HTTP/1.1\r\n", b"Transfer-Encoding: chunked\r\n\r\n" + body)
        back = await self.send(b"".join(one + two), b"".join(three))
        self.assertEqual(self.connections, 1)
        self.assertEqual(self.received, b"".join(line + ADDED + rest for line, rest in (one, two, three)))
        self.assertEqual(back, b"HTTP/1.1 204 No Content\r\n\r\n")

    async def test_does_not_depend_on_how_bytes_arrive(self):
        sent = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyzDELETE /b HTTP/1.1\r\nA: b\r\n\r\n"
        await self.send(*[sent[at : at + 1] for at in range(len(sent))])
        self.assertEqual(self.received.count(ADDED), 2)
        self.assertEqual(self.received.replace(ADDED, b""), sent)

    async def test_streams(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.answer = b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf")
        first = await asyncio.wait_for(reader.readuntil(b"data: 1\n\n"), ENOUGH_SECONDS)
        self.assertTrue(first.endswith(b"data: 1\n\n"))
        writer.close()


if __name__ == "__main__":
    unittest.main()
