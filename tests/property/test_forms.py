"""What others write as a form is read as it was meant, and is passed on byte for byte but for its model."""

import asyncio
import io
from collections.abc import Callable
from email.generator import BytesGenerator
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import HTTP
from typing import Any

import aiohttp
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from audiocli.audio.reading.source import StoredSource
from audiocli.wire.openai.form import FormReader
from audiocli.wire.splicing.form_scan import boundary
from audiocli.wire.splicing.request_splice import Changes, FormRequestScanner, form_room, spliced_form

Fields = dict[str, str]
Written = tuple[bytes, str]  # with its type
Encoder = Callable[[Fields, str, bytes], Written]


def urllib3(fields: Fields, name: str, file: bytes) -> Written:
    return encode_multipart_formdata([*fields.items(), ("file", (name, file))])


def httpx_(fields: Fields, name: str, file: bytes) -> Written:
    request = httpx.Request("POST", "http://x", data=fields, files={"file": (name, file)})
    return request.read(), request.headers["content-type"]


def aiohttp_(fields: Fields, name: str, file: bytes) -> Written:
    async def write() -> Written:
        form = aiohttp.FormData(quote_fields=False)
        for each, value in fields.items():
            form.add_field(each, value)
        form.add_field("file", file, filename=name)
        writer = form()
        return await writer.as_bytes(), writer.headers["Content-Type"]

    return asyncio.run(write())


def python_email(fields: Fields, name: str, file: bytes) -> Written:
    form = MIMEMultipart("form-data", policy=HTTP)
    for each, value in fields.items():
        form.attach(_email_part("text/plain; charset=utf-8", value.encode(), name=each))
    form.attach(_email_part("audio/wav", file, name="file", filename=name))
    content_type = form["Content-Type"]
    written = io.BytesIO()
    form.preamble, form.epilogue = "This is a form.", "That was it.\r\n"
    generator: BytesGenerator[Any] = BytesGenerator(written, mangle_from_=False, policy=HTTP)
    generator.flatten(form)
    _, _, body = written.getvalue().partition(b"\r\n\r\n")
    return body, f'{content_type}; boundary="{form.get_boundary()}"'


def _email_part(media_type: str, content: bytes, **parameters: str) -> MIMENonMultipart:
    part = MIMENonMultipart(*media_type.split(";")[0].split("/"), policy=HTTP)
    part.set_payload(content.decode("ascii", "surrogateescape"))
    part.add_header("Content-Disposition", "form-data", **parameters)
    return part


def go(fields: Fields, name: str, file: bytes) -> Written:
    """As Go's mime/multipart does it, and curl with --form-escape."""

    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"')

    body = b""
    for each, value in fields.items():
        body += f'--x\r\nContent-Disposition: form-data; name="{escaped(each)}"\r\n\r\n{value}\r\n'.encode()
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{escaped(name)}"\r\n'
    body += head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + file + b"\r\n--x--\r\n"
    return body, "multipart/form-data; boundary=x"


ESCAPES: dict[str, Encoder] = {"httpx": httpx_, "aiohttp": aiohttp_, "email": python_email, "go": go}
ENCODERS = {**ESCAPES, "urllib3": urllib3}
NAMES = st.text('ab []".;=', min_size=1, max_size=8).filter(lambda name: name.strip() == name)
FIELDS = st.dictionaries(NAMES, st.text("ab\r\n -é", max_size=20), max_size=4)
FILE_NAMES = st.text('ab .;="é✓()', min_size=1, max_size=12).filter(lambda name: name.strip() == name)


def as_sent(fields: Fields) -> Fields:
    """What e-mail may say of lines: each ends with CR and LF."""
    return {name: value.replace("\r", "").replace("\n", "\r\n") for name, value in fields.items()}


@pytest.mark.parametrize("encoder", ENCODERS)
@given(FIELDS, FILE_NAMES, st.binary(max_size=60), st.integers(1, 80))
def test_a_form_is_read_as_it_was_meant(
    encoder: str, fields: Fields, name: str, file: bytes, size: int
) -> None:
    fields = as_sent(fields)
    file = file.replace(b"\r", b"").replace(b"\n", b"") if encoder == "email" else file
    assert_read(ENCODERS[encoder](fields, name, file), fields, name, file, size)


@pytest.mark.parametrize("encoder", ESCAPES)
@given(st.text('ab\\"é', min_size=1, max_size=12))
def test_a_files_name_has_backslashes_where_they_are_escaped(encoder: str, name: str) -> None:
    assert_read(ESCAPES[encoder]({}, name, b"x"), {}, name, b"x", 1000)


def assert_read(written: Written, fields: Fields, name: str, file: bytes, size: int) -> None:
    body, content_type = written
    found: list[bytes] = []
    reader = FormReader(boundary(content_type), found.append)
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    reader.close()
    form = reader.form(StoredSource(lambda file: None))
    assert (dict(form.fields), form.file_name, b"".join(found)) == (fields, name, file)


@pytest.mark.parametrize("encoder", ENCODERS)
@given(FIELDS, FILE_NAMES, st.binary(max_size=60), st.integers(1, 80))
def test_a_form_goes_on_as_it_was_written(
    encoder: str, fields: Fields, name: str, file: bytes, size: int
) -> None:
    def through(form: Fields) -> tuple[bytes, bytes, Any]:
        body, content_type = ENCODERS[encoder](form, name, file)
        scanner = FormRequestScanner(content_type)
        splice = spliced_form(scanner, changes)
        sent = b""
        for start in range(0, len(body), size):
            scanner.feed(body[start : start + size])
            sent += b"".join(splice.feed(body[start : start + size]))
        scanner.close()
        assert form_room(scanner, changes) == len(sent) - len(body)
        return body, sent, scanner

    changes = Changes("another")
    body, sent, scanner = through({**fields, "model": "the-model"})
    assert (scanner.model, scanner.names) == ("the-model", {*fields, "model", "file"})
    assert sent == body[body.index(b"--") :].replace(b"the-model", b"another")
