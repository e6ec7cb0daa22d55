"""No court's name leads inside, however it is written and whatever it resolves to, unless the deployment says so."""

import ipaddress

import pytest
from yarl import URL

from connectors.courts.addresses import AddressRefusedError, Guard, GuardedResolver, is_inside
from connectors.courts.endpoint import Endpoint
from connectors.courts.receiver import Receiver
from connectors.courts.settings import CourtsSettings
from connectors.courts.webhook import Webhook
from stream.core.delivery import Reason
from tests.connectors.courts.cases import SECRET, notification

#: A name that the system's resolver reads as 127.0.0.1 without asking any server.
INSIDE_NAME = "0x7f.1"


INSIDE = """10.0.0.1 172.16.0.1 192.168.1.1 127.0.0.1 169.254.169.254 224.0.0.1 239.1.1.1 0.0.0.0 100.64.0.1 255.255.255.255
240.0.0.1 192.0.2.1 :: ::1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1
64:ff9b::10.0.0.1 2002:7f00:1:: 2001:db8::1"""
INSIDE_HOSTS = "10.0.0.1 127.0.0.1 localhost [::1] [fd00::1] [::ffff:10.0.0.1] 169.254.169.254"


@pytest.mark.parametrize("address", INSIDE.split())
def test_what_lies_inside_is_known(address: str) -> None:
    assert is_inside(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "203.0.114.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_what_is_public_is_known(address: str) -> None:
    assert not is_inside(ipaddress.ip_address(address))


@pytest.mark.parametrize("url", [*(f"https://{host}/" for host in INSIDE_HOSTS.split()), "http://10.0.0.1/"])
def test_an_address_in_a_url_is_refused_unless_it_is_allowed(url: str) -> None:
    with pytest.raises(AddressRefusedError, match="CHAKONG_COURTS_PRIVATE_HOSTS"):
        Guard().check(URL(url))
    Guard([URL(url).host or ""]).check(URL(url))


@pytest.mark.parametrize("url", ["https://1.1.1.1/", "https://court.example/", "http://127.0.0.1/", "http://localhost/"])
def test_a_public_address_a_name_and_plain_http_to_loopback_pass(url: str) -> None:
    Guard().check(URL(url))


async def test_a_name_that_leads_inside_is_refused_by_what_it_resolves_to() -> None:
    with pytest.raises(AddressRefusedError):
        await GuardedResolver(Guard()).resolve(INSIDE_NAME)
    for allowed in (INSIDE_NAME, "127.0.0.1"):
        (found,) = await GuardedResolver(Guard([allowed])).resolve(INSIDE_NAME, 80)
        assert (found["host"], found["port"]) == ("127.0.0.1", 80)


async def test_localhost_leads_to_loopback_alone() -> None:
    guard = Guard()
    assert guard.allows("localhost", "127.0.0.1")
    assert not guard.allows("localhost", "10.0.0.1")
    assert not guard.allows("localhost.", "127.0.0.1")


async def test_an_attempt_says_so_and_connects_to_nothing() -> None:
    async with Receiver(SECRET) as court:
        url = court.url().replace("127.0.0.1", INSIDE_NAME)
        endpoint = Endpoint.of("440106", url, SECRET, http_allowed=True)
        async with Webhook() as webhook:
            attempt = await webhook.post(endpoint, notification())
        assert (attempt.outcome, attempt.retry, attempt.may_have_arrived) == (Reason.ADDRESS_REFUSED, True, False)
        assert "CHAKONG_COURTS_PRIVATE_HOSTS" in attempt.detail
        assert not court.counts
        async with Webhook(CourtsSettings(private_hosts=frozenset({INSIDE_NAME}))) as webhook:
            assert (await webhook.post(endpoint, notification())).outcome is Reason.DELIVERED


@pytest.mark.parametrize("host", ["2130706433", "127.1", "127.0.0.01"])
async def test_an_address_that_is_written_oddly_is_not_connected_to(host: str) -> None:
    async with Receiver(SECRET) as court, Webhook() as webhook:
        url = court.url().replace("127.0.0.1", host)
        attempt = await webhook.post(Endpoint.of("440106", url, SECRET, http_allowed=True), notification())
        assert attempt.outcome in (Reason.UNREACHABLE, Reason.ADDRESS_REFUSED)
        assert not court.counts
