"""Addresses in the environment are meant: they answer, or there is an error that says which does not."""

import pytest

from deploy.local.addresses import Addresses
from deploy.local.environment import from_environment
from deploy.local.errors import NotAnsweringError
from deploy.local.ports import free_port


def test_nothing_set_is_nobody_asked() -> None:
    assert from_environment({}) is None
    assert from_environment({"CHAKONG_KAFKA": " ", "CHAKONG_REDIS": ""}) is None


@pytest.mark.parametrize(("given", "absent"), [("CHAKONG_KAFKA", "CHAKONG_REDIS"), ("CHAKONG_REDIS", "CHAKONG_KAFKA")])
def test_one_without_the_other_is_an_error(given: str, absent: str) -> None:
    with pytest.raises(NotAnsweringError, match=f"{given} is set and {absent} is not"):
        from_environment({given: "127.0.0.1:1"})


def test_both_silent_servers_are_named_in_one_error_without_the_password() -> None:
    port = free_port()
    with pytest.raises(NotAnsweringError) as caught:
        from_environment({"CHAKONG_KAFKA": f"127.0.0.1:{port}", "CHAKONG_REDIS": f"redis://me:secret@127.0.0.1:{port}/0"})
    text = str(caught.value)
    assert f"Kafka at 127.0.0.1:{port} (CHAKONG_KAFKA) does not answer" in text
    assert f"Redis at redis://***@127.0.0.1:{port}/0 (CHAKONG_REDIS) does not answer" in text
    assert "secret" not in text


def test_an_address_that_is_no_url_is_an_error_too() -> None:
    with pytest.raises(NotAnsweringError, match="CHAKONG_REDIS"):
        from_environment({"CHAKONG_KAFKA": "127.0.0.1:1", "CHAKONG_REDIS": "localhost:6379"})


@pytest.mark.integration
def test_servers_that_answer_are_used_as_given(stack: Addresses) -> None:
    found = from_environment({"CHAKONG_KAFKA": stack.kafka, "CHAKONG_REDIS": stack.redis})
    assert found == Addresses(stack.kafka, stack.redis, "environment")
