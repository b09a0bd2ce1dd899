"""Metrics, each a pure function of arrays, and what the suite knows about every metric it reports."""
