"""A client of a Potomac server: upload, check, run, publish and ask from Python, by the standard library alone.

    from potomac.client import Client

    server = Client("https://potomac.example.org", token="ptm_...")
    server.upload("positions.parquet")
    run = server.run("study.toml")
    server.publish(run, as_="strait")
    server.product("strait").ask("score", latitude=57.0, longitude=11.0)

What the server refuses comes back as the error that the same thing raises at home: :class:`StudyError`,
:class:`DataError` or :class:`NoAnswer` with the same codes; what only a server can say (sign in, gone, too many
requests) as :class:`ServerError`.
"""

from __future__ import annotations

import io
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from potomac.errors import DataError, Fault, Interrupted, NoAnswer, PotomacError, StudyError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Client", "Product", "Run", "ServerError", "Source", "Version"]

TRIES = 4
"""How often a request is sent where the server is busy or the line breaks."""

Visibility = Literal["private", "link", "public"]


class ServerError(PotomacError):
    """What the server could not or would not do. ``status`` is HTTP's; 0 where there was no answer."""

    exit_code = 1

    def __init__(self, faults: Any, status: int = 0) -> None:
        super().__init__(faults)
        self.status = status

    def __reduce__(self) -> tuple[type[PotomacError], Any]:
        return type(self), (self.faults, self.status)


@dataclass(frozen=True)
class _Told:
    """Something that the server told."""

    client: Client = field(repr=False, compare=False)
    told: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Source(_Told):
    """A table on the server that studies may name."""

    @property
    def id(self) -> str:
        """Its identifier."""
        return str(self.told["id"])

    @property
    def name(self) -> str:
        """Its name, as a study writes it."""
        return str(self.told["name"])

    @property
    def state(self) -> str:
        """``checking``, ``ready`` or ``refused``."""
        return str(self.told["state"])

    @property
    def rows(self) -> int | None:
        """Its rows, where they are known."""
        return self.told["rows"]  # type: ignore[no-any-return]

    @property
    def preview(self) -> Mapping[str, Any]:
        """Columns, first rows and notes."""
        return dict(self.told.get("preview", {}))

    def wait(self, timeout: float = 300) -> Source:
        """The source when it has been looked at.

        Raises:
            DataError: it was refused.
            ServerError: it took too long.
        """
        done: Source = _until(lambda: self.client.source(self.id), lambda one: one.state != "checking", timeout)
        if done.state == "refused":
            raise DataError(
                Fault("data.refused", f"the server has refused the table: {done.told['reason']}", key=done.name)
            )
        return done

    def delete(self) -> None:
        """Take it away."""
        self.client.call("DELETE", f"sources/{self.id}")


@dataclass(frozen=True)
class _Tables(_Told):
    """What has facts and tables."""

    @property
    def _at(self) -> str:
        raise NotImplementedError

    @property
    def facts(self) -> dict[str, Any]:
        """Values of the facts by name."""
        return {one["name"]: one["value"] for one in self.client.call("GET", f"{self._at}/facts", self._query)["items"]}

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(one["name"] for one in self.client.call("GET", f"{self._at}/tables", self._query)["items"])

    @property
    def _query(self) -> dict[str, Any]:
        return {}

    def table(self, name: str) -> pa.Table:
        """A table, whole."""
        import pyarrow.parquet as pq

        path = f"{self._at}/tables/{quote(name, safe='')}/download/parquet"
        return pq.read_table(io.BytesIO(self.client.fetch(path, self._query)))

    def rows(self, name: str, *, offset: int = 0, limit: int = 100, sort: str = "") -> list[dict[str, Any]]:
        """Rows of a table; ``sort="-score"`` has the highest first."""
        query = {**self._query, "offset": offset, "limit": limit, **({"sort": sort} if sort else {})}
        return list(self.client.call("GET", f"{self._at}/tables/{quote(name, safe='')}", query)["rows"])


@dataclass(frozen=True)
class Run(_Tables):
    """A run on the server."""

    @property
    def id(self) -> str:
        """Its identifier."""
        return str(self.told["id"])

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""
        return str(self.told["state"])

    @property
    def answer(self) -> str:
        """The sentence that answers the question; empty until it is done."""
        return str(self.told["answer"])

    @property
    def progress(self) -> tuple[str, float, float | None]:
        """What is being done, how much of it is done, of how much."""
        one = self.told["progress"]
        return one["what"], one["done"], one["total"]

    @property
    def _at(self) -> str:
        return f"runs/{self.id}"

    def again(self) -> Run:
        """The run as it is now."""
        return Run(self.client, self.client.call("GET", self._at))

    def wait(self, timeout: float = 3600, progress: Callable[[str, float, float | None], None] | None = None) -> Run:
        """The run when it has ended; ``progress`` hears how far it is.

        Raises:
            StudyError, DataError, NoAnswer: it failed; the faults are those that it would raise here.
            Interrupted: it was cancelled.
            ServerError: it took too long, or failed for a reason of the server's.
        """

        def ended(one: Run) -> bool:
            if progress:
                progress(*one.progress)
            return one.state not in ("queued", "running")

        done: Run = _until(self.again, ended, timeout)
        if done.state == "cancelled":
            raise Interrupted(Fault("run.interrupted", "the run was cancelled", "", "Run the study again"))
        if done.state == "failed":
            raise _error(500, [Fault(**one) for one in done.told["faults"]], "The run failed")
        return done

    def report(self, file: str | Path) -> Path:
        """Write the report to a new file."""
        path = Path(file)
        with path.open("xb") as stream:
            stream.write(self.client.fetch(f"{self._at}/report"))
        return path

    def cancel(self) -> Run:
        """Stop it."""
        return Run(self.client, self.client.call("POST", f"{self._at}/cancel"))

    def delete(self) -> None:
        """Take it away with all its files."""
        self.client.call("DELETE", self._at)


@dataclass(frozen=True)
class Version:
    """A version of a product."""

    slug: str
    number: int


@dataclass(frozen=True)
class Product(_Tables):
    """A published run."""

    version: int | None = None
    link: str = field(default="", repr=False)

    @property
    def slug(self) -> str:
        """Its address."""
        return str(self.told["slug"])

    @property
    def answer(self) -> str:
        """The sentence that answers the question."""
        return str(self.told["answer"])

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The live questions that it answers."""
        return tuple(one["name"] for one in self.told["endpoints"])

    @property
    def _at(self) -> str:
        return f"products/{self.slug}"

    @property
    def _query(self) -> dict[str, Any]:
        version = {} if self.version is None else {"version": self.version}
        return version | ({"link": self.link} if self.link else {})

    def ask(self, endpoint: str, /, **values: Any) -> dict[str, Any]:
        """The reply to a live question.

        Raises:
            StudyError: a value is wrong.
            NoAnswer: it cannot be answered.
        """
        path = f"{self._at}/{quote(endpoint, safe='')}"
        return dict(self.client.call("POST", path, self._query, values, again=True))

    def change(self, *, title: str | None = None, visibility: Visibility | None = None) -> Product:
        """Another title, or other people who may see it."""
        given = {"title": title, "visibility": visibility}
        body = {name: value for name, value in given.items() if value is not None}
        return Product(self.client, self.client.call("PATCH", self._at, body=body))

    def set_default(self, number: int) -> Product:
        """Show another version."""
        return Product(self.client, self.client.call("PUT", f"{self._at}/default", body={"number": number}))

    def delete(self) -> None:
        """Take it back with all its versions."""
        self.client.call("DELETE", self._at)


class Client:
    """A server, and who one is there.

    Args:
        url: its address, ``https://potomac.example.org``.
        token: made under /accounts/; without one, public products are read and asked.
        timeout: seconds that one request may take.
    """

    def __init__(self, url: str, token: str = "", *, timeout: float = 60) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            found = f'the address is "{url}"'
            raise StudyError(Fault("client.url", found, "expected one that begins with https:// or http://"))
        self.url, self.timeout = url.rstrip("/"), timeout
        self._token = token
        self._opener = _opener()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    # What one does ------------------------------------------------------------------------------------------------

    def upload(self, file: str | Path, name: str = "", *, wait: bool = True) -> Source:
        """Upload a table; studies name it by its name.

        Raises:
            DataError: there is no such file, or the server refuses it.
        """
        path = Path(file)
        try:
            size = path.stat().st_size
            with path.open("rb") as stream:
                told = self._send_file(stream, size, name or path.name)
        except OSError as error:
            found = f"the file cannot be read: {(error.strerror or '').lower()}"
            raise DataError(Fault("data.unreadable", found, "", "", str(path))) from error
        source = Source(self, told)
        return source.wait() if wait else source

    def source(self, id: str) -> Source:
        """A source by its identifier."""
        return Source(self, self.call("GET", f"sources/{quote(id, safe='')}"))

    def sources(self) -> Iterator[Source]:
        """Your sources, newest first."""
        return (Source(self, one) for one in self._all("sources"))

    def check(self, study: str | Path) -> tuple[Fault, ...]:
        """All that is wrong with a study, given as a file or as its text; nothing is run."""
        told = self.call("POST", "studies/check", body={"text": _text(study)}, again=True)
        return tuple(Fault(**one) for one in told["faults"])

    def run(
        self,
        study: str | Path,
        *,
        wait: bool = True,
        timeout: float = 3600,
        progress: Callable[[str, float, float | None], None] | None = None,
    ) -> Run:
        """Run a study, given as a file or as its text.

        Raises:
            StudyError, DataError, NoAnswer: as it would here.
        """
        run = Run(self, self.call("POST", "runs", body={"text": _text(study)}, again=True))
        return run.wait(timeout, progress) if wait else run

    def runs(self, **filters: str) -> Iterator[Run]:
        """Your runs, newest first; ``state``, ``kind`` and ``name`` filter."""
        return (Run(self, one) for one in self._all("runs", filters))

    def publish(
        self, run: Run | str, *, as_: str, title: str = "", visibility: Visibility = "private", note: str = ""
    ) -> Version:
        """Publish a finished run: a new slug makes a product, an own one a new version of it."""
        id = run.id if isinstance(run, Run) else run
        body = {"run": id, "slug": as_, "title": title, "visibility": visibility, "note": note}
        told = self.call("POST", "products", body=body, again=True)
        return Version(told["slug"], told["number"])

    def product(self, slug: str, *, version: int | None = None, link: str = "") -> Product:
        """A product; one by link needs the secret part of its address."""
        told = self.call("GET", f"products/{quote(slug, safe='')}", {"link": link} if link else {})
        return Product(self, told, version, link)

    def products(self) -> Iterator[Product]:
        """The products that you may see."""
        return (Product(self, one) for one in self._all("products"))

    # How it is done -----------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        again: bool = False,
    ) -> Any:
        """One request below /api/v1/: the JSON of the answer; None where it has none.

        ``again`` says that a POST may be sent again where no answer came: it goes under an idempotency key.

        Raises:
            PotomacError: what the server says is wrong.
        """
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if again:
            headers["Idempotency-Key"] = secrets.token_hex(16)
        data = None if body is None else json.dumps(body).encode()
        safe = again or method in ("GET", "PUT", "DELETE")
        answer = self._sent(method, path, query, data, headers, tries=TRIES if safe else 1)
        return json.loads(answer) if answer else None

    def fetch(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """The bytes of a file below /api/v1/."""
        return self._sent("GET", path, query, None, {}, tries=TRIES)

    def _all(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Any]:
        offset, total = 0, 1
        while offset < total:
            page = self.call("GET", path, {**(query or {}), "limit": 200, "offset": offset})
            yield from page["items"]
            offset, total = offset + 200, page["total"]

    def _send_file(self, stream: IO[bytes], size: int, name: str) -> Any:
        """A form with one file, sent as it is read: it never lies in memory whole."""
        mark = secrets.token_hex(16)
        plain = name.replace('"', "'").replace("\r", " ").replace("\n", " ")
        disposition = f'form-data; name="file"; filename="{plain}"'
        head = f"--{mark}\r\nContent-Disposition: {disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
        before, after = head.encode("utf-8", "replace"), f"\r\n--{mark}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={mark}",
            "Content-Length": str(len(before) + size + len(after)),
        }
        parts = (part for source in ([before], _parts(stream), [after]) for part in source)
        return json.loads(self._sent("POST", "sources", None, parts, headers, tries=1))

    def _sent(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        data: Any,
        headers: Mapping[str, str],
        *,
        tries: int,
    ) -> bytes:
        address = f"{self.url}/api/v1/{path}" + (f"?{urlencode(query)}" if query else "")
        request = Request(address, data=data, headers={**self._headers(), **headers}, method=method)  # noqa: S310
        for left in range(tries - 1, -1, -1):
            try:
                answer: HTTPResponse
                with self._opener.open(request, timeout=self.timeout) as answer:
                    return answer.read()
            except HTTPError as error:
                with error:
                    body = error.read()
                if not (left and error.code in (429, 502, 503, 504)):
                    raise _refused(error.code, body) from None
                time.sleep(_pause(error.headers.get("Retry-After"), tries - left))
            except (OSError, HTTPException) as error:
                if not left:
                    raise _unreachable(self.url, error) from error
                time.sleep(_pause(None, tries - left))
        raise AssertionError

    def _headers(self) -> dict[str, str]:
        token = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {"Accept": "application/json", "User-Agent": "potomac", **token}


class _Stay(HTTPRedirectHandler):
    """A token is sent to the server that it is for, and to no other."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        """Nowhere."""


def _opener() -> OpenerDirector:
    return build_opener(_Stay)


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    while part := stream.read(2**20):
        yield part


def _pause(told: str | None, tried: int) -> float:
    return min(float(told), 60.0) if told and told.isdecimal() else 0.2 * 2.0**tried


def _text(study: str | Path) -> str:
    """The text of a study that is given as a path, or as the text itself (which has more than one line)."""
    if isinstance(study, str) and "\n" in study:
        return study
    try:
        return Path(study).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = (getattr(error, "strerror", None) or "it is not UTF-8 text").lower()
        raise StudyError(
            Fault("study.file-unreadable", f"the study cannot be read: {said}", "", "", str(study))
        ) from error


def _until(ask: Callable[[], Any], good: Callable[[Any], bool], timeout: float) -> Any:
    """What ``ask`` gives once it is ``good``; asked often at first, then once in two seconds."""
    end, pause = time.monotonic() + timeout, 0.1
    while not good(found := ask()):
        if time.monotonic() > end:
            waits = f"it took longer than {timeout:g} s"
            raise ServerError(Fault("client.timeout", waits, "", "Wait longer; the server goes on with it"))
        time.sleep(pause)
        pause = min(2.0, pause * 1.5)
    return found


def _refused(status: int, body: bytes) -> PotomacError:
    """The error that a problem is."""
    try:
        told = json.loads(body)
        faults = [Fault(**one) for one in told.get("faults") or ()]
        return _error(status, faults, str(told["detail"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return _error(status, [], f"the server answered with status {status}")


def _error(status: int, faults: list[Fault], detail: str) -> PotomacError:
    """Codes tell whose fault it is: ``data....``, ``run....``, or the study's."""
    if not faults:
        return ServerError(Fault("client.refused", detail), status)
    part = faults[0].code.partition(".")[0]
    if part == "data":
        return DataError(faults)
    return NoAnswer(faults) if part == "run" else StudyError(faults)


def _unreachable(url: str, error: Exception) -> ServerError:
    reason = error.reason if isinstance(error, URLError) else error
    said = getattr(reason, "strerror", None) or str(reason)
    return ServerError(
        Fault("client.unreachable", f"{url} does not answer: {said}", "", "Is the server running there?")
    )
