"""The site builds without network, asks no other host for anything, and its links hold."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Page(HTMLParser):
    """What a page loads, where it links to, and which places it has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag."""
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if given.get(LOADED.get(tag, "")) and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(given[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The site, built as ``make docs`` does, with every way into the network blocked."""
    folder = tmp_path_factory.mktemp("site")
    blocked = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **blocked}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.resolve(): Page(path) for path in folder.rglob("*.html")}


def test_nothing_is_loaded_from_another_host(site: dict[Path, Page]) -> None:
    assert len(site) > 100
    for path, page in site.items():
        assert page.loads
        assert [address for address in page.loads if re.match(r"(https?:)?//", address)] == [], path
    (folder,) = {path.parent for path in site if path.name == "404.html"}
    for style in folder.rglob("*.css"):
        assert re.findall(r"url\([\"']?(?:https?:)?//", style.read_text(encoding="utf-8")) == [], style


def test_links_hold(site: dict[Path, Page]) -> None:
    for path, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or path.name == "404.html":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (path, link)
            if parts.fragment and target in site:
                assert unquote(parts.fragment) in site[target].ids | {"__top"}, (path, link)


def test_no_formula_is_left_as_source(site: dict[Path, Page]) -> None:
    """The site has no script that would set TeX."""
    for path in (ROOT / "docs").rglob("*.md"):
        assert not re.search(r"\\[(\[]|\$\$|\\frac", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    "name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "changes.d/README.md"]
)
def test_links_of_pages_outside_the_site_hold(name: str) -> None:
    page = ROOT / name
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), (name, link)


SEARCH = """(async () => {
  const field = document.querySelector("input[name=query]")
  field.focus()
  field.value = "prevalence"
  for (const kind of ["input", "keyup"]) field.dispatchEvent(new Event(kind, { bubbles: true }))
  const found = () => [...document.querySelectorAll(".md-search-result__item h1, .md-search-result__item h2")]
  while (!found().length) await new Promise((done) => setTimeout(done, 50))
  return found().map((heading) => heading.textContent)
})()"""


@pytest.mark.browser
def test_the_site_works_as_plain_files(site: dict[Path, Page], chromium: str, tmp_path: Path) -> None:
    """Opened from disk, searched, in a real browser: no complaint, and nothing asked of a network."""
    spec = importlib.util.spec_from_file_location("browser", ROOT / "tests" / "browser.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = next(path for path in site if path.name == "index.html" and path.parent.name != "errors")
    with module.Browser(chromium, tmp_path) as browser:
        page = browser.page()
        page.open(start.as_uri())
        assert "Odds and prevalence" in page.evaluate(SEARCH)
        assert page.complaints == []
        assert [address for address in page.requests if not address.startswith("file:")] == []
