"""OCSF by py-ocsf-models: a JSON array of Compliance Finding events (class 2003), one for each verdict on a bucket.

https://schema.ocsf.io/1.5.0/classes/compliance_finding
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from py_ocsf_models.events.findings.activity_id import ActivityID
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.events.findings.compliance_finding_type_id import ComplianceFindingTypeID
from py_ocsf_models.events.findings.severity_id import SeverityID
from py_ocsf_models.objects.account import Account, TypeID
from py_ocsf_models.objects.analytic import Analytic
from py_ocsf_models.objects.cloud import Cloud
from py_ocsf_models.objects.compliance import Compliance
from py_ocsf_models.objects.compliance_status import StatusID
from py_ocsf_models.objects.finding_info import FindingInformation
from py_ocsf_models.objects.metadata import Metadata
from py_ocsf_models.objects.product import Product
from py_ocsf_models.objects.remediation import Remediation
from py_ocsf_models.objects.resource_details import ResourceDetails

from s3audit_async import __version__
from s3audit_async.findings.mending import steps
from s3audit_async.model import Kind
from s3audit_async.sinks.json_array import JsonArray
from s3audit_async.sinks.subjects import encodable, fields_of, identity, subject_of
from s3audit_async.sinks.verdicts import Status, moment_of, severity_of, verdicts

if TYPE_CHECKING:
    from typing import BinaryIO

    from s3audit_async.model import Row
    from s3audit_async.sinks.verdicts import Verdict

_STATUS = {Status.PASS: StatusID.Pass, Status.FAIL: StatusID.Fail, Status.UNKNOWN: StatusID.Warning}
"""Warning is what the schema has for a check without a result, as information was missing (compliance.status_id)."""
_RULE = 1  # analytic.type_id
_TYPES = {
    Kind.GENERAL: "AwsS3Bucket",
    Kind.DIRECTORY: "AwsS3ExpressDirectoryBucket",
    Kind.TABLE: "AwsS3TablesTableBucket",
    Kind.VECTOR: "AwsS3VectorsVectorBucket",
}
"""By the names of CloudFormation's resource types, in the way of the first, which is Security Hub's name."""


class OcsfSink:
    """Writes OCSF events to the binary file it was handed, as one JSON array."""

    def __init__(self, out: BinaryIO) -> None:
        self._array = JsonArray(out)
        self._now = datetime.now(UTC)
        self._metadata = Metadata(
            product=Product(name="s3audit", vendor_name="s3audit", version=__version__), profiles=["cloud", "datetime"]
        )

    def begin(self) -> None:
        self._array.begin()

    def write(self, row: Row) -> None:
        resource = _resource(row)
        # The schema gives this class the cloud profile; the models' class has no member for it.
        cloud = _cloud(row).model_dump(mode="json", exclude_none=True)
        for verdict in verdicts(row):
            event = self._event(row, verdict, resource).model_dump(mode="json", exclude_none=True)
            self._array.add({**event, "cloud": cloud})

    def end(self) -> None:
        self._array.end()

    def _event(self, row: Row, verdict: Verdict, resource: ResourceDetails) -> ComplianceFinding:
        moment = moment_of(row, self._now).astimezone(UTC)
        milliseconds = int(moment.timestamp() * 1000)
        severity = (severity_of(verdict) or "unknown").capitalize()
        entry = verdict.entry
        return ComplianceFinding(
            metadata=self._metadata,
            activity_id=ActivityID.Create,
            activity_name="Create",
            type_uid=ComplianceFindingTypeID.Create,
            type_name="Compliance Finding: Create",
            class_name="Compliance Finding",
            time=milliseconds,
            time_dt=moment,
            severity_id=SeverityID[severity],
            severity=severity,
            status_code=verdict.status.name,
            status_detail=encodable(str(row.error)) if row.error else None,
            message=verdict.title,
            compliance=_compliance(verdict),
            finding_info=FindingInformation(
                uid=identity(row, verdict.finding),
                title=verdict.title,
                desc=entry.meaning if entry and verdict.status is not Status.PASS else None,
                created_time=milliseconds,
                created_time_dt=moment,
                types=["Software and Configuration Checks"],
                analytic=_analytic(verdict),
            ),
            remediation=_remediation(row, verdict),
            resources=[resource],
            unmapped={"cannot_be_told": list(map(encodable, verdict.open))} if verdict.open else None,
        )


def _analytic(verdict: Verdict) -> Analytic:
    name = encodable(verdict.finding)
    return Analytic(uid=name, name=name, type="Rule", type_id=_RULE, version=__version__)


def _compliance(verdict: Verdict) -> Compliance:
    decided = verdict.requirements
    return Compliance(
        control=encodable(verdict.finding),
        status_id=_STATUS[verdict.status],
        standards=list(dict.fromkeys(each.standard for each in decided)) or None,
        requirements=[str(each) for each in decided] or None,
    )


def _remediation(row: Row, verdict: Verdict) -> Remediation | None:
    entry = verdict.entry
    if entry is None or verdict.status is Status.PASS:
        return None
    calls = steps(verdict.finding, row) if verdict.status is Status.FAIL else ()
    advice = encodable("\n".join((entry.mend, *calls)))
    return Remediation(desc=advice, references=[each.url for each in entry.references] or None)


def _resource(row: Row) -> ResourceDetails:
    subject = subject_of(row)
    return ResourceDetails(
        uid=subject.arn,
        name=encodable(row.bucket),
        type=_TYPES[row.kind],
        region=subject.region and encodable(subject.region),
        cloud_partition=encodable(subject.partition),
        data=fields_of(row),
    )


def _cloud(row: Row) -> Cloud:
    account = row.account and encodable(row.account)
    return Cloud(
        provider="AWS",
        region=row.region and encodable(row.region),
        account=account and Account(name=account, uid=account, type_id=TypeID.AWS_Account, type="AWS Account"),
    )
