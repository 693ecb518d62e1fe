"""A log that operators have removed, or brought back as it was: all stop, and nothing is lost or false."""

import shutil
from pathlib import Path

from tests.faults.cluster.storm import STREAM, ClusterStorm
from tests.jetstream.servers import ask


def end(storm: ClusterStorm, words: str) -> None:
    """Look whether all have stopped, say so, and serve reads; and judge what they have."""
    storm.wait_for_words(words)
    acked = storm.talks.acks
    storm.wait_for_reader()
    assert storm.talks.acks == acked
    assert storm.end_of_the_log() == []


def test_a_stream_that_is_removed_is_not_made_again(tmp_path: Path) -> None:
    with ClusterStorm(tmp_path, seed=1, pause=0.2, LEASE="3") as storm:
        storm.wait_for_acks(100, 200)
        assert ask(storm.nats, "delete_stream", STREAM)
        end(storm, "there is no such stream, of which entries were read before")


def test_an_older_copy_of_the_stream_is_not_continued(tmp_path: Path) -> None:
    with ClusterStorm(tmp_path, seed=2, pause=0.2, LEASE="3") as storm:
        storm.wait_for_acks(100, 200)
        for server in storm.nats.servers:
            server.stop()
        for server in storm.nats.servers:
            shutil.copytree(server.directory / "store", server.directory / "copy")
            server.start()
        storm.wait_for_acks(100, 200)
        for server in storm.nats.servers:
            server.stop()
        for server in storm.nats.servers:
            shutil.rmtree(server.directory / "store")
            shutil.copytree(server.directory / "copy", server.directory / "store")
            server.start()
        end(storm, "no longer follows its log")
