"""Prices that follow from others: what the maps leave out because a maker lists it once."""

from collections.abc import Container, Mapping

from audiocli.catalog.facts import PRICES, Row

ONE_PRICE = "the price of text: its maker lists one for all that is sent"
_TEXT_AND_AUDIO = {"text_in": "audio_in", "cached_text_in": "cached_audio_in"}


MAKERS_PRICE = "the maker's price: that of text is the same"
_MAKERS = ("", "gemini/")
"""What the names of models begin with at those who make them: OpenAI's with nothing."""


def priced(rows: Mapping[str, Row]) -> dict[str, Row]:
    """`rows`, with the prices that follow from others."""
    apart = frozenset(_model(name) for name, row in rows.items() if _is_priced_apart(row))
    whole = {name: _with_audio_prices(name, row, rows, apart) for name, row in rows.items()}
    return {name: _redirected(row, whole) for name, row in whole.items()}


def _model(name: str) -> str:
    return name.rpartition("/")[2].lower()


def _is_priced_apart(row: Row) -> bool:
    """Whether its sound has a price of its own."""
    audio = row.get("audio_in")
    return "second_in" in row or (audio is not None and audio != row.get("text_in"))


def _with_audio_prices(name: str, row: Row, rows: Mapping[str, Row], apart: Container[str]) -> Row:
    """A model whose sound has no price of its own anywhere is sold at one price for all that is sent.

    Where it has one, whoever sells text at the maker's price is taken to sell sound at the maker's, too.
    """
    if row.get("mode") != "chat" or row.get("audio_input") is not True or "audio_in" in row:
        return row
    if _model(name) in apart:
        makers = [rows[maker + _model(name)] for maker in _MAKERS if maker + _model(name) in rows]
        return next((_as_makers(row, maker) for maker in makers if _sells_text_alike(row, maker)), row)
    return row if row.get("audio_output") is True else _with_one_price(row)


def _sells_text_alike(row: Row, maker: Row) -> bool:
    return "text_in" in row and all(row.get(price) == maker.get(price) for price in ("text_in", "text_out"))


def _as_makers(row: Row, maker: Row) -> Row:
    names = ("audio_in", "audio_out", "cached_audio_in")
    return _noted(
        row, {name: maker[name] for name in names if name in maker and name not in row}, MAKERS_PRICE
    )


def _with_one_price(row: Row) -> Row:
    nested = {
        name: [part | _audio_prices(part) for part in row[name]]
        for name in ("tiers", "price_changes")
        if name in row
    }
    return _noted(row, _audio_prices(row), ONE_PRICE) | nested


def _audio_prices(row: Row) -> Row:
    return {audio: row[text] for text, audio in _TEXT_AND_AUDIO.items() if text in row and audio not in row}


def _noted(row: Row, added: Row, source: str) -> Row:
    return row | added | {"sources": row.get("sources", {}) | dict.fromkeys(added, source)}


def _redirected(row: Row, rows: Mapping[str, Row]) -> Row:
    """A model that redirects is billed as its successor after its end."""
    if not row.get("redirects") or row.get("successor") not in rows:
        return row
    successor = rows[row["successor"]]
    changes = [{"start": row["shutdown"], **_prices(successor)}]
    later = [each for each in successor.get("price_changes", ()) if each["start"] > row["shutdown"]]
    return row | {"price_changes": [*row.get("price_changes", ()), *changes, *later]}


def _prices(row: Row) -> Row:
    return {name: row[name] for name in PRICES if name in row}
