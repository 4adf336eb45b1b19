"""The page that explains the interface: made on the server from the description, without any script."""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine

from potomac.server.api.described import REF
from potomac.server.api.finish import not_modified
from potomac.server.api.interface import description

__all__ = ["error", "page", "style"]

_HERE = Path(__file__).parent
_engine = Engine(dirs=[str(_HERE / "templates")], autoescape=True)

ORDER = ("live questions", "products", "sources", "studies", "runs")


def page(request: HttpRequest) -> HttpResponse:
    """All operations, with their values, examples and errors."""
    return _sent(request, _page(settings.CONFIG.public_url.rstrip("/")), "text/html; charset=utf-8")


@cache
def _page(address: str) -> bytes:
    told = description()
    found = _operations(told, address)
    groups = {tag: [one for one in found if one["tag"] == tag] for tag in ORDER}
    groups = {tag: operations for tag, operations in groups.items() if operations}
    return _rendered("docs.html", {"groups": groups, "address": address, "info": told["info"]})


def _rendered(name: str, context: dict[str, Any]) -> bytes:
    return _engine.get_template(name).render(Context(context)).encode()


def _operations(told: dict[str, Any], address: str) -> list[dict[str, Any]]:
    return [
        _operation(told, path, method.upper(), one, address)
        for path, methods in told["paths"].items()
        for method, one in methods.items()
    ]


def _operation(told: dict[str, Any], path: str, method: str, one: dict[str, Any], address: str) -> dict[str, Any]:
    body = next(iter(one.get("requestBody", {}).get("content", {}).items()), None)
    values = _values(told, body[1]["schema"]) if body else []
    parameters = [_value(told, p["name"], p["schema"] | _about(p), p["required"]) for p in one["parameters"]]
    reply: dict[str, Any] = next(
        (found for code, found in one["responses"].items() if code in ("200", "201", "204")), {}
    )
    content: tuple[str, dict[str, Any]] = next(iter(reply.get("content", {}).items()), ("", {}))
    return {
        "id": one["operationId"], "method": method, "path": path, "tag": one["tags"][0], "summary": one["summary"],
        "description": one.get("description", ""), "parameters": parameters, "body": body and body[0], "values": values,
        "reply": _values(told, content[1].get("schema", {})), "reply_type": content[0],
        "open": {} in one["security"], "example": _example(method, path, body, address, {} in one["security"]),
        "statuses": [(code, found["description"]) for code, found in sorted(one["responses"].items())],
    }  # fmt: skip


def _values(told: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    schema = _resolved(told, schema)
    options = schema.get("anyOf")
    if options and "properties" not in schema:
        return [value for one in options for value in _values(told, one)]
    required = schema.get("required", ())
    found = schema.get("properties", {}).items()
    return [_value(told, name, one, name in required) for name, one in found]


def _about(told: dict[str, Any]) -> dict[str, Any]:
    return {"description": told["description"]} if "description" in told else {}


def _value(told: dict[str, Any], name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    return {"name": name, "type": _type(told, schema), "required": required, "about": schema.get("description", "")}


def _resolved(told: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix(REF)
    return dict(told["components"]["schemas"][name]) if name else schema


def _type(told: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _type(told, _resolved(told, schema))
    if "anyOf" in schema:
        return " or ".join(_type(told, one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(told, schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f" from {low}" * (low is not None) + f" to {high}" * (high is not None)
    return f"{schema.get('type', 'any value')}{bounds}"


def _example(method: str, path: str, body: Any, address: str, public: bool) -> str:
    """The operation as a command of curl."""
    words = ["curl"]
    if method != "GET":
        words.append(f"-X {method}")
    if not public:
        words.append('-H "Authorization: Bearer $POTOMAC_TOKEN"')
    if body and body[0].startswith("multipart"):
        words.append("-F file=@positions.parquet")
    elif body:
        examples = body[1].get("examples", {})
        value = next(iter(examples.values()))["value"] if examples else {}
        words += ['-H "Content-Type: application/json"', f"-d '{json.dumps(value)}'"]
    return " ".join([*words, f"{address}{path}"])


def style(request: HttpRequest) -> HttpResponse:
    """The look of these pages."""
    return _sent(request, (_HERE / "static" / "docs.css").read_bytes(), "text/css; charset=utf-8")


def error(request: HttpRequest, code: str) -> HttpResponse:
    """What a code of an error means, and what to do about it."""
    known = _errors().get(code)
    body = _rendered("error.html", {"code": code, "known": known})
    return _sent(request, body, "text/html; charset=utf-8", 200 if known else 404)


@cache
def _errors() -> dict[str, dict[str, str]]:
    """The errors as the reference explains them: packaged beside this file, in a checkout under docs/."""
    packaged = Path(str(files("potomac.server.api"))) / "errors.toml"
    beside = _HERE.parents[3] / "docs" / "reference" / "errors.toml"
    for file in (packaged, beside):
        if file.is_file():
            return tomllib.loads(file.read_text(encoding="utf-8"))
    return {}


def _sent(request: HttpRequest, body: bytes, kind: str, status: int = 200) -> HttpResponse:
    tag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    if request.headers.get("If-None-Match") == tag:
        return not_modified({"ETag": tag})
    return HttpResponse(body, status=status, content_type=kind, headers={"ETag": tag, "Cache-Control": "no-cache"})
