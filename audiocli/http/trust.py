"""Which certificate authorities are trusted: the variables that name them name something usable."""

import os
import ssl
from collections.abc import Mapping

from audiocli.errors import ConfigError
from audiocli.printable import quoted

FILE, FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"

# OpenSSL's numbers, of x509_vfy.h.
_AT_THE_WRONG_TIME = (9, 10)
_FOR_ANOTHER_HOST = (62, 64)


def check_authorities(environ: Mapping[str, str]) -> None:
    """Raise `ConfigError` if a variable names no certificates: with it no server would be trusted."""
    if path := environ.get(FILE):
        _check_file(path)
    elif (folders := environ.get(FOLDER)) and not any(map(os.path.isdir, folders.split(os.pathsep))):
        raise _unusable(FOLDER, folders, "no such folder")


def _check_file(path: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        with open(path, "rb"):  # OpenSSL does not say what keeps it from opening a file.
            pass
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise _unusable(FILE, path, "no PEM certificates in it") from None
    except OSError as error:
        raise _unusable(FILE, path, (error.strerror or str(error)).lower()) from None
    except ValueError:
        raise _unusable(FILE, path, "not a file's name") from None


def _unusable(variable: str, path: str, reason: str) -> ConfigError:
    what = "a file with PEM certificates" if variable == FILE else "a folder with certificates"
    return ConfigError(f"cannot use {variable}={quoted(path)}: {reason}", hint=f"name {what}, or unset it")


def advice(error: ssl.SSLCertVerificationError, environ: Mapping[str, str]) -> str:
    """What to do about a certificate that was not accepted."""
    if error.verify_code in _FOR_ANOTHER_HOST:
        return "check the address"
    if error.verify_code in _AT_THE_WRONG_TIME:
        return "check this machine's clock; if that is right, the server needs another certificate"
    if path := environ.get(FILE):
        return f"add its authority's certificate to SSL_CERT_FILE={quoted(path)}, if you trust it"
    if path := environ.get(FOLDER):
        return f"add its authority's certificate to SSL_CERT_DIR={quoted(path)}, if you trust it"
    return "set SSL_CERT_FILE to a file with its authority's certificate, if you trust it"
