"""A supervisor of small scripts: `python -m tests.ops.supervised NAME=SCRIPT …`."""

import os
import sys

from webapp.runtime.supervisor import Part, Supervisor


def main() -> None:
    supervisor = Supervisor()
    supervisor.install_signal_handlers()
    for word in sys.argv[1:]:
        name, _, script = word.partition("=")
        rank = 1 if name == "last" else 0
        supervisor.start(Part(name, [sys.executable, "-u", "-c", script], os.environ, rank))
    supervisor.run()
    supervisor.stop()
    print("all ended", flush=True)


if __name__ == "__main__":
    main()
