"""Endpoints are read whole or refused, with the file, the entry and the reason, and without a secret."""

from pathlib import Path

import pytest

from connectors.courts.addresses import is_loopback
from connectors.courts.endpoint import Channel, Endpoint
from connectors.courts.endpoints import Endpoints, EndpointsError
from connectors.courts.settings import CourtsSettings
from connectors.courts.signature import secret_key
from stream.core.escalation import Level, PoliceLevel
from tests.connectors.courts.cases import OTHER_SECRET, SECRET
from watchlists.order import Court


def entry(**fields: object) -> str:
    given = {"court": "440106", "url": "https://court.example/hits?token=t0k", "secret": SECRET, **fields}
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in given.items() if value
    ]
    return "\n".join(["[[endpoint]]", *lines, ""])


def load(folder: Path, text: str, **options: object) -> Endpoints:
    path = folder / "courts.toml"
    path.write_text(text, "utf-8")
    return Endpoints.load(path, **options)  # type: ignore[arg-type]


def test_each_court_has_its_own_endpoint_and_the_star_is_for_the_rest(tmp_path: Path) -> None:
    endpoints = load(tmp_path, entry() + entry(court="*", url="https://any.example"))
    assert endpoints.of(Court(code="440106"))[0].redacted == "https://court.example/hits"
    assert endpoints.of(Court(code="110101"))[0].redacted == "https://any.example/"
    assert len(endpoints) == 2


def test_a_court_without_an_endpoint_has_none(tmp_path: Path) -> None:
    assert load(tmp_path, entry()).of(Court(code="110101")) == ()
    assert load(tmp_path, "").of(Court(code="440106")) == ()


def test_a_secret_comes_from_a_file_beside_or_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "a.secret").write_text(SECRET + "\n")
    text = entry(secret=None, secret_file="a.secret") + entry(court="2", secret=None, secret_env="S")
    endpoints = load(tmp_path, text, environ={"S": OTHER_SECRET})
    keys = [endpoints.of(Court(code=court))[0].key.get_secret_value() for court in ("440106", "2")]
    assert keys == [secret_key(SECRET), secret_key(OTHER_SECRET)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[endpoint]", "courts.toml: "),
        ("endpoint = 1", "two brackets"),
        ("[endpoint]\ncourt = 'a'", "two brackets"),
        ("[[endpoints]]\ncourt = 'a'", "not endpoints"),
        ("endpoint = [1]", "endpoint 1: "),
        (entry() + entry(), "endpoint 2 (court 440106): it is listed already"),
        (entry(court=None), "level handler is of a court"),
        (entry(colour="red"), "endpoint 1 (court 440106): colour: Extra inputs"),
        (entry(secret=None), "exactly one of secret, secret_file and secret_env"),
        (entry(secret_env="S"), "exactly one of secret, secret_file and secret_env"),
        (entry(secret=None, secret_env="S"), "secret_env: S is not set"),
        (entry(secret=None, secret_file="none"), "secret_file: none: No such file"),
        (entry(secret="whsec_abc"), "a secret has 24 to 64 bytes, this one has 2"),
        (entry(url="court.example/t0k"), "url: not an https URL"),
        (entry(url="ftp://court.example/t0k"), "url: not an https URL"),
        (entry(url="https:///t0k"), "url: not an https URL"),
        (entry(url="https://a..b/t0k"), "url: not an https URL"),
        (entry(url=f"https://{'a' * 64}.example/t0k"), "url: not "),
        (entry(url="https://court.example:99999/t0k"), "url: not "),
        (entry(url="https://[::1/t0k"), "url: not "),
        (entry(url="http://court.example/t0k"), "plain http is not allowed"),
        (entry(url="http://127.0.0.1/t0k"), "plain http is not allowed"),
        (entry(url="http://court.example/t0k", allow_http=True), "plain http to court.example must be allowed by name"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_no_secret(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EndpointsError) as refused:
        load(tmp_path, text, environ={})
    assert said in str(refused.value)
    assert "courts.toml" in str(refused.value)
    assert SECRET[6:] not in str(refused.value)
    assert "t0k" not in str(refused.value)


def test_plain_http_needs_the_entry_to_say_so_and_loopback_or_the_deployment_to_allow_it(tmp_path: Path) -> None:
    assert load(tmp_path, entry(url="http://127.0.0.1:8080/a", allow_http=True)).of(Court(code="440106"))[0]
    text = entry(url="http://court.example/a", allow_http=True)
    assert load(tmp_path, text, http_hosts=frozenset({"court.example"})).of(Court(code="440106"))[0]


ALL: frozenset[Channel] = frozenset({"webhook", "email", "sms", "inbox"})


def other(**fields: object) -> str:
    """An entry of another channel than a webhook."""
    return entry(**{"url": None, "secret": None, **fields})


def test_each_channel_has_its_own_fields_and_shows_nobody_s_address(tmp_path: Path) -> None:
    text = (
        other(channel="email", to="judge.li@court.example")
        + other(channel="sms", phone="+8613800000000")
        + other(channel="inbox", token_env="T")
    )
    endpoints = load(tmp_path, text, channels=ALL)
    told = endpoints.of(Court(code="440106"))
    assert [endpoint.channel for endpoint in told] == ["email", "sms", "inbox"]
    assert [endpoint.redacted for endpoint in told] == ["mailto:…@court.example", "tel:…00", "inbox:440106"]
    assert [endpoint.address for endpoint in told[:2]] == ["judge.li@court.example", "+8613800000000"]
    for endpoint in told:
        for shown in (str(endpoint), repr(endpoint), endpoint.model_dump_json()):
            assert "judge.li" not in shown
            assert "8613800000000" not in shown


def test_each_level_is_of_a_court_a_province_or_the_nation(tmp_path: Path) -> None:
    text = (
        entry(level="duty_desk")
        + entry(level="high_court", court=None, province="44", url="https://high.example/")
        + entry(level="national_command", court=None, url="https://nation.example/")
    )
    endpoints = load(tmp_path, text)
    court = Court(code="440106", province="44")
    levels: tuple[Level, ...] = ("handler", "duty_desk", "enforcement_bureau", "high_court", "national_command")
    assert [len(endpoints.of(court, level)) for level in levels] == [0, 1, 0, 1, 1]


def test_S4_5_the_police_are_listed_by_province_nation_or_station(tmp_path: Path) -> None:
    text = (
        entry(court=None, police="44")
        + other(court=None, police="00", channel="email", to="duty@police.example")
        + other(court=None, police="440106-B-0001", channel="sms", phone="+8613800000000")
        + entry(court="*")
    )
    endpoints = load(tmp_path, text, channels=ALL)
    places: tuple[tuple[str, PoliceLevel], ...] = (
        ("44", "province_police"),
        ("00", "national_police"),
        ("440106-B-0001", "station"),
    )
    assert [len(endpoints.of_police(*place)) for place in places] == [1, 1, 1]
    assert endpoints.of_police("31", "province_police") == ()
    assert [one.court for one in endpoints.of_courts()] == ["*"]
    assert not [one for one in endpoints.of(Court(code="44")) if one.is_police]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (other(channel="email"), "channel email needs to"),
        (other(channel="email", to="a@b.example, c@d.example"), "to: not one e-mail address"),
        (other(channel="email", to="a@b.example\\r\\nBcc: c@d.example"), "to: not one e-mail address"),
        (entry(channel="email", to="a@b.example"), "channel email has no secret, url"),
        (other(channel="sms", phone="13912345678"), "phone: not a phone number"),
        (other(channel="inbox"), "exactly one of token_file and token_env"),
        (other(channel="inbox", token_env="T", court="*"), "name the court"),
        (other(channel="inbox", token_env="T", court=None, level="national_command"), "name the court"),
        (other(channel="fax"), "channel: "),
        (entry(level="king"), "level: "),
        (entry(level="high_court"), "level high_court is of a province"),
        (entry(province="44"), "level handler is of a court, and of nothing else"),
        (entry(level="national_command"), "level national_command is of no court or province"),
        (entry(url=None), "channel webhook needs url"),
        (entry(police="44"), "an entry of the police is of no court"),
        (entry(court=None, police="44", level="high_court"), "the level of the police follows from their code"),
        (other(court=None, police="44", channel="inbox", token_env="T"), "the police have no inbox"),
        (other(court=None, police="44", channel="sms", phone="13912345678"), "(police 44): phone: not a phone number"),
    ],
)
def test_an_entry_that_is_not_whole_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EndpointsError) as refused:
        load(tmp_path, text, channels=ALL, environ={})
    assert said in str(refused.value)
    assert "13912345678" not in str(refused.value)


def test_an_entry_of_a_channel_that_is_not_set_up_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(EndpointsError, match="channel sms needs CHAKONG_SMS_URL"):
        load(tmp_path, other(channel="sms", phone="+8613800000000"))


def test_a_missing_file_and_one_that_is_not_utf8_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(EndpointsError, match=r"none\.toml: No such file"):
        Endpoints.load(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(EndpointsError, match=r"bytes\.toml: not UTF-8"):
        Endpoints.load(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://u:p@court.example:8443/hits?key=k#f", "https://court.example:8443/hits"),
        ("https://court.example", "https://court.example/"),
        ("https://[2001:db8::1]:8443/hits", "https://[2001:db8::1]:8443/hits"),
        ("https://法院.example/hits", "https://法院.example/hits"),
    ],
)
def test_an_endpoint_shows_neither_user_nor_query_nor_secret(url: str, redacted: str) -> None:
    endpoint = Endpoint.of("440106", url, SECRET)
    assert endpoint.redacted == redacted
    for shown in (str(endpoint), repr(endpoint), endpoint.model_dump_json()):
        assert "u:p" not in shown
        assert "key=k" not in shown
        assert SECRET[6:] not in shown


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_is_known_by_name_or_address(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "court.example", "10.0.0.1", "localhost.example", "0.0.0.0", "::"])
def test_what_only_looks_like_loopback_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAKONG_COURTS_ENDPOINTS", "/etc/courts.toml")
    monkeypatch.setenv("CHAKONG_COURTS_HTTP_HOSTS", "Court.example, other.example,")
    monkeypatch.setenv("CHAKONG_COURTS_TOTAL_S", "2.5")
    settings = CourtsSettings()
    assert settings.endpoints == Path("/etc/courts.toml")
    assert settings.http_hosts == {"court.example", "other.example"}
    assert (settings.connect_s, settings.total_s) == (3.0, 2.5)
