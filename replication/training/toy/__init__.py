"""Compiled trainings of toy games."""
