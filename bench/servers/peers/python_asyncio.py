# Protocols, and streams for lines:
# python_asyncio.py echo|lines|once|sink|packets [PATH]

import asyncio
import sys

work = sys.argv[1]
path = sys.argv[2] if len(sys.argv) > 2 else None


class Echo(asyncio.BufferedProtocol):
    buffer = memoryview(bytearray(65536))

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, size):
        return self.buffer

    def buffer_updated(self, count):
        self.transport.write(bytes(self.buffer[:count]))


class Once(Echo):
    def buffer_updated(self, count):
        self.transport.write(bytes(self.buffer[:count]))
        self.transport.close()


class Sink(Echo):
    count = 0

    def buffer_updated(self, count):
        self.count += count

    def eof_received(self):
        self.transport.write(str(self.count).encode())


class Packets(asyncio.DatagramProtocol):
    count = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        if len(data) == 64:
            self.count += 1
        else:
            self.transport.sendto(str(self.count).encode(), address)


async def lines(reader, writer):
    async for line in reader:
        writer.write(line)
    writer.close()


def ready(where):
    print("ready", where, flush=True)


async def main():
    loop = asyncio.get_running_loop()
    address = {"path": path} if path else {"host": "127.0.0.1", "port": 0}
    address["backlog"] = 4096
    if work == "packets":
        transport, _ = await loop.create_datagram_endpoint(
            Packets, local_addr=("127.0.0.1", 0))
        ready(transport.get_extra_info("sockname")[1])
    elif work == "lines":
        start = asyncio.start_unix_server if path else asyncio.start_server
        server = await start(lines, **address)
        ready(path or server.sockets[0].getsockname()[1])
    else:
        start = loop.create_unix_server if path else loop.create_server
        server = await start({"echo": Echo, "once": Once, "sink": Sink}[work],
                             **address)
        ready(path or server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()

asyncio.run(main())
