#!/usr/bin/env python3
"""A slow line in user space: takes connections and forwards them, downstream no faster than a given rate.

    slow-line.py HOST:PORT RATE      RATE in bytes a second

Prints the port it takes connections on, then, after every change, JSON lines: connections so far and bytes brought
downstream. When the far end is gone, the near end is hung up on, as a dead server's kernel would.
"""

import json
import socket
import sys
import threading
import time

CHUNK = 4096


class Line:
    def __init__(self, far, rate):
        self.far = far
        self.rate = rate
        self.lock = threading.Lock()
        self.connections = 0
        self.down = 0

    def note(self, connections=0, down=0):
        with self.lock:
            self.connections += connections
            self.down += down
            print(json.dumps({"connections": self.connections, "down": self.down}), flush=True)

    def serve(self, near):
        try:
            far = socket.create_connection(self.far, timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        self.note(connections=1)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A deep buffer would hide the death of the server for seconds.
        far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * CHUNK)
        threading.Thread(target=self.copy, args=(near, far, None), daemon=True).start()
        self.copy(far, near, self.rate)

    def copy(self, source, sink, rate):
        free_at = time.monotonic()
        try:
            while chunk := source.recv(CHUNK):
                if rate:
                    free_at = max(free_at, time.monotonic()) + len(chunk) / rate
                    time.sleep(max(0.0, free_at - time.monotonic()))
                sink.sendall(chunk)
                if rate:
                    self.note(down=len(chunk))
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    line = Line((host, int(port)), float(sys.argv[2]))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        near, _ = listener.accept()
        threading.Thread(target=line.serve, args=(near,), daemon=True).start()


if __name__ == "__main__":
    main()
