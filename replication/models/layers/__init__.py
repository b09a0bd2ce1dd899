"""Layers that the networks of two papers or more are made of."""
