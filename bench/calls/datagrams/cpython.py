"""UDP datagrams over the loopback, a call each; see c.c."""

import socket
import sys
import time

BURST = 64


def main():
    size, count = int(sys.argv[2]), int(sys.argv[3])
    data = b"x" * size
    got = None
    clock = time.process_time
    sending = receiving = 0
    source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with source, to:
        to.bind(("127.0.0.1", 0))
        address = to.getsockname()
        for _ in range(0, count, BURST):
            start = clock()
            for _ in range(BURST):
                source.sendto(data, address)
            middle = clock()
            for _ in range(BURST):
                got, _ = to.recvfrom(size)
            sending += middle - start
            receiving += clock() - middle
    assert got == data
    print(f"sent in {sending:.9f} s, received in {receiving:.9f} s")


main()
