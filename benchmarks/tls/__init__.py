"""AWS's host names on the loopback interface: a certificate authority, and a proxy that speaks TLS before the stub."""
