# The standard selector: python_selectors.py echo|lines|once|sink|packets [PATH]

import selectors
import socket
import sys

work = sys.argv[1]
path = sys.argv[2] if len(sys.argv) > 2 else None
selector = selectors.DefaultSelector()


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.rest = b""
        self.count = 0

    def close(self):
        selector.unregister(self.sock)
        self.sock.close()


def receive(conn):
    try:
        return conn.sock.recv(65536)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""


def echo(conn):
    data = receive(conn)
    if data:
        conn.sock.sendall(data)
    elif data is not None:
        conn.close()


def once(conn):
    data = receive(conn)
    if data:
        conn.sock.sendall(data)
    if data is not None:
        conn.close()


def sink(conn):
    data = receive(conn)
    if data:
        conn.count += len(data)
    elif data is not None:
        conn.sock.sendall(str(conn.count).encode())
        conn.close()


def lines(conn):
    data = receive(conn)
    if data:
        *whole, conn.rest = (conn.rest + data).split(b"\n")
        for line in whole:
            conn.sock.sendall(line + b"\n")
    elif data is not None:
        conn.close()


def accept(server):
    while True:
        try:
            sock, _ = server.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, Connection(sock))


def serve(handler):
    if path:
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
    else:
        server = socket.socket()
        server.bind(("127.0.0.1", 0))
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.setblocking(False)
    server.listen(4096)
    selector.register(server, selectors.EVENT_READ)
    print("ready", path or server.getsockname()[1], flush=True)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                accept(server)
            else:
                handler(key.data)


def packets():
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    print("ready", sock.getsockname()[1], flush=True)
    _, address = sock.recvfrom(2048)
    sock.connect(address)
    sock.send(b"0")
    sock.setblocking(False)
    selector.register(sock, selectors.EVENT_READ)
    count = 0
    while True:
        try:
            data = sock.recv(2048)
        except BlockingIOError:
            selector.select()
            continue
        if len(data) == 64:
            count += 1
        else:
            sock.send(str(count).encode())


if work == "packets":
    packets()
serve({"echo": echo, "once": once, "sink": sink, "lines": lines}[work])
