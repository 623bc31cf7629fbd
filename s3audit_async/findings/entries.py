"""The texts of the catalogue, one entry for each finding, in the order of `Finding`.

What cannot be known is informational: it is named, and counts neither as passed nor as failed.
"""

from __future__ import annotations

from s3audit_async.findings.entry import Entry, Reference, Severity
from s3audit_async.findings.ids import Finding

_DOCS = "https://docs.aws.amazon.com"
_S3_CONTROLS = Reference(
    title="Security Hub controls for Amazon S3 (S3.17)",
    url=f"{_DOCS}/securityhub/latest/userguide/s3-controls.html",
)
_DEFAULT_ENCRYPTION = Reference(
    title="Setting default server-side encryption behavior for Amazon S3 buckets",
    url=f"{_DOCS}/AmazonS3/latest/userguide/bucket-encryption.html",
)
_DEFAULT_ENCRYPTION_FAQ = Reference(
    title="Default encryption FAQ",
    url=f"{_DOCS}/AmazonS3/latest/userguide/default-encryption-faq.html",
)
_SSE_KMS = Reference(
    title="Using server-side encryption with AWS KMS keys (SSE-KMS)",
    url=f"{_DOCS}/AmazonS3/latest/userguide/UsingKMSEncryption.html",
)
_BUCKET_KEYS = Reference(
    title="Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys",
    url=f"{_DOCS}/AmazonS3/latest/userguide/bucket-key.html",
)
_PUT_BUCKET_ENCRYPTION = Reference(
    title="PutBucketEncryption",
    url=f"{_DOCS}/AmazonS3/latest/API/API_PutBucketEncryption.html",
)
_GET_BUCKET_ENCRYPTION = Reference(
    title="GetBucketEncryption",
    url=f"{_DOCS}/AmazonS3/latest/API/API_GetBucketEncryption.html",
)
_BLOCKING_SSE_C = Reference(
    title="Blocking or unblocking SSE-C for a general purpose bucket",
    url=f"{_DOCS}/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html",
)
_SSE_C_FAQ = Reference(
    title="Default SSE-C setting for new buckets FAQ",
    url=f"{_DOCS}/AmazonS3/latest/userguide/default-s3-c-encryption-setting-faq.html",
)
_S3_DENIED = Reference(
    title="Troubleshoot access denied (403 Forbidden) errors in Amazon S3",
    url=f"{_DOCS}/AmazonS3/latest/userguide/troubleshoot-403-errors.html",
)
_S3_ERRORS = Reference(
    title="Amazon S3 error responses",
    url=f"{_DOCS}/AmazonS3/latest/API/ErrorResponses.html",
)
_KEY_STATES = Reference(
    title="Key states of AWS KMS keys",
    url=f"{_DOCS}/kms/latest/developerguide/key-state.html",
)
_ENABLING_KEYS = Reference(
    title="Enable and disable keys",
    url=f"{_DOCS}/kms/latest/developerguide/enabling-keys.html",
)
_DELETING_KEYS = Reference(
    title="Delete an AWS KMS key",
    url=f"{_DOCS}/kms/latest/developerguide/deleting-keys.html",
)
_IMPORTED_MATERIAL = Reference(
    title="Importing key material for AWS KMS keys",
    url=f"{_DOCS}/kms/latest/developerguide/importing-keys.html",
)
_OTHER_ACCOUNTS = Reference(
    title="Allowing users in other accounts to use a KMS key",
    url=f"{_DOCS}/kms/latest/developerguide/key-policy-modifying-external-accounts.html",
)
_DESCRIBE_KEY = Reference(
    title="DescribeKey",
    url=f"{_DOCS}/kms/latest/APIReference/API_DescribeKey.html",
)

ENTRIES = (
    Entry(
        finding=Finding.NO_DEFAULT_ENCRYPTION,
        severity=Severity.MEDIUM,
        title="No default encryption configuration",
        meaning="The bucket has no default encryption configuration. This does not mean that its objects are "
        "unencrypted: Amazon S3 has encrypted every new object with SSE-S3 at least since January 2023.",
        why="Nothing in the bucket says which key its objects are to be encrypted with. Amazon S3 should not give "
        "this answer any more; a store that only speaks the same protocol may, and it may store plain text.",
        mend="Configure SSE-KMS with a customer managed key and a Bucket Key. Objects that are there already stay "
        "as they are until they are copied.",
        references=(_DEFAULT_ENCRYPTION, _DEFAULT_ENCRYPTION_FAQ, _S3_CONTROLS),
    ),
    Entry(
        finding=Finding.SSE_S3_ONLY,
        severity=Severity.MEDIUM,
        title="Encrypted with keys of S3, not of KMS",
        meaning="New objects are encrypted with keys that Amazon S3 owns and manages (AES256), unless the request "
        "that writes them asks for something else.",
        why="Such a key has no policy and no trail of its uses: whoever may read an object gets it decrypted. "
        "Security Hub control S3.17 asks for a KMS key.",
        mend="Configure SSE-KMS with a customer managed key and a Bucket Key, after everyone who uses the bucket "
        "may use that key. Objects that are there already stay under SSE-S3 until they are copied.",
        references=(_S3_CONTROLS, _SSE_KMS),
    ),
    Entry(
        finding=Finding.AWS_MANAGED_KEY,
        severity=Severity.LOW,
        title="Encrypted with a key that AWS manages",
        meaning="New objects are encrypted with an AWS managed KMS key, as a rule aws/s3. It is the key that S3 "
        "uses when the configuration names none.",
        why="The policy of an AWS managed key cannot be changed, so other accounts cannot be let in, and nobody can "
        "disable the key to close the data. Security Hub control S3.17 is content with it.",
        mend="Name a customer managed key of the bucket's region by its ARN.",
        references=(_SSE_KMS, _S3_CONTROLS),
    ),
    Entry(
        finding=Finding.BUCKET_KEY_OFF,
        severity=Severity.LOW,
        title="SSE-KMS without a Bucket Key",
        meaning="New objects are encrypted with SSE-KMS, and the Bucket Key is off or was never configured. "
        "It does not apply to SSE-S3, nor to DSSE-KMS, which has no Bucket Keys.",
        why="S3 calls KMS for every object that is written or read. That costs money and uses up the request quota "
        "of KMS; a Bucket Key can reduce the cost of these requests by up to 99 percent.",
        mend="Turn the Bucket Key on. Policies that match the encryption context by an object's ARN must name the "
        "bucket's ARN instead. Objects that are there already keep calling KMS until they are copied.",
        references=(_BUCKET_KEYS,),
    ),
    Entry(
        finding=Finding.KEY_DISABLED,
        severity=Severity.HIGH,
        title="The key is disabled",
        meaning="The KMS key that the bucket names is disabled.",
        why="New objects cannot be written with it, and objects encrypted under it cannot be read until it is "
        "enabled again.",
        mend="Enable the key, or configure another one. Objects that were encrypted under this key need it in any "
        "case.",
        references=(_ENABLING_KEYS, _KEY_STATES),
    ),
    Entry(
        finding=Finding.KEY_PENDING_DELETION,
        severity=Severity.CRITICAL,
        title="The key is about to be deleted",
        meaning="The KMS key that the bucket names is scheduled for deletion. A wide report holds the date; a "
        "multi-Region key that still has replicas has none yet.",
        why="The key cannot be used now, and once it is deleted, everything that was encrypted under it is "
        "unreadable for ever, unless it was one of several related multi-Region keys.",
        mend="Cancel the deletion before the date and enable the key, which cancelling leaves disabled. If it is "
        "meant to go, configure another key and copy the objects under it first.",
        references=(_DELETING_KEYS, _KEY_STATES),
    ),
    Entry(
        finding=Finding.KEY_UNUSABLE,
        severity=Severity.HIGH,
        title="The key cannot be used",
        meaning="The KMS key that the bucket names waits for its key material, its imported material has expired, "
        "its key store is disconnected, or it is still being created.",
        why="New objects cannot be written with it, and objects encrypted under it cannot be read until it can be "
        "used again.",
        mend="Import the same key material again (PendingImport, expired), or connect the key store (Unavailable); "
        "a key in the state Creating only needs time.",
        references=(_KEY_STATES, _IMPORTED_MATERIAL),
    ),
    Entry(
        finding=Finding.KEY_NOT_FOUND,
        severity=Severity.CRITICAL,
        title="The key does not exist",
        meaning="KMS does not know the key that the bucket names: it was deleted, or never existed there. S3 does "
        "not check the key when the configuration is written.",
        why="New objects cannot be written with the default encryption. If the key was deleted, everything that was "
        "encrypted under it is unreadable for ever.",
        mend="Configure a key of the bucket's region that exists. Where the bucket names an alias, it is enough to "
        "create the alias.",
        references=(_PUT_BUCKET_ENCRYPTION, _DELETING_KEYS),
    ),
    Entry(
        finding=Finding.KEY_IN_OTHER_REGION,
        severity=Severity.HIGH,
        title="The key is in another region",
        meaning="The KMS key that the bucket names belongs to another region. S3 does not check the key when the "
        "configuration is written.",
        why="S3 only uses keys of the bucket's own region, so new objects cannot be written with the default "
        "encryption.",
        mend="Configure a key of the bucket's region. A multi-Region key can be replicated there; the replica has "
        "an ARN of its own.",
        references=(_SSE_KMS, _PUT_BUCKET_ENCRYPTION),
    ),
    Entry(
        finding=Finding.KEY_IN_OTHER_ACCOUNT,
        severity=Severity.MEDIUM,
        title="The key belongs to another account",
        meaning="The KMS key that the bucket names belongs to another AWS account than the bucket's.",
        why="That account decides who may read the bucket's data, and can disable or delete the key. This may be "
        "meant (a central key account), a leftover, or the work of an intruder.",
        mend="If it is not meant, configure a key of the bucket's own account, and copy the objects under it while "
        "the other key can still be used.",
        references=(_OTHER_ACCOUNTS, _SSE_KMS),
    ),
    Entry(
        finding=Finding.KEY_BY_ALIAS,
        severity=Severity.LOW,
        title="The key is named by an alias",
        meaning="The bucket names its KMS key by an alias of your own instead of the key's ARN. KMS resolves an "
        "alias name in the account of whoever writes the object.",
        why="A writer of another account encrypts with a key of that account, or fails; and whoever may change the "
        "alias changes the key. What this report says of the key is true of the auditor's account.",
        mend="Name the key by its ARN.",
        references=(_DEFAULT_ENCRYPTION, _PUT_BUCKET_ENCRYPTION),
    ),
    Entry(
        finding=Finding.KEY_NOT_VERIFIED,
        severity=Severity.INFORMATIONAL,
        title="Unknown: the key could not be looked up",
        meaning="The bucket names a KMS key, and kms:DescribeKey was denied or failed. Who manages the key and "
        "whether it can be used is unknown.",
        why="An unknown is not a pass and not a failure: the key may be sound, disabled or somebody else's.",
        mend="Allow the auditor kms:DescribeKey in IAM and in the key's policy (s3audit iam-policy prints what it "
        "needs), or ask again if the call failed.",
        references=(_DESCRIBE_KEY, _OTHER_ACCOUNTS),
    ),
    Entry(
        finding=Finding.KEY_NOT_SYMMETRIC,
        severity=Severity.HIGH,
        title="The key is not a symmetric encryption key",
        meaning="The KMS key that the bucket names is an asymmetric or an HMAC key. S3 does not check the key when "
        "the configuration is written.",
        why="S3 supports symmetric encryption keys only, so new objects cannot be written with the default encryption.",
        mend="Configure a symmetric encryption key (key spec SYMMETRIC_DEFAULT) of the bucket's region.",
        references=(_SSE_KMS,),
    ),
    Entry(
        finding=Finding.SSE_C_NOT_BLOCKED,
        severity=Severity.MEDIUM,
        title="SSE-C is not blocked",
        meaning="The bucket's configuration does not block SSE-C, encryption with a key that the writer sends along: "
        "it allows it in as many words, or says nothing.",
        why="Whoever may write can lock objects away under a key that nobody else has, as extortionists have done. "
        "Since April 2026 AWS blocks SSE-C on new buckets by default, in nearly all regions.",
        mend="Block SSE-C, after making sure that no application writes with it. Objects that were written with it "
        "stay readable to those who have the key.",
        references=(_BLOCKING_SSE_C, _SSE_C_FAQ),
    ),
    Entry(
        finding=Finding.ENCRYPTION_UNREADABLE,
        severity=Severity.INFORMATIONAL,
        title="Unknown: the auditor was denied access",
        meaning="S3 denied the auditor s3:GetEncryptionConfiguration for this bucket. How the bucket is encrypted is "
        "unknown.",
        why="An unknown is not a pass and not a failure: the bucket can have any of the other findings.",
        mend="Allow the auditor s3:GetEncryptionConfiguration: s3audit iam-policy prints what it needs. A bucket "
        "policy, a service control policy or a region-deny control can deny it all the same.",
        references=(_GET_BUCKET_ENCRYPTION, _S3_DENIED),
    ),
    Entry(
        finding=Finding.BUCKET_NOT_AUDITED,
        severity=Severity.INFORMATIONAL,
        title="Unknown: the bucket could not be audited",
        meaning="S3 gave no usable answer about this bucket, and retries did not help. The row holds the error code.",
        why="An unknown is not a pass and not a failure: the bucket can have any of the other findings.",
        mend="Ask again for this bucket. An error code that comes back says what is wrong.",
        references=(_S3_ERRORS, _GET_BUCKET_ENCRYPTION),
    ),
)
