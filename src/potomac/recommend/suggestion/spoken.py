"""Text as people type it: words without case, accents, points and signs, so that what sounds alike is alike."""

from __future__ import annotations

import re
from unicodedata import normalize

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["LONGEST", "WORDS", "folded", "tokens", "words_of"]

WORDS, LONGEST = 32, 32
"""Words of a text, and letters of a word, that count."""

_CHUNK = 20_000
"""Texts that are folded as one string: Python's own loops over letters are fast, those over strings are not."""

_UNSEEN = re.compile(
    "["
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # points of Hebrew
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"  # of Arabic
    "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"  # joiners, directions, variants
    "]+"
)
_LETTERS = {
    "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th", "ħ": "h", "ŋ": "n", "ŧ": "t",
    "\u2044": " ", "’": "'", "ʼ": "'", "‘": "'", "＇": "'",
}  # fmt: skip
"""Letters that Unicode does not take apart, and signs that stand for others."""

_GROUPS = re.compile(r",(?<=\d,)(?=\d)")  # 20,000
_INITIALS = re.compile(r"\.(?<=\b\w\.)(?=\w\b)")  # M.A.S.H
_ELIDED = re.compile(r"'(?=\w{1,2}\b)")  # don't is one word, l'étranger two
_SIGNS = re.compile("[^\\w\n\u0900-\u109f\u1780-\u17ff\u1a00-\u1cff\ua800-\uabff\u3099\u309a]+|_+")
_PLAIN = {i: " " for i in range(128) if not chr(i).isalnum() and chr(i) != "\n"}
_ALONE = re.compile(  # scripts without blanks: a sign is a word
    "[\u3041-\u3096\u309d-\u30ff\u3105-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    "[\u3099\u309a]?"
)


def folded(text: str) -> str:
    """Words with blanks between them; lines stay lines.

    NFKD and case folding of Unicode, without accents, points and invisible signs; any other sign parts words, but
    in numbers (20,000), initials (M.A.S.H) and endings (don't). Han and Kana have a word for each sign.
    """
    plain = text.isascii()
    if not plain:
        text = _UNSEEN.sub("", normalize("NFKD", text))
    text = text.casefold()
    if not plain:
        text = _UNSEEN.sub("", normalize("NFKD", text))
        for letter, other in _LETTERS.items():
            text = text.replace(letter, other)
    if "&" in text:
        text = text.replace("&", " and ")
    if "," in text:
        text = _GROUPS.sub("", text)
    if "." in text:
        text = _INITIALS.sub("", text)
    if "'" in text:
        text = _ELIDED.sub("", text)
    return text.translate(_PLAIN) if plain else _ALONE.sub(r" \g<0> ", _SIGNS.sub(" ", text))


def words_of(text: str) -> list[str]:
    """The words of what somebody typed; of signs alone, these signs as one word."""
    return [word[:LONGEST] for word in folded(text.replace("\n", " ")).split()[:WORDS]] or _signs(text)


def _signs(text: str) -> list[str]:
    bare = _UNSEEN.sub("", normalize("NFKC", text)).casefold().split()
    return ["".join(bare)[:LONGEST]] if bare else []


def tokens(texts: pa.Array) -> pa.ListArray:
    """The words of each text, as :func:`words_of` cuts them."""
    raw = pc.fill_null(texts, "")
    is_plain = pc.string_is_ascii(raw)
    lines = pc.replace_with_mask(raw, is_plain, _lines(raw.filter(is_plain)))
    other = pc.invert(is_plain)
    lines = pc.replace_with_mask(lines, other, _lines(raw.filter(other)))
    bare = pc.equal(lines, "")
    if pc.any(bare).as_py():
        alone = pa.array(["".join(_signs(text)) for text in raw.filter(bare).to_pylist()], pa.string())
        lines = pc.replace_with_mask(lines, bare, alone)
    lists = pc.split_pattern(lines, " ")
    if (pc.max(pc.list_value_length(lists)).as_py() or 0) > WORDS:
        lists = pc.list_slice(lists, 0, WORDS)
    return lists


def _lines(texts: pa.Array) -> pa.Array:
    """Texts as lines of words with one blank between them."""
    texts = pc.replace_substring(texts, "\n", " ")
    made = []
    for first in range(0, len(texts), _CHUNK):
        chunk = folded("\n".join(texts[first : first + _CHUNK].to_pylist()))
        made.append(pa.array(chunk.split("\n"), pa.string()))
    joined = pa.concat_arrays(made) if made else pa.array([], pa.string())
    return pc.utf8_trim(pc.replace_substring_regex(joined, " +", " "), " ")
