"""The errors by the names that LiteLLM and OpenAI's SDK have for them; each is one of ours, see `errors`."""

from audiocli import errors

OpenAIError = errors.AudiocliError
AuthenticationError = errors.AuthenticationError
BadRequestError = errors.BadRequestError
InvalidRequestError = errors.BadRequestError
UnsupportedParamsError = errors.CapabilityError
NotFoundError = errors.NotFoundError
PermissionDeniedError = errors.PermissionDeniedError
UnprocessableEntityError = errors.UnprocessableEntityError
ContextWindowExceededError = errors.ContextWindowExceededError
ContentPolicyViolationError = errors.ContentPolicyViolationError
RateLimitError = errors.RateLimitError
Timeout = errors.DeadlineError
APITimeoutError = errors.DeadlineError
APIConnectionError = errors.ConnectError
APIError = errors.ProviderError
APIStatusError = errors.ProviderError
APIResponseValidationError = errors.ReplyError
InternalServerError = errors.ServerError
BadGatewayError = errors.ServerError
ServiceUnavailableError = errors.ServiceUnavailableError

__all__ = [
    "OpenAIError",
    "AuthenticationError",
    "BadRequestError",
    "InvalidRequestError",
    "UnsupportedParamsError",
    "NotFoundError",
    "PermissionDeniedError",
    "UnprocessableEntityError",
    "ContextWindowExceededError",
    "ContentPolicyViolationError",
    "RateLimitError",
    "Timeout",
    "APITimeoutError",
    "APIConnectionError",
    "APIError",
    "APIStatusError",
    "APIResponseValidationError",
    "InternalServerError",
    "BadGatewayError",
    "ServiceUnavailableError",
]
