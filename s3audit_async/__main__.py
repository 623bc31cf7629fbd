"""`python -m s3audit_async`: the same as `s3audit`."""

import sys

from s3audit_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
