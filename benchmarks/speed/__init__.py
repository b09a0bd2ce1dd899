"""Throughput of what takes longest, ours beside a public implementation on the same data in the same run."""
