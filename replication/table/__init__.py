"""The waist: one tidy table of measurements, its metrics and its archives."""
