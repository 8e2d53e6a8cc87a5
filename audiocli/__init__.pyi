from audiocli.capabilities import Capabilities as Capabilities
from audiocli.chat import AudioDelta as AudioDelta
from audiocli.chat import AudioStarted as AudioStarted
from audiocli.chat import Event as Event
from audiocli.chat import Finished as Finished
from audiocli.chat import TextDelta as TextDelta
from audiocli.chat import TranscriptDelta as TranscriptDelta
from audiocli.chat import Usage as Usage
from audiocli.client import Answer as Answer
from audiocli.errors import AudiocliError as AudiocliError
from audiocli.errors import AuthenticationError as AuthenticationError
from audiocli.errors import CapabilityError as CapabilityError
from audiocli.errors import ConfigError as ConfigError
from audiocli.errors import ConnectError as ConnectError
from audiocli.errors import DeadlineError as DeadlineError
from audiocli.errors import DependencyError as DependencyError
from audiocli.errors import InputError as InputError
from audiocli.errors import OutputError as OutputError
from audiocli.errors import ProviderError as ProviderError
from audiocli.errors import RateLimitError as RateLimitError
from audiocli.errors import RejectedError as RejectedError
from audiocli.errors import ReplyError as ReplyError
from audiocli.errors import ServerError as ServerError
from audiocli.errors import UsageError as UsageError
from audiocli.library.asking import aask as aask
from audiocli.library.asking import ask as ask
from audiocli.library.asking import astream as astream
from audiocli.library.asking import stream as stream
from audiocli.library.transcribing import atranscribe as atranscribe
from audiocli.library.transcribing import transcribe as transcribe
from audiocli.sdk.completions import acompletion as acompletion
from audiocli.sdk.completions import completion as completion
from audiocli.sdk.document import Document as Document
from audiocli.sdk.supports import supports_audio_input as supports_audio_input
from audiocli.sdk.supports import supports_audio_output as supports_audio_output
from audiocli.transcript import Segment as Segment
from audiocli.transcript import Transcript as Transcript
from audiocli.transcript import Word as Word

# A module at run time, which can be called.
def capabilities(model: str, provider: str | None = None) -> Capabilities | None: ...

__version__: str
__all__: list[str]
