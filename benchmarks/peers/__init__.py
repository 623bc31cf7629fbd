"""Peers: other tools that tell how buckets are encrypted, run as anybody would, and what they say."""
