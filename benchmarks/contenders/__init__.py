"""The contenders: programs that audit the same account in different ways, and the course that they run."""
