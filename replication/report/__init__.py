"""The report: measurements joined, judged, drawn and rendered; every page comes from one context."""
