"""Which advertisement is stored as the last one of each virtual router."""

from dataclasses import replace

from hacluster.agent.vrrp.adverts import LastAdverts, ReceivedAdvert
from hacluster.agent.vrrp.packet import Advert

ADVERT = Advert("10.0.0.2", 3, 51, 100, 100, ("10.0.0.200",), "eth0")


def test_the_last_advertisement_is_stored_and_passed_to_subscribers() -> None:
    adverts, received = LastAdverts(), list[tuple[str, ReceivedAdvert]]()
    adverts.subscribe(lambda router, advert: received.append((router, advert)))
    assert adverts.last("VI_1") is None and adverts.last_sender("VI_1") is None
    adverts.record("VI_1", ADVERT, 10.0)
    assert adverts.last("VI_1") == ReceivedAdvert(ADVERT, 10.0, 100)
    assert adverts.last_sender("VI_1") == ("10.0.0.2", 10.0)
    resignation = replace(ADVERT, priority=0)
    adverts.record("VI_1", resignation, 10.1)
    assert adverts.last("VI_1") == ReceivedAdvert(resignation, 10.1, 100), "the sender's priority before it stepped down"
    assert received == [("VI_1", ReceivedAdvert(ADVERT, 10.0, 100)), ("VI_1", ReceivedAdvert(resignation, 10.1, 100))]


def test_the_earlier_priority_of_one_sender_is_not_used_for_another() -> None:
    adverts = LastAdverts()
    adverts.record("VI_1", ADVERT, 10.0)
    adverts.record("VI_1", replace(ADVERT, source="10.0.0.3", priority=0), 10.1)
    assert adverts.last("VI_1") == ReceivedAdvert(replace(ADVERT, source="10.0.0.3", priority=0), 10.1, 0)


def test_routers_that_are_no_longer_configured_are_forgotten() -> None:
    adverts = LastAdverts()
    adverts.record("VI_1", ADVERT, 10.0)
    adverts.record("VI_2", ADVERT, 10.0)
    adverts.retain({"VI_2"})
    assert adverts.last("VI_1") is None and adverts.last("VI_2") is not None
