"""Suggestions while somebody types: order, slips, scripts, hostile text; and the same by looking at every text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from potomac.errors import DataError, StudyError
from potomac.recommend import Suggester
from potomac.recommend.suggestion.completion import endings
from potomac.recommend.suggestion.prefixes import beginning, slips, spelled, tree_of
from potomac.recommend.suggestion.spoken import folded, tokens, words_of
from potomac.recommend.suggestion.suggest import HOW

SHELF = {
    "Dances with Wolves": 90,
    "The Da Vinci Code": 50,
    "Darkness": 30,
    "Harry Potter and the Stone": 80,
    "Potter's Field": 95,
    "Amélie": 70,
    "Star Wars": 60,
    "Spider-Man": 50,
    "It": 1,
    "It's a Wonderful Life": 99,
    "1984": 40,
    "20,000 Leagues under the Sea": 20,
    "M.A.S.H": 10,
    "千と千尋の神隠し": 45,
    "Преступление и наказание": 44,
    "Ὀδύσσεια": 43,
    "هزار و یک شب": 42,
    "!!!": 5,
}


@pytest.fixture(scope="module")
def shelf() -> Suggester:
    return Suggester(list(SHELF), list(SHELF.values()))


def told(suggester: Suggester, text: str, n: int = 10, **more: bool) -> list[tuple[str, str]]:
    table = suggester.suggest(text, n, **more)
    return list(zip(table["text"].to_pylist(), table["how"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("typed", "first", "how"),
    [
        ("da", "Dances with Wolves", "start"),
        ("DA VINCI", "The Da Vinci Code", "start"),  # the article aside
        ("the da", "The Da Vinci Code", "start"),  # and with it
        ("vinci c", "The Da Vinci Code", "word"),
        ("code da", "The Da Vinci Code", "words"),
        ("it", "It", "title"),  # before what is much more popular
        ("its", "It's a Wonderful Life", "start"),
        ("ameli", "Amélie", "start"),
        ("AME\u0301L", "Amélie", "start"),  # a letter and a combining accent
        ("spider m", "Spider-Man", "start"),
        ("198", "1984", "start"),
        ("20,000 l", "20,000 Leagues under the Sea", "start"),
        ("20000", "20,000 Leagues under the Sea", "start"),
        ("mash", "M.A.S.H", "title"),
        ("千尋", "千と千尋の神隠し", "word"),
        ("преступ", "Преступление и наказание", "start"),
        ("οδυσσ", "Ὀδύσσεια", "start"),
        ("شب", "هزار و یک شب", "word"),
        ("!!", "!!!", "start"),
        ("Hary", "Harry Potter and the Stone", "slip"),  # a letter too few
        ("wolvess", "Dances with Wolves", "slip"),  # too many
        ("wokves", "Dances with Wolves", "slip"),  # another
        ("wovles", "Dances with Wolves", "slip"),  # two that changed places
        ("bances", "Dances with Wolves", "slip"),  # the first letter
        ("starwars", "Star Wars", "slip"),  # a blank too few
        ("dark ness", "Darkness", "slip"),  # and one too many
        ("spiderman", "Spider-Man", "slip"),
        ("wondreflu", "It's a Wonderful Life", "slips"),
        ("пресутплениь", "Преступление и наказание", "slips"),
    ],
)
def test_what_is_found_first(shelf: Suggester, typed: str, first: str, how: str) -> None:
    assert told(shelf, typed)[0] == (first, how)


def test_popularity_orders_what_was_found_alike(shelf: Suggester) -> None:
    assert [text for text, how in told(shelf, "d") if how == "start"] == [
        "Dances with Wolves", "The Da Vinci Code", "Darkness",
    ]  # fmt: skip
    assert [text for text, _ in told(shelf, "pot")] == ["Potter's Field", "Harry Potter and the Stone"]


def test_the_score_falls_and_its_whole_part_is_how(shelf: Suggester) -> None:
    table = shelf.suggest("s", 10)
    scores = table["score"].to_pylist()
    assert all(a > b for a, b in pairwise(scores))
    assert [len(HOW) - int(np.ceil(score)) for score in scores] == [HOW.index(how) for how in table["how"].to_pylist()]


def test_rows_are_those_of_the_titles(shelf: Suggester) -> None:
    table = shelf.suggest("it", 2)
    assert [list(SHELF)[row] for row in table["row"].to_pylist()] == table["text"].to_pylist()
    assert table["popularity"].to_pylist() == [1.0, 99.0]


@pytest.mark.parametrize("typed", ["", "   ", "\u200b", "\0", "xqzt", "zzzzzzzzzz", "wvlose"])
def test_nothing_is_suggested_where_nothing_fits(shelf: Suggester, typed: str) -> None:
    assert shelf.suggest(typed).num_rows == 0


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a\0b",
        "\ud800",
        "\u202eevil",
        "a" * 100_000,
        "a " * 10_000,
        "%_\\'\"",
        "́́́́",
        "\r\n\t",
    ],
)
def test_hostile_text_is_text(hostile: str) -> None:
    if hostile != "\ud800":  # half a sign is no text that a table can hold, but it can be typed
        there = Suggester([hostile, "Other"])
        if words_of(hostile):
            assert there.suggest(hostile, 1)["text"].to_pylist() == [hostile]
        assert there.suggest("other", 1)["text"].to_pylist() == ["Other"]
    assert Suggester(["Other"]).suggest(hostile).num_rows in (0, 1)


def test_topics_stand_beside_titles_and_are_as_popular_as_their_best_title() -> None:
    titles, authors = ["Drums", "Dune", "Emma"], ["Dora", "Frank", "Dora"]
    made = Suggester(titles, [1, 5, 9], {"author": authors, "genre": [["Drama", "War"], ["Drama"], None]})
    table = made.suggest("d", 10)
    assert list(zip(table["text"].to_pylist(), table["kind"].to_pylist(), strict=True)) == [
        ("Dora", "author"), ("Dune", "title"), ("Drama", "genre"), ("Drums", "title"),
    ]  # fmt: skip
    assert table["row"].to_pylist() == [None, 1, None, 0]
    assert made.suggest("d", 10, topics=False)["text"].to_pylist() == ["Dune", "Drums"]
    assert Suggester(titles, topics=["Drama", "Drama"]).suggest("dra")["kind"].to_pylist() == ["topic"]


def test_titles_alike_are_all_offered_in_the_order_of_their_rows() -> None:
    assert Suggester(["Emma", "Emma", "Emma"]).suggest("em")["row"].to_pylist() == [0, 1, 2]


def test_it_comes_back_from_its_tables(shelf: Suggester) -> None:
    again = Suggester.from_tables(shelf.to_tables())
    for typed in ("d", "it", "pot har", "hary", "千尋", "starwars", "wondreflu"):
        assert again.suggest(typed).equals(shelf.suggest(typed))
    none = Suggester([])
    assert none.suggest("a").num_rows == Suggester.from_tables(none.to_tables()).suggest("a").num_rows == 0


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(StudyError, match="popularity of the shape"):
        Suggester(["a"], [1, 2])
    with pytest.raises(DataError, match="no number"):
        Suggester(["a"], [np.nan])
    with pytest.raises(StudyError, match="genre"):
        Suggester(["a"], topics={"genre": ["x", "y"]})
    with pytest.raises(StudyError):
        Suggester(["a"]).suggest("a", 0)


# ---- beside looking at every text -----------------------------------------------------------------------------------


def _texts(draw: np.random.Generator, count: int) -> list[str]:
    """Titles of a few letters, so that nearly everything is near to something."""
    words = ["".join(draw.choice(list("abc"), draw.integers(1, 7))) for _ in range(60)]
    return [" ".join(draw.choice(words, draw.integers(1, 5))) for _ in range(count)]


def _begins(typed: list[str], words: list[str]) -> bool:
    return (
        words[: len(typed) - 1] == typed[:-1]
        and len(words) >= len(typed)
        and words[len(typed) - 1].startswith(typed[-1])
    )


def _level(typed: list[str], words: list[str]) -> int:
    """How a text is found without slips, by the definition; -1 where it is not."""
    after = words[1:] if words[0] == "a" and len(words) > 1 else words
    if typed in (words, after):
        return 0
    if _begins(typed, words) or _begins(typed, after):
        return 1
    if any(_begins(typed, words[k:]) for k in range(1, len(words))):
        return 2
    there = all(any(word.startswith(one) for word in words) for one in typed)
    return 3 if there and len(typed) > 1 else -1


def test_the_same_is_found_as_by_looking_at_every_text() -> None:
    draw = np.random.default_rng(3)
    texts = _texts(draw, 500)
    merit = draw.permutation(len(texts))
    made = Suggester(texts, merit, articles=("a",))
    cut = [text.split() for text in texts]
    for typed in [text[: draw.integers(1, 9)].strip() for text in _texts(draw, 300)]:
        asked = words_of(typed)
        levels = [_level(asked, words) for words in cut]
        found = sorted((level, -merit[row], row) for row, level in enumerate(levels) if level >= 0)[:12]
        table = made.suggest(typed, 12)
        exact = [how in HOW[:4] for how in table["how"].to_pylist()]
        assert table.filter(pa.array(exact, pa.bool_()))["row"].to_pylist() == [row for _, _, row in found], typed


def _distances(typed: str, word: str) -> list[int]:
    """Optimal string alignment of what was typed with each beginning of a word."""
    m = len(typed)
    d = [[i if j == 0 else j for j in range(m + 1)] for i in range(len(word) + 1)]
    for i in range(1, len(word) + 1):
        for j in range(1, m + 1):
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (word[i - 1] != typed[j - 1]))
            if i > 1 and j > 1 and word[i - 1] == typed[j - 2] and word[i - 2] == typed[j - 1]:
                d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1)
    return [row[m] for row in d]


@pytest.mark.parametrize("most", [1, 2])
def test_slips_are_those_of_the_whole_table(most: int) -> None:
    draw = np.random.default_rng(most)
    words = sorted({"".join(draw.choice(list("abcdef"), draw.integers(1, 11))) for _ in range(400)})
    starts = np.concatenate([[0], np.cumsum([len(word) for word in words])])
    tree = tree_of(spelled("".join(words)), starts)
    for _ in range(200):
        typed = "".join(draw.choice(list("abcdefg"), draw.integers(4, 11)))
        found = {w for low, high in slips(tree, spelled(typed), most).tolist() for w in range(low, high)}
        assert found == {w for w, word in enumerate(words) if min(_distances(typed, word)[1:]) <= most}, typed


def test_beginning_is_a_range_of_the_vocabulary() -> None:
    words = ["a", "ab", "abc", "b", "ba"]
    tree = tree_of(spelled("".join(words)), np.array([0, 1, 3, 6, 7, 9]))
    for typed in ("a", "ab", "abc", "b", "c", "abcd"):
        low, high, node = beginning(tree, spelled(typed))
        assert [word for word in words if word.startswith(typed)] == words[low:high]
        assert bool(node) == (high > low)


def test_endings_are_in_the_order_of_their_words() -> None:
    draw = np.random.default_rng(7)
    texts = [draw.integers(0, 3, draw.integers(1, 20)).tolist() for _ in range(200)] + [[1] * 32] * 3 + [[1] * 31]
    words = np.array([word for text in texts for word in [*text, -1]], np.int32)
    begins = np.concatenate([[0], np.cumsum([len(text) + 1 for text in texts])])
    e = endings(words, begins, 3, np.array([2], np.int32))
    head = int(e.whole[-1])
    for part in (slice(0, head), slice(head, None)):
        runs = []
        for place, text in zip(e.place[part].tolist(), e.text[part].tolist(), strict=True):
            runs.append((words[place : begins[text + 1]].tolist(), text))
        assert runs == sorted(runs)
    heads = len(texts) + sum(text[0] == 2 and len(text) > 1 for text in texts)
    assert head == heads
    assert len(e.place) == sum(map(len, texts))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L'Étranger", ["l", "etranger"]),
        ("Don’t Look Now", ["dont", "look", "now"]),
        ("Straße ﬁn ŁÓDŹ Ørsted", ["strasse", "fin", "lodz", "orsted"]),
        ("Dombey & Son", ["dombey", "and", "son"]),
        ("ﾊﾟﾝ", ["ハ\u309a", "ン"]),
        ("כְּתָב", ["כתב"]),
        ("أَلْف", ["الف"]),
        ("हिन्दी", ["हिन्दी"]),
        ("İstanbul ısı", ["istanbul", "isi"]),
        ("a_b\u200bc\xadd", ["a", "bcd"]),
        ("...", ["..."]),
        ("word " * 40, ["word"] * 32),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert tokens(pa.array([text])).to_pylist() == [words]


def test_many_texts_are_folded_as_one_is() -> None:
    texts = [*SHELF, None, "", "a\nb", "ﬀ\nx", "x" * 50]
    cut = tokens(pa.array(texts)).to_pylist()
    assert [[word[:32] for word in one if word] for one in cut] == [words_of(text or "") for text in texts]
    assert folded("A\nB") == "a\nb"
