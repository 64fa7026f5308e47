"""`python -m tests.crash.rotations`: rotations of keys on command, each in a child to be killed.

Reads lines: `rotate` answers the child's pid, `wait PID` its exit code.
"""

import os
import sys

from webapp import create_app
from webapp.config import load_config
from webapp.services.keys.rotate_keys import rotate_keys


def main() -> None:
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "rotate":
            pid = os.fork()
            if pid == 0:
                with create_app(load_config(os.environ)).app_context():
                    rotate_keys()
                os._exit(0)
            answer = pid
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(int(rest[0]), 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
