"""`python -m autograde`."""

import gc
import sys

if __name__ == "__main__":
    # What half of a short command's time went into, and no command needs: garbage collections while hundreds of modules
    # load, and the grammar of internationalised addresses that jsonschema compiles where this package is installed.
    gc.set_threshold(50_000)
    sys.modules["rfc3987_syntax"] = None

    from autograde.cli import main

    sys.exit(main())
