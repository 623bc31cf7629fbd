"""The options that choose accounts, say how they are entered, and who does the work."""

from __future__ import annotations

import click

from s3audit_async.cli.options import option, stacked
from s3audit_async.cli.values import not_empty
from s3audit_async.fleet.access import DURATION, MOST_PROCESSES, SESSION_NAME
from s3audit_async.names import LONGEST_SESSION, ROLE_NAME, SHORTEST_SESSION

account_options = stacked(
    option(
        "Accounts",
        "--accounts",
        metavar="FILE|ID,ID",
        callback=not_empty,
        yields_to=("organization", "profiles", "resume"),
        help="These accounts, each entered by its role; - is stdin.",
    ),
    option(
        "Accounts",
        "--organization",
        is_flag=True,
        yields_to=("accounts", "profiles", "resume"),
        help="All active accounts of the organization.",
    ),
    option(
        "Accounts",
        "--profiles",
        metavar="NAME,NAME",
        callback=not_empty,
        yields_to=("accounts", "organization", "resume"),
        help="The accounts of these profiles of the AWS configuration.",
    ),
    option(
        "Accounts",
        "--ou",
        "ous",
        multiple=True,
        metavar="ID",
        yields_to=("accounts", "profiles"),
        help="Only accounts below this organizational unit. Repeatable.",
    ),
    option(
        "Accounts",
        "--account-tag",
        "account_tags",
        multiple=True,
        metavar="KEY[=VALUE]",
        yields_to=("accounts", "profiles"),
        help="Only accounts with this tag. Repeatable.",
    ),
    option("Accounts", "--include-account", multiple=True, metavar="ID", help="Only this account. Repeatable."),
    option("Accounts", "--exclude-account", multiple=True, metavar="ID", help="Not this account. Repeatable."),
    option(
        "Accounts",
        "--role-name",
        metavar="NAME",
        callback=not_empty,
        help=f"Role to assume in each account but one's own.  [default: {ROLE_NAME}]",
    ),
    option("Accounts", "--external-id", metavar="TEXT", help="External id that the role asks for."),
    option(
        "Accounts",
        "--role-session-name",
        default=SESSION_NAME,
        show_default=True,
        metavar="NAME",
        help="What CloudTrail shows of who it was.",
    ),
    option(
        "Accounts",
        "--role-duration",
        type=click.IntRange(min=SHORTEST_SESSION, max=LONGEST_SESSION),
        default=DURATION,
        show_default=True,
        metavar="SECONDS",
        help="How long a role's credentials last before they are renewed.",
    ),
    option(
        "Accounts",
        "--partition",
        metavar="NAME",
        callback=not_empty,
        help="Partition that the accounts have to be of, such as aws-cn.  [default: one's own]",
    ),
    option(
        "Accounts",
        "--split",
        is_flag=True,
        yields_to=("resume",),
        help="One file for each account, in a folder of its own.",
    ),
)

crew_options = stacked(
    option(
        "Limits",
        "--processes",
        type=click.IntRange(min=1, max=MOST_PROCESSES),
        default=1,
        show_default=True,
        metavar="N",
        yields_to=("dask",),
        help="Processes that share the work, where one core is the limit.",
    ),
    option(
        "Limits",
        "--dask",
        metavar="ADDRESS",
        callback=not_empty,
        yields_to=("processes",),
        help="Have it done by the workers of the Dask cluster whose scheduler is there.",
    ),
)
