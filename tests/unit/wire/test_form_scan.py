"""A form's model is found wherever it stands, and what could be read in two ways is refused."""

import pytest

from audiocli.audio.reading.source import StoredSource
from audiocli.errors import InputError
from audiocli.wire.openai.form import FormReader
from audiocli.wire.splicing.form_scan import MAX_HEADER_BYTES, MAX_PARTS, boundary
from audiocli.wire.splicing.request_splice import Changes, FormRequestScanner, form_room, spliced_form

TYPE = "multipart/form-data; boundary=b"
SOUND = bytes(range(256)) * 400 + b"\r\n--" + b"\r\n--a\r\r\n-" * 20


def part(headers: bytes, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


def field(name: bytes, content: bytes) -> bytes:
    return part(b'Content-Disposition: form-data; name="' + name + b'"', content)


END = b"--b--\r\n"
FILE = part(
    b'content-disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav', SOUND
)


def scan(body: bytes, size: int = 1 << 20) -> FormRequestScanner:
    scanner = FormRequestScanner(TYPE)
    for start in range(0, len(body), size):
        scanner.feed(body[start : start + size])
    scanner.close()
    return scanner


@pytest.mark.parametrize("size", [1, 5, 1000, 1 << 20])
@pytest.mark.parametrize("last", [True, False])
def test_the_model_is_found_before_a_file_and_after_it(size: int, last: bool) -> None:
    model = field(b"model", b"whisper-1")
    body = field(b"stream", b"true") + (FILE + model if last else model + FILE) + END
    scanner = FormRequestScanner(TYPE)
    splice = spliced_form(scanner, Changes("other", {"language": "en"}))
    sent = []
    for start in range(0, len(body), size):
        scanner.feed(body[start : start + size])
        sent += splice.feed(body[start : start + size])
    scanner.close()
    assert (scanner.model, scanner.stream, scanner.names) == ("whisper-1", True, {"model", "stream", "file"})
    expected = body.replace(b"whisper-1", b"other").replace(END, field(b"language", b"en") + END)
    assert b"".join(sent) == expected


def test_the_length_is_known_where_it_does_not_depend_on_what_is_to_come() -> None:
    scanner = FormRequestScanner(TYPE)
    assert form_room(scanner, Changes("m")) is None
    scanner.feed(field(b"model", b"whisper-1") + b"--b\r")
    assert form_room(scanner, Changes("m")) == 1 - len("whisper-1")
    assert form_room(scanner, Changes("m", {"language": "en"})) is None
    scanner.feed(b"\n" + FILE.removeprefix(b"--b\r\n") + END)
    assert form_room(scanner, Changes("m", {"language": "en"})) == 1 - 9 + len(field(b"language", b"en"))


def test_a_form_without_a_model_gets_one() -> None:
    body = field(b"prompt", b"x") + END
    scanner = scan(body)
    assert b"".join(spliced_form(scanner, Changes("m")).feed(body)) == (
        field(b"prompt", b"x") + field(b"model", b"m") + END
    )


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Disposition: form-data; name=model",
        b'CONTENT-DISPOSITION:Form-Data;NAME="model"',
        b'Content-Type: text/plain; charset=utf-8\r\ncontent-disposition:\tform-data; name="model"',
        b'Content-Disposition: form-data; name="model"\r\nContent-Transfer-Encoding: 8BIT',
    ],
)
def test_headers_are_read_however_they_are_written(headers: bytes) -> None:
    assert scan(part(headers, b"m") + END).model == "m"


def test_fields_may_repeat_and_names_may_look_nested() -> None:
    granularity = field(b"timestamp_granularities[]", b"word")
    body = granularity * 2 + field(b"model[x]", b"no") + field(b"model", b"m") + END
    assert scan(body).model == "m"


def test_a_file_may_have_any_name() -> None:
    header = (
        'Content-Disposition: form-data; name="file"; filename="C:\\é;.wav"; filename*=UTF-8\'\'%c3%a9.wav'
    )
    assert scan(part(header.encode()) + END).names == {"file"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (rb"a\"b", 'a"b'),
        (rb"a\\", "a\\"),
        (rb"my\ field", "my field"),
        (b"a%22b", 'a"b'),
        ("é".encode(), "é"),
    ],
)
def test_a_name_may_be_escaped_where_it_is_none_that_matters(written: bytes, name: str) -> None:
    assert scan(field(written, b"x") + END).names == {name}


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_what_stands_before_the_parts_is_left_out_and_what_stands_behind_them_goes_on(size: int) -> None:
    parts = field(b"model", b"whisper-1").replace(b"--b", b"--b \t") + FILE
    behind = b"--b--  \r\nThat was\r\n-- a form.\r\n"
    body = b"This is a\r\n- form.\r\n" + parts + behind
    scanner = FormRequestScanner(TYPE)
    splice = spliced_form(scanner, Changes("other"))
    sent = []
    for start in range(0, len(body), size):
        scanner.feed(body[start : start + size])
        sent += splice.feed(body[start : start + size])
    scanner.close()
    assert b"".join(sent) == parts.replace(b"whisper-1", b"other") + behind
    assert form_room(scanner, Changes("other")) == len(b"".join(sent)) - len(body)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (rb'filename="say \"hi\".wav"', 'say "hi".wav'),
        (rb'filename="a\\b.wav"', r"a\b.wav"),
        (rb'filename="C:\dir\b.wav"', r"C:\dir\b.wav"),
        (b'filename="say %22hi%22.wav"', 'say "hi".wav'),
        (rb'filename="\\\\server\\\"a\" b.wav"', r'\\server\"a" b.wav'),
        (b'filename="a%2Fb.wav"', "a%2Fb.wav"),
        (b"filename=\"a.wav\"; filename*=UTF-8''%c3%a9%20.mp3", "é .mp3"),
        (b"filename*=iso-8859-1'en'%E9.mp3; filename=a.wav", "é.mp3"),
        (b"filename=a.wav; filename*=ebcdic''%E9.mp3", "a.wav"),
        (b"x=y", ""),
    ],
)
def test_a_files_name_is_read_as_it_was_meant(written: bytes, name: str) -> None:
    reader = FormReader(b"b", lambda block: None)
    reader.feed(part(b'Content-Disposition: form-data; name="file"; ' + written) + END)
    reader.close()
    assert reader.form(StoredSource(lambda file: None)).file_name == name


MODEL = field(b"model", b"m")
REFUSED = {
    "two models": MODEL + FILE + MODEL + END,
    "a model that is a file": part(b'Content-Disposition: form-data; name="model"; filename="m"') + END,
    "a long model": field(b"model", b"m" * 5000) + END,
    "a model that is no text": field(b"model", b"\xff") + END,
    "a host": field(b"api_base", b"http://x") + END,
    "an escaped letter": part(rb'Content-Disposition: form-data; name="mod\el"') + END,
    "a file's name that seems to be another": part(
        rb'Content-Disposition: form-data; name="a"; filename="b\"; name=\"model"'
    )
    + END,
    "a name without its end": part(b'Content-Disposition: form-data; name="a\\"') + END,
    "two names": part(b'Content-Disposition: form-data; name="a"; name="model"') + END,
    "an encoded name": part(b"Content-Disposition: form-data; name=\"a\"; name*=UTF-8''model") + END,
    "no name": part(b"Content-Disposition: form-data") + END,
    "an empty name": field(b"", b"x") + END,
    "an attachment": part(b'Content-Disposition: attachment; name="model"') + END,
    "two dispositions": part(b'Content-Disposition: form-data; name="a"\r\n' * 2 + b"X: y") + END,
    "no headers": b"--b\r\n\r\nx\r\n" + END,
    "a folded header": part(b'Content-Disposition: form-data;\r\n name="model"') + END,
    "a bare line feed": part(b'Content-Disposition: form-data; name="a"\nX: y') + END,
    "base64": part(b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64') + END,
    "many parts": field(b"a", b"x") * (MAX_PARTS + 1) + END,
    "long headers": part(b"X: " + b"y" * MAX_HEADER_BYTES) + END,
    "endless headers": b"--b\r\n" + b"X: y\r\n" * 50_000,
    "dashes": b"-" * 2_000_000,
    "dashes in a part": field(b"a", b"\r\n" + b"-" * 2_000_000),
    "a line before it that is not one": b"preamble" + MODEL + END,
    "a bare line feed before it": b"preamble\n" + MODEL + END,
    "a long preamble": b"x" * 9000 + b"\r\n" + MODEL + END,
    "only a preamble": b"preamble\r\n",
    "parts after it": MODEL + END + MODEL,
    "a boundary after it": MODEL + END + b"x" * 20_000 + b"--b",
    "something on its last line": MODEL + b"--b--x",
    "something behind its padding": MODEL + b"--b-- x\r\n",
    "endless padding": MODEL + b"--b" + b" " * 20_000 + b"\r\n",
    "padding on the wrong side": MODEL + b"--b --\r\n",
    "a part that ends at once": b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + END,
    "a delimiter that goes on": MODEL.replace(b"m\r\n", b"m\r\n--bb\r\n") + END,
    "cut off": MODEL + FILE[:-10],
    "nothing": b"",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_is_no_form_or_can_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        scan(body, 10_000)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data ; charset=utf-8; BOUNDARY="a b:c"'.replace(" ;", ";"), b"a b:c"),
        ("multipart/form-data;boundary=" + "-" * 69 + "x", b"-" * 69 + b"x"),
    ],
)
def test_the_boundary_is_read_from_the_type(content_type: str, expected: bytes) -> None:
    assert boundary(content_type) == expected


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=abc",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        'multipart/form-data; boundary="a "',
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=" + "x" * 71,
        'multipart/form-data; boundary="a\r\nb"',
        "multipart/form-data; boundary=é",
    ],
)
def test_a_type_without_a_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(InputError):
        boundary(content_type)


def test_a_large_file_is_not_kept() -> None:
    scanner = FormRequestScanner(TYPE)
    scanner.feed(b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
    for _ in range(50):
        before = scanner.settled
        scanner.feed(SOUND)
        assert scanner.settled > before + len(SOUND) - 100
