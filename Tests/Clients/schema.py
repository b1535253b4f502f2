"""Checks answers against OpenAI's published description, where the conformance folder is there."""
import functools
import json
import os
import pathlib

import jsonschema
import pytest
import referencing
import referencing.jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(os.environ.get("TOKENMILL_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
FILE = FOLDER / "openapi" / "openai_subset.json"
checked = {}


def nullable(node):
    """OpenAPI 3.0 says `nullable` where JSON Schema has a type of its own."""
    if isinstance(node, list):
        return [nullable(element) for element in node]
    if not isinstance(node, dict):
        return node
    node = {key: nullable(value) for key, value in node.items()}
    return {"anyOf": [node, {"type": "null"}]} if node.pop("nullable", False) is True else node


@functools.cache
def validator(name):
    document = nullable(json.loads(FILE.read_text()))
    resource = referencing.Resource(document, referencing.jsonschema.DRAFT202012)
    registry = referencing.Registry().with_resource("urn:openai", resource)
    return jsonschema.Draft202012Validator(
        {"$ref": f"urn:openai#/components/schemas/{name}"}, registry=registry)


def check(name, answer):
    """Fails with the first difference; without the file it checks nothing."""
    if not FILE.exists():
        return
    error = jsonschema.exceptions.best_match(validator(name).iter_errors(answer))
    assert error is None, f"{name}: {error.json_path}: {error.message}"
    checked[name] = checked.get(name, 0) + 1


def require():
    if not FILE.exists():
        pytest.skip(f"no published description at {FILE}")
