"""The only importer of aioboto3, aiobotocore and botocore: everything that speaks to AWS."""
