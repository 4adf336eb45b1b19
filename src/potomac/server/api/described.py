"""The description of the interface (OpenAPI 3.1): what django-ninja knows, the errors, and the engines' questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from pydantic.json_schema import models_json_schema

from potomac.engine import Endpoint, Engine
from potomac.server.api.access import anybody
from potomac.server.api.problems import CONTENT_TYPE, Problem
from potomac.server.api.ready import RESERVED
from potomac.server.api.tables import FORMATS
from potomac.spec import NAME
from potomac.studies import registry

__all__ = ["Described"]

PREFIX = "/api/v1"
REF = "#/components/schemas/"
SIMPLE = ("string", "number", "integer", "boolean")

ERRORS = {
    "400": "The request is malformed",
    "401": "Sign in, or send a token that is good",
    "403": "You may not do this",
    "404": "There is no such thing, or you may not see it",
    "409": "This does not fit what is there",
    "413": "The body is too large",
    "422": "The request, the study or the data is wrong",
    "429": "Too many requests, or a limit is reached; Retry-After says when to try again",
    "500": "A fault of the server",
}

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a text of your own for this request: sent again under it within a day, it gets the same answer "
    "and does nothing anew",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "a token made under /accounts/, ptm_..."},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "a browser's session"},
}

FILES = {
    "download_table": tuple(FORMATS.values()),
    "download_run_table": tuple(FORMATS.values()),
    "get_product_report": ("application/octet-stream",),
    "get_report": ("application/octet-stream",),
    "get_file": ("application/octet-stream",),
}


class Described(OpenAPISchema):
    """The description, with everything that ninja does not know."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        """One operation: who may call it, its errors and headers."""
        found: dict[str, Any] = super().operation_details(operation)
        post = "POST" in operation.methods
        found["security"] = _security(anybody in operation.auth_callbacks)
        found["responses"] = {str(status): one for status, one in found["responses"].items()} | _errors(
            ["409", "413"] if operation.methods != ["GET"] else ["409"] if "run" in str(operation.operation_id) else []
        )
        if operation.operation_id in FILES:
            found["responses"]["200"]["content"] = {kind: {"schema": BINARY} for kind in FILES[operation.operation_id]}
        if post:
            found["parameters"] = [*found.get("parameters", []), KEY]
        if operation.methods == ["GET"]:
            found["responses"]["304"] = {"description": "Not changed since the answer with that ETag"}
        return found

    def get_paths(self) -> dict[str, Any]:
        """All paths, the live questions of the engines included."""
        paths: dict[str, Any] = super().get_paths()
        self.schemas |= _schemas([(Problem, "serialization", "Problem")])
        for name, engines in _questions().items():
            paths[f"{PREFIX}/products/{{slug}}/{name}"] = self._question(name, engines)
        return paths

    def get_components(self) -> dict[str, Any]:
        """Schemas, and the two ways to say who one is."""
        return {"schemas": self.schemas, "securitySchemes": SCHEMES}

    def _question(self, name: str, engines: list[tuple[Engine, Endpoint]]) -> dict[str, Any]:
        asks = [self._model(engine, one, one.ask, "validation", "Ask") for engine, one in engines]
        replies = [self._model(engine, one, one.reply, "serialization", "Reply") for engine, one in engines]
        kinds = [engine.kind for engine, _ in engines]
        first = engines[0][1]
        examples = {engine.kind: {"value": dict(one.example)} for engine, one in engines if one.example}
        told = {
            "summary": first.title or name.replace("-", " ").capitalize(),
            "description": f"A live question to a product of the kind {' or '.join(kinds)}.",
            "tags": ["live questions"],
            "security": _security(optional=True),
            "responses": {
                "200": {"description": "The reply", "content": {"application/json": {"schema": _either(replies)}}},
                **_errors(["409", "413"]),
            },
        }
        body = {"required": True, "content": {"application/json": {"schema": _either(asks), "examples": examples}}}
        if not examples:
            del body["content"]["application/json"]["examples"]  # type: ignore[index]
        post = {**told, "operationId": f"ask_{name}", "parameters": [*_COMMON, KEY], "requestBody": body}
        found = {"post": post}
        query = _query([one for _, one in engines])
        if query is not None:
            found["get"] = {
                **told,
                "responses": {**told["responses"], "304": {"description": "Not changed"}},  # type: ignore[dict-item]
                "operationId": f"ask_{name}_by_address",
                "parameters": [*_COMMON, *query],
            }
        return found

    def _model(self, engine: Engine, endpoint: Endpoint, model: Any, mode: Any, what: str) -> dict[str, Any]:
        if model is None:
            return {"type": "object"}
        name = "".join(part.capitalize() for part in (*engine.kind.split("-"), *endpoint.name.split("-"), what))
        self.schemas |= _schemas([(model, mode, name)])
        return {"$ref": f"{REF}{name}"}


BINARY = {"type": "string", "format": "binary"}

_COMMON: list[dict[str, Any]] = [
    {"name": "slug", "in": "path", "required": True, "schema": {"type": "string", "pattern": NAME, "maxLength": 80}},
    {
        "name": "version", "in": "query", "required": False,
        "description": "number of the version; default the one that is shown",
        "schema": {"type": "integer", "minimum": 1, "maximum": 2_147_483_647},
    },
    {
        "name": "link", "in": "query", "required": False,
        "description": "secret part of the address of a product by link",
        "schema": {"type": "string", "maxLength": 60},
    },
]  # fmt: skip


def _questions() -> dict[str, list[tuple[Engine, Endpoint]]]:
    """The live questions of all engines by name."""
    found: dict[str, list[tuple[Engine, Endpoint]]] = {}
    for engine in registry.engines().values():
        for endpoint in engine.endpoints:
            if endpoint.name not in RESERVED:
                found.setdefault(endpoint.name, []).append((engine, endpoint))
    return dict(sorted(found.items()))


def _security(optional: bool) -> list[dict[str, Any]]:
    return [{"token": []}, {"session": []}, *([{}] if optional else [])]


def _errors(more: Iterable[str]) -> dict[str, Any]:
    problem = {"content": {CONTENT_TYPE: {"schema": {"$ref": f"{REF}Problem"}}}}
    codes = sorted({"400", "401", "403", "404", "422", "429", "500", *more})
    found: dict[str, Any] = {code: {"description": ERRORS[code], **problem} for code in codes}
    found["429"]["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}}
    found["401"]["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return found


def _schemas(models: Iterable[tuple[Any, Any, str]]) -> dict[str, Any]:
    """Schemas by name; what a model is made of is named after it, so that two engines may both have a Place."""
    found: dict[str, Any] = {}
    for model, mode, name in models:
        prefix = f"{name}." if name != "Problem" else ""
        _, schema = models_json_schema([(model, mode)], ref_template=f"{REF}{prefix}{{model}}")
        parts = {f"{prefix}{part}": one for part, one in schema.get("$defs", {}).items()}
        top = f"{prefix}{model.__name__}"
        found |= {part: one for part, one in parts.items() if part != top}
        found[name] = parts[top]
        if prefix and _mentions(found, f"{REF}{top}"):  # a model that holds itself
            found[top] = parts[top]
    return found


def _mentions(value: Any, reference: str) -> bool:
    if isinstance(value, Mapping):
        return value.get("$ref") == reference or any(_mentions(one, reference) for one in value.values())
    return isinstance(value, list) and any(_mentions(one, reference) for one in value)


def _either(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _query(endpoints: list[Endpoint]) -> list[dict[str, Any]] | None:
    """The values of a question as parts of an address; None where one is no simple value.

    Where several engines have a question of this name, each has its own values, and none but common ones is required.
    """
    schemas = [one.ask.model_json_schema() for one in endpoints]
    found: dict[str, list[dict[str, Any]]] = {}
    for schema in schemas:
        for name, one in schema.get("properties", {}).items():
            simple = _simple(one)
            if simple is None:
                return None
            if simple not in found.setdefault(name, []):
                found[name].append(simple)
    required = set.intersection(*({*schema.get("required", [])} for schema in schemas))
    return list(_parameters({name: _either(each) for name, each in found.items()}, required))


def _parameters(simple: Mapping[str, Any], required: Iterable[str]) -> Iterator[dict[str, Any]]:
    for name, one in simple.items():
        about = {"description": one["description"]} if "description" in one else {}
        yield {"name": name, "in": "query", "required": name in required, "schema": one, **about}


def _simple(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """A schema as an address has it, without null and without parts; None where the value has no such form."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") in SIMPLE]
    if len(options) != 1:
        return None
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default") or value is not None}
    kept.pop("anyOf", None)
    return {**kept, **options[0]}
