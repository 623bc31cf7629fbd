"""The stub as a process of its own: `python -m benchmarks.stub --buckets 3000 --keys 50`."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from benchmarks.stub.behaviour import ANY, Behaviour, Paging, RateLimit, WrongRegion
from benchmarks.stub.connection import Connection
from benchmarks.stub.ending import until_told
from benchmarks.stub.faults import MIXED_KINDS, dead, either, mixed
from benchmarks.stub.replaying import ReplayingConnection
from benchmarks.stub.server import Listener
from benchmarks.stub.service import Service
from benchmarks.stub.synthetic import synthetic
from benchmarks.stub.synthetic_members import synthetic_organization

if TYPE_CHECKING:
    from benchmarks.stub.faults import FaultHook


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stub",
        description="Serve a synthetic AWS account on the loopback interface. The URL is the first line on "
        "stdout, counters are at /_stats, /_asked/OPERATION, POST /_reset clears them. Ends on SIGTERM, or with stdin.",
    )
    account = parser.add_argument_group("account")
    account.add_argument("--buckets", type=int, default=1000)
    account.add_argument("--keys", type=int, default=20, help="distinct keys that have to be looked up")
    account.add_argument("--regions", type=int, default=4)
    account.add_argument("--kms-share", type=float, default=0.4, help="of the buckets, 0 to 1")
    account.add_argument("--unlisted-share", type=float, default=0.0, help="listed without BucketRegion")
    account.add_argument("--home-share", type=float, help="of the buckets in the first region")
    account.add_argument("--seed", type=int, default=0, help="of the account and of the faults")
    several = parser.add_argument_group("organization")
    several.add_argument(
        "--accounts", type=int, help="serve an organization of so many accounts, each with the buckets and keys above"
    )
    several.add_argument("--denied-accounts", type=int, default=0, help="of them refuse AssumeRole")
    several.add_argument("--suspended-accounts", type=int, default=0, help="of them are not active")
    behaviour = parser.add_argument_group("behaviour")
    behaviour.add_argument("--latency-ms", type=float, default=0.0)
    behaviour.add_argument(
        "--slow-region", metavar="REGION=MS", action="append", default=[], help="latency of one region"
    )
    behaviour.add_argument("--paging", choices=[how.value for how in Paging], default="tokens")
    behaviour.add_argument("--wrong-region", choices=[how.value for how in WrongRegion], default="permanent")
    behaviour.add_argument("--refuse-unpaginated", action="store_true")
    behaviour.add_argument("--deny", metavar="OPERATION", action="append", default=[])
    behaviour.add_argument("--s3-rate", type=float, help="S3 requests a second and region")
    behaviour.add_argument("--kms-rate", type=float, help="KMS requests a second and region")
    behaviour.add_argument("--burst", type=float, default=10.0, help="requests at once within either rate")
    behaviour.add_argument("--fault-share", type=float, default=0.0, help="of all requests, 0 to 1")
    behaviour.add_argument("--fault-kinds", default=",".join(MIXED_KINDS))
    behaviour.add_argument("--spare-after", type=int, default=3, help="tries of a call that may fail")
    behaviour.add_argument(
        "--dead-region", metavar="REGION", action="append", default=[], help="nothing about its buckets is answered"
    )
    behaviour.add_argument(
        "--track-targets", action="store_true", help="count by target; faults always do (150 bytes each)"
    )
    behaviour.add_argument(
        "--replay", action="store_true", help="give what was answered once from memory, uncounted and at once"
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    return parser


def _behaviour(options: argparse.Namespace) -> Behaviour:
    latency = {(ANY, ANY): options.latency_ms / 1000}
    for text in options.slow_region:
        region, _, milliseconds = text.partition("=")
        latency[ANY, region] = float(milliseconds) / 1000
    rates = {"s3": options.s3_rate, "kms": options.kms_rate}
    faults: list[FaultHook] = []
    if options.dead_region:
        faults.append(dead(*options.dead_region))
    if options.fault_share:
        kinds = options.fault_kinds.split(",")
        faults.append(mixed(options.fault_share, kinds=kinds, seed=options.seed, spare_after=options.spare_after))
    return Behaviour(
        latency=latency if options.slow_region else latency[ANY, ANY],
        paging=Paging(options.paging),
        wrong_region=WrongRegion(options.wrong_region),
        faults=either(*faults) if faults else None,
        denied=frozenset(options.deny),
        rate_limits={(ANY, name): RateLimit(rate, options.burst) for name, rate in rates.items() if rate},
        refuse_unpaginated=options.refuse_unpaginated,
        track_targets=options.track_targets or bool(faults),
    )


async def _serve(service: Service, port: int, connection: type[Connection]) -> None:
    stop = until_told()
    async with Listener(service, port, connection) as url:
        print(url, flush=True)
        await stop.wait()


def main() -> None:
    """Serve until told to stop."""
    parser = _parser()
    options = parser.parse_args()
    if options.replay and options.accounts is not None:
        parser.error("--replay is for one account: what is asked does not say whose it is")
    connection = ReplayingConnection if options.replay else Connection
    asyncio.run(_serve(_service(options), options.port, connection))


def _service(options: argparse.Namespace) -> Service:
    if options.accounts is not None:
        organization = synthetic_organization(
            options.accounts,
            options.buckets,
            options.keys,
            options.regions,
            denied=options.denied_accounts,
            suspended=options.suspended_accounts,
            kms_share=options.kms_share,
            seed=options.seed,
        )
        return Service(organization.management.account, _behaviour(options), organization)
    account = synthetic(
        options.buckets,
        options.keys,
        options.regions,
        kms_share=options.kms_share,
        unlisted_share=options.unlisted_share,
        home_share=options.home_share,
        seed=options.seed,
    )
    return Service(account, _behaviour(options))


if __name__ == "__main__":
    main()
