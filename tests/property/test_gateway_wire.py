"""What a gateway reads of bodies and streams is what their readers read, however the network cuts them."""

import base64
import io
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from audiocli.errors import InputError, ProviderError
from audiocli.wire.openai.normalise import AnswerScanner, StreamNormaliser
from audiocli.wire.splicing.form_scan import FormScanner
from audiocli.wire.splicing.json_scan import JsonScanner
from audiocli.wire.splicing.request_splice import (
    Changes,
    FormRequestScanner,
    RequestScanner,
    form_room,
    json_room,
    spliced_form,
    spliced_json,
)
from audiocli.wire.splicing.splice import Splice

PLACES = st.lists(st.integers(min_value=0, max_value=5000), max_size=20)
NAMES = st.sampled_from(["model", "stream", "a", "", 'q"\\', "é", "messages"])
TEXT = st.text(max_size=12) | st.sampled_from(
    ["model", '"model": "x"', "\\", '\\"', "{", "}", "é" * 9, "x" * 1200]
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXT, inner, max_size=4),
    max_leaves=15,
)
SPACES = st.text(" \t\n\r", max_size=2)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


@st.composite
def written(draw: st.DrawFn, text: str) -> str:
    """A string in JSON, some of its characters escaped."""
    escaped = "".join(
        "".join(f"\\u{unit:04x}" for unit in _units(character))
        if draw(st.booleans())
        else json.dumps(character, ensure_ascii=draw(st.booleans()))[1:-1]
        for character in text[:20]
    )
    return f'"{escaped}{json.dumps(text[20:])[1:-1]}"'


def _units(character: str) -> list[int]:
    data = character.encode("utf-16-be")
    return [int.from_bytes(data[index : index + 2], "big") for index in range(0, len(data), 2)]


def encoded(value: Any) -> st.SearchStrategy[str]:
    if isinstance(value, str):
        return written(value)
    return st.booleans().map(lambda escaped: json.dumps(value, ensure_ascii=escaped))


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """An object in JSON, with names that may come twice."""
    members = draw(st.lists(st.tuples(NAMES, VALUES), max_size=6))
    parts = [
        "".join(
            draw(part)
            for part in [SPACES, written(name), SPACES, st.just(":"), SPACES, encoded(value), SPACES]
        )
        for name, value in members
    ]
    return f"{draw(SPACES)}{{{','.join(parts) or draw(SPACES)}}}{draw(SPACES)}".encode()


def members_of(body: bytes) -> list[tuple[str, Any]] | None:
    """What a parser reads at the top of an object; None where it reads none."""

    class Pairs(list[tuple[str, Any]]):
        pass

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        document = json.loads(body.decode(), object_pairs_hook=Pairs, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, Pairs) else None


ANY = {"model": object, "stream": object}


def scanned(body: bytes, places: list[int]) -> JsonScanner:
    scanner = JsonScanner(ANY)
    for block in cut(body, places):
        scanner.feed(block)
    scanner.close()
    return scanner


def check_against_a_parser(body: bytes, places: list[int]) -> None:
    members = members_of(body)
    names = [name for name, _ in members or []]
    try:
        scanner = scanned(body, places)
    except InputError:
        small = all(len(json.dumps(value)) < 1000 for name, value in members or [] if name in ANY)
        assert members is None or len(set(names)) < len(names) or not small
        return
    if members is not None:
        assert scanner.names == set(names)
        wanted = {name: json.loads(json.dumps(plain(value))) for name, value in members if name in ANY}
        assert {place.name: place.value for place in scanner.found[:-1]} == wanted
        for place in scanner.found[:-1]:
            assert json.loads(body[place.start : place.end]) == wanted[place.name]
        assert body[scanner.found[-1].start :].strip() == b"}"


def plain(value: Any) -> Any:
    """A value as `json.loads` gives it without a hook."""
    if isinstance(value, list) and type(value) is not list:
        return {name: plain(member) for name, member in value}
    return [plain(member) for member in value] if isinstance(value, list) else value


@given(documents(), PLACES)
def test_a_scanner_and_a_parser_read_the_same_members(body: bytes, places: list[int]) -> None:
    check_against_a_parser(body, places)


@given(documents(), PLACES, st.integers(0, 5000), st.sampled_from([*b'{}[]",:\\ \n\x00\xff0e-tn/']))
def test_that_is_so_for_documents_with_a_fault(
    body: bytes, places: list[int], where: int, fault: int
) -> None:
    where %= len(body)
    check_against_a_parser(body[:where] + bytes([fault]) + body[where + 1 :], places)
    check_against_a_parser(body[:where] + bytes([fault]) + body[where:], places)
    check_against_a_parser(body[:where] + body[where + 1 :], places)


def through(scanner: RequestScanner | FormRequestScanner, splice: Splice, blocks: Iterable[bytes]) -> bytes:
    sent = []
    for block in blocks:
        scanner.feed(block)
        sent += splice.feed(block)
    scanner.close()
    return b"".join(sent)


REQUESTS = st.fixed_dictionaries(
    {"messages": VALUES},
    optional={
        "model": TEXT.filter(lambda text: len(text) < 100),
        "stream": st.booleans() | st.none(),
        "stream_options": st.none() | st.fixed_dictionaries({}, optional={"include_usage": st.booleans()}),
        "temperature": FINITE,
    },
).flatmap(lambda request: st.permutations(list(request.items())).map(dict))
EXTRA = st.dictionaries(st.sampled_from(["temperature", "seed", "vendor"]), VALUES, max_size=2)
REMOVABLE = frozenset({"temperature", "messages", "seed", "stream"})  # The last can not be left out.
DROPPED = st.frozensets(st.sampled_from(["temperature", "messages", "seed"]))
INDENTS = st.sampled_from([None, 1])


@given(REQUESTS, EXTRA, PLACES, st.booleans(), st.booleans(), DROPPED, INDENTS)
def test_a_spliced_request_differs_in_what_is_changed_and_has_the_length_that_was_told(
    request: dict[str, Any],
    extra: dict[str, Any],
    places: list[int],
    usage: bool,
    streamed: bool,
    dropped: frozenset[str],
    indent: int | None,
) -> None:
    body = json.dumps(request, indent=indent).encode()
    scanner, changes = RequestScanner(REMOVABLE), Changes("another", extra, usage, dropped)
    blocks = cut(body, places)
    ahead = blocks if not streamed else []
    for block in ahead:
        scanner.feed(block)
    room = json_room(scanner, changes)
    splice = spliced_json(scanner, changes, room)
    sent = (
        b"".join(piece for block in blocks for piece in splice.feed(block))
        if ahead
        else through(scanner, splice, blocks)
    )
    assert len(sent) == len(body) + room
    document = json.loads(sent)
    options = document.pop("stream_options", None)
    kept = {name: value for name, value in request.items() if name not in dropped}
    expected = extra | kept | {"model": "another"}
    asked = expected.pop("stream_options", None)
    assert document == expected
    if usage and request.get("stream") and (ahead or asked is not None or "stream_options" not in request):
        assert (options or {}).get("include_usage") is True
    elif not usage:
        assert options == asked


SPEECH = st.fixed_dictionaries(
    {"input": TEXT.filter(bool)},
    optional={"model": st.just("m"), "voice": TEXT, "speed": FINITE, "vendor": VALUES},
).flatmap(lambda request: st.permutations(list(request.items())).map(dict))


@given(SPEECH, PLACES, st.booleans(), DROPPED | st.just(frozenset({"voice", "speed"})), INDENTS)
def test_a_member_of_a_request_for_speech_may_get_another_name(
    request: dict[str, Any],
    places: list[int],
    streamed: bool,
    dropped: frozenset[str],
    indent: int | None,
) -> None:
    body = json.dumps(request, indent=indent).encode()
    scanner = RequestScanner(frozenset({"speed"}) | (dropped & {"voice"}), speech=True)
    changes = Changes("m", {"voice": "own"}, dropped=dropped, renamed={"voice": "the_voice_id"})
    blocks = cut(body, places)
    for block in [] if streamed else blocks:
        scanner.feed(block)
    room = json_room(scanner, changes)
    splice = spliced_json(scanner, changes, room)
    sent = (
        through(scanner, splice, blocks)
        if streamed
        else b"".join(piece for block in blocks for piece in splice.feed(block))
    )
    kept = {name: value for name, value in request.items() if name not in dropped}
    voice = kept.pop("voice", "own")
    assert len(sent) == len(body) + room
    assert json.loads(sent) == kept | {"model": "m", "the_voice_id": voice}


@given(REQUESTS, PLACES)
def test_a_request_without_changes_is_sent_byte_for_byte(request: dict[str, Any], places: list[int]) -> None:
    request = {"model": "same"} | request | {"model": "same"}
    body = json.dumps(request).encode()
    scanner = RequestScanner(REMOVABLE)
    assert through(scanner, spliced_json(scanner, Changes("same")), cut(body, places)) == body


BOUNDARIES = st.text("abc-'", min_size=1, max_size=20)
CONTENTS = st.binary(max_size=50) | st.text("\r\n-ab", max_size=40).map(str.encode)
PARTS = st.lists(st.tuples(st.sampled_from(["file", "prompt", "granularities[]"]), CONTENTS), max_size=4)


def form(boundary: str, parts: list[tuple[str, bytes]]) -> bytes:
    lines = io.BytesIO()
    for name, content in parts:
        lines.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode())
        lines.write(content + b"\r\n")
    lines.write(f"--{boundary}--\r\n".encode())
    return lines.getvalue()


@given(
    BOUNDARIES,
    PARTS,
    st.integers(0, 4),
    st.text("abc\r\n-é", max_size=20),
    PLACES,
    st.frozensets(st.sampled_from(["prompt", "granularities[]"])),
)
def test_a_forms_model_is_found_and_changed_wherever_it_stands(
    boundary: str,
    parts: list[tuple[str, bytes]],
    where: int,
    model: str,
    places: list[int],
    dropped: frozenset[str],
) -> None:
    delimiter = f"\r\n--{boundary}".encode()
    parts = [(name, content) for name, content in parts if delimiter not in b"\r\n" + content + b"\r\n"]
    value = model.encode()
    if delimiter in b"\r\n" + value:
        return
    parts.insert(where % (len(parts) + 1), ("model", value))
    changed = [
        (name, b"another" if name == "model" else content) for name, content in parts if name not in dropped
    ]
    removable = frozenset({"prompt", "granularities[]", "model"})  # The last can not be left out.
    scanner = FormRequestScanner(f'multipart/form-data; boundary="{boundary}"', removable)
    changes = Changes("another", {"prompt": "p", "language": "en"}, dropped=dropped)
    sent = through(scanner, spliced_form(scanner, changes), cut(form(boundary, parts), places))
    names = {name for name, _ in changed}
    added = [(name, text.encode()) for name, text in changes.extra.items() if name not in names]
    assert sent == form(boundary, [*changed, *added])
    assert scanner.model == model
    assert form_room(scanner, changes) == len(sent) - len(form(boundary, parts))


@given(
    BOUNDARIES,
    st.binary(max_size=300) | st.text('-ab\r\nContent-Disposition: form-data; name="x"').map(str.encode),
    PLACES,
)
def test_any_bytes_are_read_as_a_form_in_the_same_way_however_they_are_cut(
    boundary: str, body: bytes, places: list[int]
) -> None:
    body = f"--{boundary}\r\n".encode() + body

    def read(blocks: list[bytes]) -> object:
        scanner = FormScanner(boundary.encode(), frozenset({"x"}))
        try:
            for block in blocks:
                scanner.feed(block)
            scanner.close()
        except InputError:
            return None
        return scanner.found

    assert read(cut(body, places)) == read([body])


# Streams

SOUNDS = st.lists(st.binary(max_size=20), max_size=6)


def chunk(**members: Any) -> bytes:
    return json.dumps(
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"} | members
    ).encode()


def delta(index: int, **members: Any) -> bytes:
    return chunk(choices=[{"index": index, "delta": members, "finish_reason": None}])


@given(SOUNDS, st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_sound_comes_in_pieces_that_can_be_joined(
    sounds: list[bytes], repeated: bool, separators: tuple[str, str]
) -> None:
    normaliser = StreamNormaliser()
    events: list[bytes] = [*normaliser.feed(delta(0, role="assistant"))]
    for number, sound in enumerate(sounds):
        audio: dict[str, Any] = {"data": base64.b64encode(sound).decode()}
        if repeated or not number:
            audio |= {"id": "audio_1", "expires_at": 9}
        document = json.loads(delta(0, role="assistant", audio=audio))
        events += normaliser.feed(json.dumps(document, separators=separators).encode())
    events += normaliser.feed(b"[DONE]")
    chunks = [json.loads(event[6:]) for event in events[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    pieces = [delta["audio"]["data"] for delta in deltas if delta.get("audio", {}).get("data")]
    assert base64.b64decode("".join(pieces), validate=True) == b"".join(sounds)
    assert normaliser.sound_bytes == len(b"".join(sounds))
    assert [delta["role"] for delta in deltas if "role" in delta] == ["assistant"]
    for member, value in [("id", "audio_1"), ("expires_at", 9)]:
        told = [delta["audio"][member] for delta in deltas if member in delta.get("audio", {})]
        assert told == ([value] if sounds else [])
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@given(st.lists(VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=30), max_size=5))
def test_whatever_a_service_sends_only_our_own_errors_are_raised(payloads: list[bytes]) -> None:
    normaliser = StreamNormaliser(usage=True)
    try:
        events = [event for payload in payloads for event in normaliser.feed(payload)]
        events += normaliser.close()
    except ProviderError:
        return
    assert all(event.startswith(b"data: ") for event in events)


MEMBERS = st.sampled_from(
    ["choices", "delta", "audio", "data", "id", "index", "finish_reason", "usage", "error"]
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["AAAA", "stop", "", "\u20ac"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(MEMBERS, inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.fixed_dictionaries({"choices": SHAPES}, optional={"usage": SHAPES}), max_size=4))
def test_whatever_the_shape_of_a_chunk_only_our_own_errors_are_raised(documents: list[Any]) -> None:
    test_whatever_a_service_sends_only_our_own_errors_are_raised.hypothesis.inner_test(  # type: ignore[attr-defined]
        [json.dumps(document).encode() for document in documents]
    )


@given(st.integers(0, 10**6), documents(), PLACES)
def test_usage_is_found_in_an_answer_wherever_it_stands(tokens: int, rest: bytes, places: list[int]) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": tokens}
    answer = {
        "choices": [{"message": {"audio": {"data": "QUFB" * 500}, "usage": 7}}],
        "usage": usage,
        "x": [1],
    }
    scanner = AnswerScanner()
    for block in cut(json.dumps(answer).encode(), places):
        scanner.feed(block)
    assert scanner.usage is not None
    assert (scanner.usage.input_tokens, scanner.usage.output_tokens) == (3, tokens)
    for block in cut(rest, places):
        AnswerScanner().feed(block)
