"""Replicates the papers that made GANs work, and judges their claims."""
