"""A request's model is found wherever it stands, and only that becomes another."""

import json
from collections.abc import Iterable

import pytest

from audiocli.errors import InputError
from audiocli.wire.splicing.json_scan import MAX_BRACKETS, MAX_DEPTH, MAX_MEMBERS
from audiocli.wire.splicing.request_splice import Changes, RequestScanner, json_room, spliced_json

SOUND = b"QUFB" * 30_000
BLOCK = 1000


def scan(*blocks: bytes) -> RequestScanner:
    scanner = RequestScanner()
    for block in blocks:
        scanner.feed(block)
    scanner.close()
    return scanner


def blocks(body: bytes, size: int = BLOCK) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def send(body: Iterable[bytes], changes: Changes) -> bytes:
    scanner = RequestScanner()
    splice = spliced_json(scanner, changes)
    sent = []
    for block in body:
        scanner.feed(block)
        sent += splice.feed(block)
    scanner.close()
    return b"".join(sent)


@pytest.mark.parametrize("size", [1, 7, BLOCK, 1 << 20])
def test_the_model_is_found_after_megabytes_of_sound(size: int) -> None:
    body = b'{"messages":[{"audio":{"data":"' + SOUND + b'","model":"no"}}],"model" : "yes"}'
    assert scan(*blocks(body, size)).model == "yes"
    assert send(blocks(body, size), Changes("other")) == body.replace(b'"yes"', b'"other"')


@pytest.mark.parametrize(
    "body",
    [
        rb'{"mod\u0065l":"yes"}',
        rb'{"a":"\"model\":\"no\"","model":"yes"}',
        rb'{"a":"\\","model":"yes","b":"\\\""}',
        rb'{"a":{"model":"no","b":[{"model":"no"}]},"model":"yes"}',
        rb'{"a":["{","[","\"}"],"model":"yes"}',
        rb'{"model":"\u0079es"}',
        ' \r\n\t{ "é\U0001f600" : "é" , "model"\n:\t"yes" } '.encode(),
        b'{"a":-0.5e+3,"b":null,"c":true,"model":"yes","":{}}',
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_keys_are_told_apart_however_they_are_written(body: bytes, size: int) -> None:
    assert scan(*blocks(body, size)).model == "yes"


def test_the_model_is_known_and_what_is_before_it_is_sent_while_the_rest_is_to_come() -> None:
    scanner = RequestScanner()
    splice = spliced_json(scanner, Changes("other"))
    scanner.feed(b'{"model":"yes","input":"abc')
    assert scanner.model == "yes"
    assert b"".join(splice.feed(b'{"model":"yes","input":"abc')) == b'{"model":"other","input":"abc'
    assert not scanner.complete


def test_a_block_in_which_nothing_changes_is_not_copied() -> None:
    scanner = RequestScanner()
    splice = spliced_json(scanner, Changes("other"))
    scanner.feed(b'{"model":"yes","input":"')
    splice.feed(b'{"model":"yes","input":"')
    scanner.feed(SOUND)
    assert [piece is SOUND for piece in splice.feed(SOUND)] == [True]


@pytest.mark.parametrize("size", [1, 2, 7, BLOCK])
def test_another_try_sends_the_whole_with_another_model_wherever_blocks_end(size: int) -> None:
    body = blocks(b'{"input":"' + SOUND[:2000] + b'","model":"yes"}', size)
    scanner = scan(*body)
    for model in ("first", "second"):
        splice = spliced_json(scanner, Changes(model))
        sent = b"".join(piece for block in body for piece in splice.feed(block))
        assert sent == b"".join(body).replace(b'"yes"', f'"{model}"'.encode())


REFUSED = {
    "two models": (b'{"model":"a","model":"b"}', "model"),
    "two models, one escaped": (rb'{"model":"a","x":{},"m\u006fdel":"b"}', "model"),
    "two of another": (b'{"model":"a","stream":true,"stream":false}', "stream"),
    "no text": (b'{"model":1}', "model"),
    "null": (b'{"model":null}', "model"),
    "a list": (b'{"model":["a"]}', "model"),
    "stream is text": (b'{"model":"a","stream":"yes"}', "stream"),
    "a long model": (b'{"model":"' + b"a" * 5000, "model"),
    "a host": (b'{"model":"a","api_base":"http://x"}', "api_base"),
    "a key": (rb'{"\u0061pi_key":"k"}', "api_key"),
    "a number of tries": (b'{"num_retries":9}', "num_retries"),
    "ours alone": (b'{"litellm_params":{}}', "litellm_params"),
    "too deep": (b'{"a":' + b"[" * MAX_DEPTH, "a"),
    "not an object": (b"[1]", None),
    "text": (b"hello", None),
    "nothing": (b"", None),
    "blank": (b"  \n", None),
    "cut off": (b'{"model":"a"', None),
    "cut off in a string": (b'{"model":"a","b":"c', None),
    "more after it": (b'{"model":"a"}{}', "model"),
    "no colon": (b'{"model" "a"}', None),
    "no comma": (b'{"model":"a" "b":1}', "model"),
    "a comma too many": (b'{"model":"a",}', None),
    "a bad number": (b'{"model":"a","b":01}', None),
    "NaN": (b'{"model":"a","b":NaN}', None),
    "a control character in a name": (b'{"model":"a","b\n":1}', None),
    "a control character in the model": (b'{"model":"a\n"}', None),
    "a bad escape": (rb'{"\x":1}', None),
    "single quotes": (b"{'model':'a'}", None),
    "a comment": (b'{"a":[/* " */],"model":"a"}', "a"),
    "not UTF-8": (b'{"model":"a","b":"\xff"}', None),
    "half a character": (b'{"model":"\xc3', None),
    "UTF-16": ('{"model":"a"}'.encode("utf-16"), None),
    "a byte order mark": (b'\xef\xbb\xbf{"model":"a"}', None),
}


@pytest.mark.parametrize(("body", "param"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_what_is_no_request_is_refused(body: bytes, param: str | None, size: int) -> None:
    with pytest.raises(InputError) as refused:
        scan(*blocks(body, size))
    if param:
        assert refused.value.param == param


def test_what_is_not_too_deep_or_too_much_is_passed_on() -> None:
    deep = MAX_DEPTH - 5
    assert scan(b'{"a":' + b"[" * deep + b"]" * deep + b',"model":"m"}').model == "m"
    many = {f"a{number}": number for number in range(MAX_MEMBERS - 1)}
    assert scan(json.dumps(many | {"model": "m"}).encode()).model == "m"
    with pytest.raises(InputError, match="more than"):
        scan(json.dumps(many | {"model": "m", "z": 1}).encode())


def test_brackets_without_end_are_refused_before_they_cost_much() -> None:
    nested = b"[" * 60 + b"]" * 60 + b","
    with pytest.raises(InputError, match="nested values"):
        scan(*blocks(b'{"a":[' + nested * (2 * MAX_BRACKETS // 60)))


def test_a_long_conversation_is_not_taken_for_that() -> None:
    part = {"type": "text", "text": "x" * 1200}
    messages = [{"role": "user", "content": [part, part]}] * 5000
    assert scan(*blocks(json.dumps({"messages": messages, "model": "m"}).encode())).model == "m"


def test_a_value_that_never_ends_is_refused_before_it_is_all_there() -> None:
    with pytest.raises(InputError, match="too long"):
        scan(b'{"a":', *[b"1" * 100] * 100)


def test_what_a_client_sends_wins_over_what_the_configuration_adds() -> None:
    changes = Changes("m", {"temperature": 1, "vendor": {"a": [1]}})
    assert send([b'{"model":"m", "temperature":0}'], changes) == (
        b'{"model":"m", "temperature":0,"vendor":{"a":[1]}}'
    )


def test_a_request_without_a_model_gets_one_since_its_path_can_name_it() -> None:
    assert scan(b"{}").model is None
    assert send([b"{ }"], Changes("m")) == b'{ "model":"m"}'
    assert send([b'{"a":1}'], Changes("m")) == b'{"a":1,"model":"m"}'


ASKED = b'"stream_options":{"include_usage":true}'


@pytest.mark.parametrize(
    ("members", "sent"),
    [
        (b'"stream":true', b'"stream":true,' + ASKED),
        (b'"stream":false', b'"stream":false'),
        (b'"stream":true,"stream_options":null', b'"stream":true,' + ASKED),
        (b'"stream_options":null,"stream":false', b'"stream_options":null,"stream":false'),
        (b'"stream_options":{},"stream":true', ASKED + b',"stream":true'),
        (b'"stream":true,"stream_options":{"include_usage":false}', b'"stream":true,' + ASKED),
        (b'"stream_options": {"include_usage": true}, "stream":true',) * 2,
    ],
)
def test_a_stream_is_asked_what_it_used(members: bytes, sent: bytes) -> None:
    changes = Changes("m", usage=True)
    body = b'{"model":"m",' + members + b"}"
    assert send([body], changes) == b'{"model":"m",' + sent + b"}"


def test_a_stream_is_asked_before_it_is_known_to_be_one() -> None:
    body = [b'{"stream_options":{},"model":"m","stream"', b":true}"]
    assert send(body, Changes("m", usage=True)) == b"{" + ASKED + b',"model":"m","stream":true}'


def test_it_is_remembered_whether_the_client_asked() -> None:
    assert scan(b'{"stream_options":{"include_usage":true}}').asks_usage
    assert not scan(b'{"stream_options":{"include_usage":false}}').asks_usage
    assert not scan(b'{"stream":true}').asks_usage


def test_the_length_is_known_before_the_end_and_filled_with_spaces() -> None:
    head, tail = b'{"model":"a","input":"', b'x","temperature":0}'
    scanner = RequestScanner()
    changes = Changes("longer", {"temperature": 1}, usage=True)
    scanner.feed(head)
    room = json_room(scanner, changes)
    splice = spliced_json(scanner, changes, room)
    sent = b"".join(splice.feed(head))
    scanner.feed(tail)
    sent += b"".join(splice.feed(tail))
    assert len(sent) == len(head + tail) + room
    assert json.loads(sent) == {"model": "longer", "input": "x", "temperature": 0}


def test_the_length_of_what_is_all_there_is_exact() -> None:
    body = b'{"model":"a","stream":true}'
    scanner, changes = scan(body), Changes("longer", {"temperature": 1}, usage=True)
    room = json_room(scanner, changes)
    sent = b"".join(spliced_json(scanner, changes, room).feed(body))
    assert sent == b'{"model":"longer","stream":true,"temperature":1,' + ASKED + b"}"
    assert len(sent) == len(body) + room
