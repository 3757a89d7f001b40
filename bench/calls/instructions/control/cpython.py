"""UDP datagrams received with control data; see c.c."""

import socket
import struct
import sys

IP_PKTINFO = 8
IP_RECVTTL = 12
SO_TIMESTAMPNS = 35
PKTINFO = struct.Struct("=i4s4s")
STAMP = struct.Struct("=qq")
INTEGER = struct.Struct("=i")


def decode(control):
    fields = {}
    for level, number, data in control:
        if level == socket.IPPROTO_IP and number == socket.IP_TTL:
            fields["ttl"] = INTEGER.unpack(data)[0]
        elif level == socket.IPPROTO_IP and number == IP_PKTINFO:
            index, local, destination = PKTINFO.unpack(data)
            fields["pktinfo"] = (index, socket.if_indextoname(index),
                                 socket.inet_ntoa(local),
                                 socket.inet_ntoa(destination))
        elif level == socket.SOL_SOCKET and number == SO_TIMESTAMPNS:
            fields["timestampns"] = STAMP.unpack(data)
    return fields


def main():
    kind, rounds = sys.argv[1], int(sys.argv[2])
    data = bytes(64)
    fields = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.connect(s.getsockname())
        if kind in ("ttl", "three"):
            s.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        if kind == "three":
            s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
            s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        for _ in range(rounds):
            s.send(data)
            if kind != "send":
                _, control, _, _ = s.recvmsg(64, 256)
                fields = decode(control)
    print(f"{rounds} rounds, ttl {fields.get('ttl', 0)}")


main()
