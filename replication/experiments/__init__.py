"""Experiments: rows of measurements without a training of a GAN."""
