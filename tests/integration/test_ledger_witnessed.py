"""Logs and witnesses of partners behind real servers: cosigning, silence, disagreement, a restored backup."""

from __future__ import annotations

import http.server
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from tests.integration.witnessing import ISSUER, Partner, policy_of, said_by, witnessed
from tests.unit.test_ledger_writer import acks, several

from assay.ledger import cosigning
from assay.ledger.audit import audit
from assay.ledger.cosigning import WitnessState, read_states
from assay.ledger.derived import Derived
from assay.ledger.errors import LogError, VerificationError
from assay.ledger.keys import KeyKind
from assay.ledger.notes import Note
from assay.ledger.place import Place
from assay.ledger.policy import Policy
from assay.ledger.proving import prove, verify_file
from assay.ledger.standing import stated
from assay.ledger.witness import Witness
from assay.ledger.writer import Writer


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    return Place.make(tmp_path / "plant", "plant.example/main")


@pytest.fixture
def partners(tmp_path: Path, place: Place) -> list[Partner]:
    """Three partners; the third cosigns with ML-DSA-44 alone."""
    kinds = [KeyKind.COSIGNATURE_ED25519], [KeyKind.COSIGNATURE_ED25519], [KeyKind.COSIGNATURE_MLDSA44]
    found = [Partner(tmp_path / f"w{n}", f"w{n}.example", kind) for n, kind in enumerate(kinds)]
    for one in found:
        one.knows(place.public_key())
    return found


def published(place: Place) -> Note:
    found = Derived(place.folder).published()
    assert found is not None
    return found[0]


def believed(place: Place, policy: bytes) -> tuple[str, ...]:
    whole = f"log {place.public_key()}\n".encode() + policy
    return Policy.parse(whole).check(published(place)).cosigners


def states(place: Place) -> dict[str, WitnessState]:
    return {one.name: one for one in read_states(place.witnesses)}


def test_the_published_checkpoint_bears_the_cosignatures_of_all_who_are_there(
    place: Place, partners: list[Partner]
) -> None:
    policy = policy_of(partners, "2")
    with ExitStack() as stack:
        for one in partners:
            stack.enter_context(one.at_work())
        witnessed(place, policy)
        with Writer(place) as writer:
            for start in (0, 300, 600):
                acks(writer.append(several(300, start)))
                writer.checkpoint()
                assert believed(place, policy) == ("w0", "w1", "w2")
    assert [one.size() for one in partners] == [901] * 3
    seen = audit(place.folder)
    assert seen.valid, seen.findings
    assert {one.state for one in states(place).values()} == {"ok"}


def test_a_witness_that_is_away_is_left_alone_and_asked_again(place: Place, partners: list[Partner]) -> None:
    policy = policy_of(partners, "2")
    with partners[0].at_work(), ExitStack() as stack:
        with partners[1].at_work(), partners[2].at_work():
            witnessed(place, policy)
        with Writer(place) as writer:
            acks(writer.append(several(10)))
            writer.checkpoint()
            assert states(place)["w2"].state == "down"
            assert "w0" in {n for n, one in states(place).items() if one.state == "ok"}
            for start in range(10, 60, 10):
                acks(writer.append(several(10, start)))
                writer.checkpoint()
            assert states(place)["w2"].failures <= 4, "it is asked less and less often"
            stack.enter_context(partners[1].at_work())
            for one in writer._signers._cosigners.states:  # type: ignore[union-attr]
                one.due = 0.0
            assert writer.behind, "what it missed is asked for again, without a new entry"
            writer.checkpoint()
            assert believed(place, policy) == ("w0", "w1")


def test_while_witnesses_are_away_proofs_are_under_the_last_checkpoint_that_had_its_quorum(
    place: Place, partners: list[Partner]
) -> None:
    policy = policy_of(partners[:2], "2")
    whole = Policy.parse(f"log {place.public_key()}\n".encode() + policy)
    with partners[0].at_work(), partners[1].at_work():
        witnessed(place, policy)
        with Writer(place) as writer:
            acks(writer.append(several(300)))
    with partners[0].at_work(), Writer(place) as writer:
        acks(writer.append(several(300, 300)))
    with pytest.raises(VerificationError):
        whole.check(published(place))
    early, late = (bytes(prove(place, index)) for index in (7, 500))
    assert verify_file(early, whole).valid
    assert verify_file(early, whole).size == 301
    assert verify_file(late, whole).reason == "quorum"


def restored(place: Place, tmp_path: Path, partners: list[Partner]) -> None:
    """Go on after a backup was taken, then put it back: plant and outside, as a machine's image does."""
    for name, what in (("plant", place.folder), ("outside", place.outside)):
        shutil.copytree(what, tmp_path / "backup" / name)
    with Writer(place) as writer:
        acks(writer.append(several(40, 100)))
    shutil.rmtree(place.folder)
    shutil.rmtree(place.outside)
    shutil.copytree(tmp_path / "backup/plant", place.folder)
    shutil.copytree(tmp_path / "backup/outside", place.outside)


def test_a_restored_machine_is_caught_by_any_witness_before_it_signs(
    place: Place, partners: list[Partner], tmp_path: Path
) -> None:
    policy = policy_of(partners, "1")
    with partners[1].at_work():
        with partners[0].at_work():
            witnessed(place, policy)
        restored(place, tmp_path, partners)
        before = {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
        with pytest.raises(LogError) as refused:
            Writer(place)
        assert refused.value.reason == "witness_contradicts"
        assert "w1" in refused.value.said.en
        assert "ahead" in refused.value.said.en
        assert before == {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}
        accept = several(1, 999)[0]
        with Writer(place, accept) as writer:
            assert writer.size == 2, "somebody answered for it, and that is logged"
    assert states(place)["w1"].state == "ahead"


def test_with_the_head_lost_a_witness_is_enough_to_go_on_and_without_one_nothing_is(
    place: Place, partners: list[Partner]
) -> None:
    with partners[0].at_work():
        witnessed(place, policy_of(partners, "1"))
    place.head.unlink()
    with pytest.raises(LogError) as refused:
        Writer(place)
    assert refused.value.reason == "no_head"
    with partners[0].at_work(), Writer(place) as writer:
        acks(writer.append(several(3)))
    assert place.head.exists()


def test_a_fork_is_never_cosigned_and_says_so(place: Place, partners: list[Partner], tmp_path: Path) -> None:
    policy = policy_of(partners[:1], "1")
    with partners[0].at_work():
        witnessed(place, policy)
        shutil.copytree(place.folder, tmp_path / "other/ledger/main")
        shutil.copytree(place.outside, tmp_path / "other-outside")
        twin = Place(tmp_path / "other/ledger/main", tmp_path / "other-outside")
        twin.index.unlink(missing_ok=True)
        with Writer(place) as mine, Writer(twin) as theirs:
            acks(mine.append(several(7)))
            acks(theirs.append(several(7, 50)))
            mine.checkpoint()
            theirs.checkpoint()
            assert believed(place, policy) == ("w0",)
            assert states(twin)["w0"].state == "forked"
            acks(theirs.append(several(7, 90)))
            time.sleep(1.1)
            theirs.checkpoint()
            assert states(twin)["w0"].state == "not_consistent"
        with Witness(partners[0].folder) as witness:
            assert {one.reason for one in witness.contradictions()} == {"forked", "not_consistent"}


def test_a_witness_whose_clock_is_far_off_does_not_count(place: Place, partners: list[Partner]) -> None:
    policy = policy_of(partners[:1], "1")
    partners[0].clock = lambda: time.time() + 7200
    with partners[0].at_work():
        witnessed(place, policy)
        assert states(place)["w0"].state == "clock"
        assert "7200" in states(place)["w0"].detail or "7199" in states(place)["w0"].detail
        assert len(published(place).signatures) == 1


def test_a_log_that_rests_is_cosigned_again_so_that_its_checkpoint_stays_fresh(
    place: Place, partners: list[Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policy_of(partners[:1], "1")
    early = time.time() - 7 * 3600
    partners[0].clock = lambda: early
    with partners[0].at_work():
        witnessed(place, policy)
    first = published(place)
    partners[0].clock = time.time
    with partners[0].at_work(), Writer(place) as writer:
        assert writer.behind, "the cosignature is seven hours old"
        writer.checkpoint()
        assert not writer.behind
    again = published(place)
    assert again.text == first.text
    assert len(again.signatures) == len(first.signatures) == 2
    assert again.signatures[1].timestamp - first.signatures[1].timestamp > 6 * 3600
    assert believed(place, policy) == ("w0",)


def test_a_witness_that_does_not_know_the_log_says_so(place: Place, tmp_path: Path) -> None:
    stranger = Partner(tmp_path / "stranger", "s.example")
    with stranger.at_work():
        witnessed(place, policy_of([stranger], "1"))
    assert states(place)["w0"].state == "refused"
    assert "404" in states(place)["w0"].detail


@contextmanager
def answering(status: int, body: bytes, kind: str = "text/plain") -> Iterator[str]:
    """A server that answers everything alike, as a broken or lying witness does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/prefix/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((409, b"7000\n", "text/x.tlog.size"), "ahead"),
        ((409, b"007\n", "text/x.tlog.size"), "bad_answer"),
        ((409, b"1", "text/x.tlog.size"), "bad_answer"),
        ((409, b"no\n", "text/plain"), "forked"),
        ((422, b"", "text/plain"), "not_consistent"),
        ((403, b"who?\n", "text/plain"), "refused"),
        ((500, b"", "text/plain"), "down"),
        ((302, b"", "text/plain"), "bad_answer"),
        ((200, b"", "text/plain"), "bad_answer"),
        ((200, b"\xff\xff", "text/plain"), "bad_answer"),
        ((200, "— w0.example AAAAAAAAAAAAAAAAAAAA\n".encode(), "text/plain"), "bad_answer"),
        ((200, b"x" * 100_000, "text/plain"), "down"),
    ],
)
def test_whatever_a_witness_answers_is_a_state_and_the_log_goes_on(
    place: Place, partners: list[Partner], answer: tuple[int, bytes, str], state: str
) -> None:
    with answering(*answer) as url:
        witnessed(place, policy_of(partners[:1], "1", w0=url))
        assert states(place)["w0"].state == state
        assert len(published(place).signatures) == 1
    assert audit(place.folder).valid


def test_a_witness_that_answers_byte_by_byte_keeps_nothing_from_being_published(
    place: Place, partners: list[Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosigning.Cosigners.__init__, "__kwdefaults__", {"clock": time.time, "patience": 0.3})
    over = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
            while not over.wait(0.1):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listening, partners[1].at_work():
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        policy = policy_of(partners[:2], "1", w0=url)
        witnessed(place, policy)
        assert believed(place, policy) == ("w1",)
        over.set()
        thread.join()
    assert states(place)["w0"].state == "down"


def test_partners_witness_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_STATE", str(tmp_path / "state"))
    places = [Place.make(tmp_path / f"plant{n}", f"plant{n}.example/main") for n in range(2)]
    partners = [Partner(tmp_path / f"w{n}", f"w{n}.example") for n in range(2)]
    for n in range(2):
        partners[n].knows(places[1 - n].public_key())
    with partners[0].at_work(), partners[1].at_work():
        for n in range(2):
            witnessed(places[n], policy_of([partners[1 - n]], "1"))
        with Writer(places[0]) as one, Writer(places[1]) as two:
            for start in range(0, 90, 30):
                for writer in (one, two):
                    acks(writer.append(several(30, start)))
                    writer.checkpoint()
        for n in range(2):
            assert believed(places[n], policy_of([partners[1 - n]], "1")) == ("w0",)
            assert partners[n].size() == 91


def test_a_policy_may_name_witnesses_only_with_keys_of_their_own_and_by_the_logs_key(place: Place) -> None:
    log = place.public_key()
    twin = f"witness w {log}\nquorum w\n"
    with Writer(place) as writer:
        for content in (twin.encode(), b"quorum none", b"# said\nquorum none\n", b"nonsense\n"):
            (answer,) = writer.append([said_by(place, "policy", content)])
            assert isinstance(answer, Exception), content
            assert answer.reason == "statement_refused"
        public = ISSUER.public_key().public_bytes_raw()
        (answer,) = writer.append([stated("policy", b"quorum none\n", ISSUER, public, ISSUER.sign)])
        assert isinstance(answer, Exception)
        assert "not one the log signs with" in str(answer)
        assert writer.size == 0
