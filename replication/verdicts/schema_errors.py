"""What a claim file has wrong against its JSON schema, as a place and a clause."""

from __future__ import annotations

from typing import Any

from jsonschema import ValidationError


def place_of(error: ValidationError, written: Any) -> str:
    """Where in the file: `claims[3].kind`, with the entry's own id where it has one."""
    place, node = "", written
    for part in error.absolute_path:
        node = node[part]
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
        if isinstance(part, int) and isinstance(node, dict) and isinstance(node.get("id"), str):
            place += f" ({node['id']})"
    return place.lstrip(".") or "the whole file"


def sentence_of(error: ValidationError) -> str:
    """The schema's complaint as a clause with the offending value and what is accepted."""
    value: Any = error.instance
    schema = error.schema
    rule: Any = error.validator_value
    if error.validator == "additionalProperties" and isinstance(schema, dict):
        accepted = list(schema["properties"])
        return f"unknown key {', '.join(sorted(set(value) - set(accepted)))}; accepted: {', '.join(accepted)}"
    if error.validator == "required":
        return f"key {', '.join(key for key in rule if key not in value)} is missing"
    if error.validator == "enum":
        return f"{value!r} is not accepted; accepted: {', '.join(rule)}"
    if error.validator == "type":
        return f"{value!r} is not of type {rule if isinstance(rule, str) else ' or '.join(rule)}"
    if error.validator == "pattern":
        return f"{value!r} does not match {rule}"
    return f"{value!r} breaks {error.validator} {rule}"
