"""Measurements of s3audit, and the loopback stub of AWS that they and the tests run against."""
