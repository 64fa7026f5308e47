"""Starts a command as systemd does with a socket unit: the socket is its file number 3.

python -m tests.support.deploy.socket_activation SOCKET triagedesk-command...
"""

import os
import socket
import sys

FIRST = 3


def main() -> None:
    path, *words = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(128)
    if server.fileno() != FIRST:
        os.dup2(server.fileno(), FIRST)
    os.set_inheritable(FIRST, True)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="web")
    os.execv(sys.executable, [sys.executable, "-m", "webapp", *words])


if __name__ == "__main__":
    main()
