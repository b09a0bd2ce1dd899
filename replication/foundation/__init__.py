"""What everything stands on: files that appear whole, errors, provenance, random streams, threads."""
