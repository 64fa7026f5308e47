"""Starts the RQ worker, or with `scheduler` behind it the scheduler, and nothing else.

`triagedesk worker` and `triagedesk scheduler` are the same; `triagedesk up` runs both.
"""

import sys

from webapp.cli import main

if __name__ == "__main__":
    sys.argv[1:2] = sys.argv[1:2] or ["worker"]
    main()
