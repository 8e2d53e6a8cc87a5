"""A look-up answers for any string, and other people's documents are read whatever they hold."""

from hypothesis import example, given
from hypothesis import strategies as st

from audiocli.catalog import Table, known_models, lookup, served, sources
from audiocli.config import Config, Deployment
from audiocli.library.lookup import known

NAMES = known_models()
SERVED = ["data", "id", "model_name", "model_info", "model_group", "providers", "architecture", "pricing"]
MAPPED = ["models", "modalities", "input", "output", "cost", "limit", "mode", "supports_audio_input"]
KEYS = st.sampled_from([*SERVED, *MAPPED])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(st.text())
@example("\ud800")
@example("/" * 100_000)
@example('gpt-audio": {"')
@example("gpt-audio\n")
def test_any_string_is_looked_up(name: str) -> None:
    found = lookup(name)
    assert found is None or name.lower() in found.id.lower() or found.id.lower() in name.lower()


@given(st.text(), st.text())
def test_any_provider_is_looked_up(model: str, provider: str) -> None:
    lookup(model, provider)


@given(st.sampled_from(NAMES), st.text(max_size=3), st.text(max_size=3))
def test_a_known_name_with_something_around_it(name: str, before: str, after: str) -> None:
    lookup(before + name + after)


@given(st.text(), st.none() | st.text(), st.dictionaries(KEYS, JSON, max_size=4))
def test_a_look_up_beside_a_config_never_raises(
    name: str, provider: str | None, model_info: dict[str, object]
) -> None:
    config = Config(deployments={name: Deployment(model=name, model_info=model_info)})
    known(Table(), config, name, provider)


@given(st.sampled_from(NAMES))
def test_a_known_name_finds_itself(name: str) -> None:
    found = lookup(name)
    assert found is not None
    assert found.id == name


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_any_document_is_read_as_models_or_as_none(document: dict[str, object]) -> None:
    """Neither a server nor a map that we fetch can make us raise."""
    for model in served.read(document):
        assert isinstance(model.name, str)
    sources.merged(document, document)
