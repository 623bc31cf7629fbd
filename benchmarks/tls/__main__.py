"""The proxy as a process of its own: `python -m benchmarks.tls --onto PORT --folder DIRECTORY`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from benchmarks.stub.ending import until_told
from benchmarks.tls.authority import Authority
from benchmarks.tls.process import AUTHORITY
from benchmarks.tls.proxy import AwsProxy


async def _serve(proxy: AwsProxy) -> None:
    stop = until_told()
    async with proxy.serving() as url:
        print(url, flush=True)
        await stop.wait()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tls",
        description="Be AWS to whoever takes this for its HTTPS proxy. The URL is the first line on stdout, counters "
        "are at /_stats, POST /_reset clears them. Ends on SIGTERM, or with stdin.",
    )
    parser.add_argument("--onto", type=int, required=True, metavar="PORT", help="of this machine: where the stub is")
    parser.add_argument(
        "--folder", type=Path, required=True, metavar="DIRECTORY", help=f"takes {AUTHORITY}.pem, the CA to trust"
    )
    options = parser.parse_args()
    asyncio.run(_serve(AwsProxy(Authority(options.folder, AUTHORITY), options.onto)))


if __name__ == "__main__":
    main()
