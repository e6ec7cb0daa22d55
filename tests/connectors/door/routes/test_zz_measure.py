import asyncio, time, statistics, uuid
import pytest
from tests.connectors.door.routes.test_queries import ask, body, party_of
pytestmark = pytest.mark.asyncio(loop_scope="session")
async def test_measure(platforms):
    person = platforms.person(3)
    case_id = await platforms.put_case(party_of(person, "judgment_debtor"))
    took = []
    for _ in range(60):
        t = time.perf_counter()
        a = await ask(platforms, body(case_id, person, "hotel_stays")); assert a.status == 200
        took.append(time.perf_counter() - t)
    took.sort()
    gets = []
    for _ in range(60):
        t = time.perf_counter(); await platforms.door.get(f"/v1/cases/{case_id}"); gets.append(time.perf_counter() - t)
    gets.sort()
    t = time.perf_counter()
    await asyncio.gather(*(ask(platforms, body(case_id, person, "hotel_stays")) for _ in range(200)))
    whole = time.perf_counter() - t
    print(f"MEASURE ask p50 {took[30]*1000:.0f} p95 {took[57]*1000:.0f} ms; get_case p50 {gets[30]*1000:.0f} p95 {gets[57]*1000:.0f}; 200 at once {whole:.1f} s")
