"""`python -m bcdcodec`: the same as the `bcd` command."""

import sys

from bcdcodec.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
