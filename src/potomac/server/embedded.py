"""One product inside somebody's own WSGI application (Flask, Pyramid, a plain function), under a prefix.

    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from potomac.server import embedded

    app = Flask(__name__)
    strait = embedded.product("https://potomac.example.org", "strait", token="ptm_...")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/strait": strait})

The product is either one of a server, asked over HTTP, or lies in a home (``POTOMAC_HOME``) on this machine, and is
answered in this process without a server. Only that product is reachable: its page, its report, its facts and
tables, and its live questions. What is sent is what a visitor of the product would get, in the name of whoever
mounted it; ``sign_in`` says who may.
"""

from __future__ import annotations

import html
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from potomac.errors import Fault, StudyError
from potomac.spec import NAME

if TYPE_CHECKING:
    from potomac.server.flows.base import Actor

__all__ = ["ACTOR", "SignIn", "product"]

ACTOR = "potomac.actor"
"""Key of a WSGI environment under which this process names who asks. No request from outside can set it."""

Environ = Mapping[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
SignIn = Callable[[Environ], "bool | str"]
"""Whether (or as whom) the request of this WSGI environment has signed in with the application around."""

LARGEST = 2**20
"""Bytes of a question, at most."""

_OPEN = re.compile(r"facts|tables(/[\w.-]+(/rows/\d+|/download/(parquet|csv|arrow))?)?|[a-z0-9]+(-[a-z0-9]+)*")
_CLOSED = ("default", "link", "versions")

_SENT = ("content-type", "etag", "link", "content-disposition", "cache-control", "retry-after")
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; font-src data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; sandbox allow-scripts allow-downloads"
)


_HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Answer:
    """Status, headers and body, whoever gave them."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Back(Protocol):
    """Where the product is."""

    def api(self, method: str, path: str, query: str, body: bytes, etag: str) -> Answer:
        """What lies below ``/api/v1/products/<slug>/``."""

    def report(self) -> Answer:
        """The product's report, one HTML file."""


def product(
    where: str | Path, slug: str, *, token: str = "", link: str = "", sign_in: SignIn | None = None
) -> Application:
    """A WSGI application that serves one product.

    Args:
        where: address of a server (``https://...``), or a home on this machine.
        slug: the product's.
        token: for a server's product that is not public: one that may read and ask, and belongs to its owner.
        link: the secret part of the address of a product by link.
        sign_in: called with each request's environment; False (or an empty name) is answered with 401. Without it
            whoever reaches the application reaches the product.

    Raises:
        StudyError: the slug cannot be one, or there is no such home.
    """
    if not re.fullmatch(NAME, slug):
        found = f'the slug is "{slug}"'
        raise StudyError(
            Fault("product.slug", found, "small letters, digits and single hyphens, at most 80", key="slug")
        )
    remote = urlsplit(str(where)).scheme in ("http", "https")
    back: Back = _Server(str(where).rstrip("/"), slug, token, link) if remote else _Home(Path(where), slug, link)
    return _Application(back, slug, sign_in)


# ---- the application ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Application:
    back: Back
    slug: str
    sign_in: SignIn | None

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        reason = HTTPStatus(answer.status).phrase
        headers = {"X-Content-Type-Options": "nosniff", **answer.headers}
        if answer.status in (204, 304):
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        else:
            headers["Content-Length"] = str(len(answer.body))
        start(f"{answer.status} {reason}", list(headers.items()))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        if self.sign_in is not None and not self.sign_in(environ):
            return _problem(401, "Sign in first")
        path, method = environ.get("PATH_INFO", "").lstrip("/"), environ["REQUEST_METHOD"]
        if path == "":
            return self._page(environ) if method in ("GET", "HEAD") else _problem(405, "Here go GET, HEAD")
        if path == "report" and method in ("GET", "HEAD"):
            return self.back.report()
        if not _OPEN.fullmatch(path) or path.split("/")[0] in _CLOSED:
            return _problem(404, "There is no such thing")
        return self._asked(environ, method, path)

    def _asked(self, environ: dict[str, Any], method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD", "POST"):
            return _problem(405, "Here go GET, HEAD, POST")
        body = _body(environ) if method == "POST" else b""
        if body is None:
            return _problem(413, f"A question has at most {LARGEST} bytes")
        query, etag = environ.get("QUERY_STRING", ""), environ.get("HTTP_IF_NONE_MATCH", "")
        return self.back.api("GET" if method == "HEAD" else method, path, query, body, etag)

    def _page(self, environ: dict[str, Any]) -> Answer:
        """A page that shows the report, and names where programs ask."""
        base = quote(environ.get("SCRIPT_NAME", "")) + "/"
        told = self.back.api("GET", "", "", b"", "")
        if told.status != 200:
            return told
        product = json.loads(told.body)
        values = {"title": product["title"], "answer": product["answer"], "base": base}
        escaped = {name: html.escape(value) for name, value in values.items()}
        text = _PAGE.format(questions="".join(_questions(product, base)), **escaped)
        headers = {**_HTML, "Content-Security-Policy": _FRAME, "Cache-Control": "no-store"}
        return Answer(200, headers, text.encode())


_FRAME = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'self'"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1b2733; background: #fbfaf7; }}
header {{ padding: 8px 16px; }}
iframe {{ border: 0; width: 100%; height: 85vh; }}
code {{ overflow-wrap: anywhere; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e8e6e1; background: #12181f; }} a {{ color: #6cb6d0; }} }}
</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{answer}</p>
{questions}
</header>
<main><iframe src="{base}report" title="Report: {title}"></iframe></main>
</body>
</html>
"""


def _questions(product: Mapping[str, Any], base: str) -> Iterator[str]:
    """A line for each live question: a link with its example, which shows the reply."""
    for one in product["endpoints"]:
        query = "&".join(f"{quote(str(name))}={quote(str(value))}" for name, value in one["example"].items())
        address = html.escape(f"{base}{one['name']}?{query}")
        yield f'<p><a href="{address}">{html.escape(one["title"] or one["name"])}</a> <code>{address}</code></p>'


def _body(environ: Mapping[str, Any]) -> bytes | None:
    try:
        size = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        size = 0
    return bytes(environ["wsgi.input"].read(size)) if size <= LARGEST else None


def _problem(status: int, detail: str) -> Answer:
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return Answer(status, headers, json.dumps(told).encode())


# ---- over HTTP ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Server:
    url: str
    slug: str
    token: str
    link: str

    def api(self, method: str, path: str, query: str, body: bytes, etag: str) -> Answer:
        address = f"{self.url}/api/v1/products/{self.slug}{'/' * bool(path)}{quote(path)}"
        query = "&".join(part for part in (query, f"link={quote(self.link)}" if self.link else "") if part)
        headers = {"Content-Type": "application/json"} if method == "POST" else {}
        headers |= {"If-None-Match": etag} if etag else {}
        return self._sent(Request(f"{address}?{query}" if query else address, body or None, headers, method=method))  # noqa: S310

    def report(self) -> Answer:
        found = self.api("GET", "report", "", b"", "")
        return (
            Answer(found.status, {**_HTML, "Content-Security-Policy": _POLICY}, found.body)
            if found.status == 200
            else found
        )

    def _sent(self, request: Request) -> Answer:
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with build_opener(_Stay).open(request, timeout=60) as found:
                return Answer(found.status, _kept(found.headers), found.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, _kept(error.headers), error.read())
        except (URLError, OSError):
            return _problem(502, "The server of this product does not answer")


class _Stay(HTTPRedirectHandler):
    """The token is for that server and no other."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        """Nowhere."""


def _kept(headers: Any) -> dict[str, str]:
    return {name: headers[name] for name in headers if name.lower() in _SENT}


# ---- in this process ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Home:
    """Whoever can read the home may show what is in it: the product is taken as its owner would see it."""

    home: Path
    slug: str
    link: str

    def __post_init__(self) -> None:
        if not self.home.is_dir():
            raise StudyError(
                Fault("server.home", "there is no such home", "", "Give the POTOMAC_HOME of the server", str(self.home))
            )
        os.environ.setdefault("POTOMAC_HOME", str(self.home.absolute()))
        from potomac.server.setup import prepare

        prepare()

    def api(self, method: str, path: str, query: str, body: bytes, etag: str) -> Answer:
        sent = {"REQUEST_METHOD": method, "QUERY_STRING": query, "wsgi.input": io.BytesIO(body)}
        sent |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json"} if method == "POST" else {}
        sent |= {"HTTP_IF_NONE_MATCH": etag} if etag else {}
        owner = self._owner()
        if owner is None:
            return _problem(404, "There is no such product")
        return _called({**sent, "PATH_INFO": f"/api/v1/products/{self.slug}{'/' * bool(path)}{path}", ACTOR: owner})

    def report(self) -> Answer:
        from potomac.server.flows import products

        owner = self._owner()
        if owner is None:
            return _problem(404, "There is no such product")
        run = products.run_of(products.version(products.get(owner, self.slug)))
        headers = {**_HTML, "Content-Security-Policy": _POLICY}
        return Answer(200, headers, run.report.read_bytes())

    def _owner(self) -> Actor | None:
        from potomac.server.catalog.models import Product
        from potomac.server.flows.base import Actor

        found = Product.objects.select_related("owner").filter(slug=self.slug).first()
        return Actor(user=found.owner, scopes=frozenset({"read", "ask"})) if found else None


def _called(sent: dict[str, Any]) -> Answer:
    """Ask the server's application in this process."""
    told: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        told.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

    found = _application()(_BARE | {"wsgi.errors": sys.stderr} | sent, start)
    try:
        body = b"".join(found)
    finally:
        found.close()
    return Answer(told["status"], _kept(told["headers"]), body)


_BARE = {
    "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "443", "HTTP_HOST": "localhost",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "https", "wsgi.multithread": True,
    "wsgi.multiprocess": True, "wsgi.run_once": False,
}  # fmt: skip


@cache
def _application() -> Any:
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()
