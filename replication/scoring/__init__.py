"""From trained networks to rows of the table of measurements."""
