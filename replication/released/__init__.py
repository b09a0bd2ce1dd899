"""The networks that DCGAN's authors released."""
