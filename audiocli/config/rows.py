"""The rows of `model_list`, whoever reads them: what they may hold, and what they lead to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from audiocli.catalog.table import is_openais_name
from audiocli.config.litellm_keys import OTHER_PROVIDERS
from audiocli.config.problems import Note, refuse, tried
from audiocli.config.section import Section
from audiocli.errors import ConfigError
from audiocli.printable import one_line, quoted
from audiocli.wire import litellm

ADDRESSES = frozenset({"api_base", "base_url"})
IGNORE = "ignore"
OWN_SECTION = "audiocli_settings"

_ROW = frozenset({"litellm_params", "model_info", "model_name"})


@dataclass(frozen=True)
class Row:
    """A row of `model_list`: the name that clients use, what leads to the model, and what is said of it."""

    name: str
    params: Section
    info: Section

    def having(self, name: str | None = None, **params: str) -> "Row":
        """This, with another name, and other parameters."""
        return replace(self, name=name or self.name, params=Section(params).over(self.params))

    @property
    def model(self) -> str:
        """With its provider, if that is known."""
        model, provider = str(self.params["model"]), self.params.get("custom_llm_provider")
        if provider and not model.startswith(f"{provider}/"):
            return f"{provider}/{model}"
        return f"openai/{model}" if is_openais_name(model) else model

    @property
    def is_foreign(self) -> bool:
        """Whether it is for an API that is not supported, whose arguments are its own."""
        return self.model.partition("/")[0] in OTHER_PROVIDERS

    def of(self, *effects: litellm.Row) -> list[str]:
        """Those of its members that have one of `effects`, and a value."""
        found = (
            (name, litellm.argument(name)) for name in self.params if litellm.is_set(name, self.params[name])
        )
        return [name for name, argument in found if argument and argument.row in effects]


def read_rows(document: Section) -> Iterator[Row]:
    """Raises `ConfigError`, with the line, for a row that lacks what it needs, or has what nobody knows."""
    for row in document.items_of("model_list"):
        yield _read(row, document, refuse)


def with_whole_rows(document: Section, note: Note) -> Section:
    """`document` without the rows for which `read_rows` raises, each of whose faults is noted."""
    rows: list[object] = tried(lambda: document.items_of("model_list"), [], note)
    return document.having("model_list", [row for row in rows if _is_whole(row, document, note)])


def _is_whole(row: object, document: Section, note: Note) -> bool:
    faults: list[ConfigError] = []
    tried(lambda: _read(row, document, faults.append), None, faults.append)
    for fault in faults:
        note(fault)
    return not faults


def _read(row: object, document: Section, note: Note) -> Row:
    match row:
        case Section(
            {"model_name": str(name), "litellm_params": Section({"model": str(model)}) as params}
        ) if name and model:
            _check_names(row, note)
            found = Row(name, _with_credential(params, document), row.section("model_info"))
            _check_members(found, note)
            return found
        case Section():
            raise ConfigError(
                f"{next(map(row.where, row), document.where('model_list'))}: a row of model_list lacks "
                "model_name or litellm_params.model",
                hint="each row needs both, as text",
            )
    raise ConfigError(f"{document.where('model_list')}: a row is not a mapping")


def ignored(document: Section) -> frozenset[str]:
    """What `audiocli_settings.ignore` names: settings that the config has, and that may have no effect."""
    own = document.section(OWN_SECTION)
    for name in own.items_of(IGNORE):
        if not isinstance(name, str):
            raise ConfigError(f"{own.where(IGNORE)}: {IGNORE} must be a list of names")
    return frozenset(own.items_of(IGNORE))


def unsupported(row: Row, name: str) -> ConfigError:
    """The error for a member of a row that would change what is sent, or limit it, and is not supported."""
    return ConfigError(
        f"{row.params.where(name)}: {name} is not supported",
        hint=f"remove it, or accept that it has no effect: {OWN_SECTION}.{IGNORE}: [{name}]",
    )


def _with_credential(params: Section, document: Section) -> Section:
    """`params`, with what the row of `credential_list` has that they name."""
    name = params.get("litellm_credential_name")
    if name is None:
        return params
    for row in document.items_of("credential_list"):
        if isinstance(row, Section) and row.get("credential_name") == name:
            return params.over(row.section("credential_values"))
    where = params.where("litellm_credential_name")
    raise ConfigError(f"{where}: there is no credential {quoted(str(name))}", hint="check credential_list")


def _check_names(row: Section, note: Note) -> None:
    """A key beside `litellm_params` would not be used, and an address there would not be asked."""
    for name in row.keys() - _ROW:
        argument = litellm.argument(name)
        if argument is None or argument.row == "used":
            known = _ROW if argument is None else ()
            close = litellm.nearest(name, known)
            hint = f"did you mean {close}?" if close else "it belongs in litellm_params" if argument else None
            note(ConfigError(f"{row.where(name)}: unknown key {_short(name)} in a row", hint=hint))


def _check_members(row: Row, note: Note) -> None:
    """A name that nobody knows may be a misspelt key, and would be sent with its value."""
    for name in () if row.is_foreign else row.params:
        if name not in litellm.MEMBERS and litellm.argument(name) is None:
            close = litellm.nearest(name, [*litellm.OWN, *litellm.MEMBERS])
            advice = "put what only the service knows into extra_body"
            hint = f"did you mean {close}? If not, {advice}" if close else advice
            unknown = f"unknown key {_short(name)} in litellm_params"
            note(ConfigError(f"{row.params.where(name)}: {unknown}", hint=hint))


def _short(name: str) -> str:
    return quoted(one_line(name, 60))
