"""``python -m potomac`` is the command ``potomac``."""

import sys

from potomac.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
