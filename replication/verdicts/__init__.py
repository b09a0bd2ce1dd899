"""What the papers claim, and what the measurements say of it."""
