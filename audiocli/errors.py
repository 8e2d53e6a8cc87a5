"""Everything that audiocli raises on purpose, each with its exit code and its HTTP status.

    AudiocliError                          1   500   a fault of our own
    ├── BadRequestError                        400   the request is wrong; one of these:
    │   ├── UsageError                     2   400   it asks for what cannot be
    │   │   ├── ConfigError                2   500   the configuration is broken
    │   │   ├── MisspeltModelError       2   400   nearly a known model's name
    │   │   └── UnknownModelError         10   404   unknown model
    │   ├── InputError                     2   400   an input is missing, unreadable or not audio
    │   ├── CapabilityError                3   400   the model cannot do this
    │   └── RejectedError, below
    ├── DependencyError                    2   501   something optional is not installed
    ├── OutputError                        8   500   the answer cannot be written
    ├── Interrupted                    128+n   499   signal n ended it: 130 for Ctrl-C, 143 for TERM
    └── ProviderError                      7   502   what a provider may raise
        ├── AuthenticationError            4   401   no key, or a wrong one
        │   └── PermissionDeniedError      4   403   a key that may not do this
        ├── RejectedError                  5   400   refused by the service: 4xx, moderation
        │   ├── NotFoundError              5   404   the service has no such model or address
        │   ├── UnprocessableEntityError   5   422   the service cannot read the request
        │   ├── ContextWindowExceededError     400   more than the model takes at once
        │   └── ContentPolicyViolationError    400   refused for what is in it
        ├── RateLimitError                 6   429   rate limit or quota
        ├── ConnectError                   7   502   no connection, or it broke
        ├── DeadlineError                  7   504   it took too long
        ├── ServerError                    7   502   the service failed: 5xx
        │   └── ServiceUnavailableError    7   503   it is overloaded
        └── ReplyError                     7   502   the answer cannot be used

A message says what happened; `hint` says what to do about it. `exceptions` has them by LiteLLM's names.
"""

from typing import Self


class AudiocliError(Exception):
    """What happened, and in `hint` what to do. Rendered as one line: `message; hint`.

    Where an answer had begun, `transcript` is what had come of its words, `kept` the file with its sound.
    `arguments` are those of a call that its text names, each in a word; a command line has options for them.
    """

    exit_code: int = 1
    http_status: int = 500
    advice: str | None = None  # what to do about most errors of a class
    transcript: str | None = None
    kept: str | None = None
    arguments: tuple[str, ...] = ()

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.advice

    def about(self, *arguments: str) -> Self:
        """This, as an error about `arguments`."""
        self.arguments = arguments
        return self

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message

    @property
    def status_code(self) -> int:
        """The HTTP status, by the name that OpenAI's and LiteLLM's errors give it."""
        return self.http_status


class BadRequestError(AudiocliError):
    """A request that would be refused again as it is."""

    http_status = 400


class UsageError(BadRequestError):
    exit_code = 2
    http_status = 400


class ConfigError(UsageError):
    """`further` are other faults of the same config."""

    http_status = 500
    advice = "correct the config"
    further: tuple["ConfigError", ...] = ()


class MisspeltModelError(UsageError):
    """A model that may exist all the same: whoever forces it has it sent."""


class UnknownModelError(UsageError):
    exit_code = 10
    http_status = 404


class InputError(BadRequestError):
    """`param` is the wrong member of a request, if it is one; `code` OpenAI's word for what is wrong."""

    exit_code = 2
    http_status = 400

    def __init__(
        self, message: str, *, hint: str | None = None, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.param = param
        self.code = code


class DependencyError(AudiocliError):
    exit_code = 2
    http_status = 501


class CapabilityError(BadRequestError):
    """`param` is the member of a request that asks for it, if there is one."""

    exit_code = 3
    http_status = 400

    def __init__(self, message: str, *, hint: str | None = None, param: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.param = param


class OutputError(AudiocliError):
    exit_code = 8
    http_status = 500


class Interrupted(AudiocliError):  # noqa: N818 - nothing went wrong
    http_status = 499

    def __init__(self, number: int) -> None:
        super().__init__("interrupted" if number == 2 else f"ended by signal {number}")
        self.exit_code = 128 + number


class ProviderError(AudiocliError):
    """A provider could not answer.

    `status` is the HTTP status that the service sent, if it sent one; `type`, `code` and `param` are the
    service's own words for the error. `retryable` says that the same request may succeed if it is sent
    again, `retry_after` (seconds) when.
    """

    exit_code = 7
    http_status = 502

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.type = type
        self.code = code
        self.param = param
        self.retryable = retryable
        self.retry_after = retry_after

    @property
    def status_code(self) -> int:
        """The HTTP status that the service sent, or the one that stands for this error."""
        return self.status or self.http_status


class AuthenticationError(ProviderError):
    exit_code = 4
    http_status = 401


class PermissionDeniedError(AuthenticationError):
    http_status = 403


class RejectedError(ProviderError, BadRequestError):
    exit_code = 5
    http_status = 400
    advice = "change the request"


class NotFoundError(RejectedError):
    http_status = 404


class UnprocessableEntityError(RejectedError):
    http_status = 422


class ContextWindowExceededError(RejectedError):
    advice = "send less"


class ContentPolicyViolationError(RejectedError):
    pass


class RateLimitError(ProviderError):
    exit_code = 6
    http_status = 429


class ConnectError(ProviderError):
    advice = "check the address and the network"


class DeadlineError(ProviderError):
    http_status = 504
    advice = "try again, or raise the timeout"


class ServerError(ProviderError):
    advice = "try again later"


class ServiceUnavailableError(ServerError):
    http_status = 503


class ReplyError(ProviderError):
    advice = "try again, or ask another model"


def install_hint(extra: str) -> str:
    """How to get an optional part. It names no package to install: that name may be somebody else's."""
    return f"install audiocli with its {extra!r} extra"
