"""Intervals, exact tests and the rule that words follow from."""
