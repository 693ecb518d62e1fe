"""What may happen to a cluster, one at a time; each ends with everything running again."""

import shutil
import signal
from collections.abc import Callable, Mapping

from tests.faults.cluster.disks import SmallDisk, why_no_small_disk
from tests.faults.cluster.nodes import ChatNode
from tests.faults.cluster.storm import STREAM, ClusterStorm
from tests.interpreters import builds
from tests.jetstream.servers import NatsServer

__all__ = ["COMMON", "RARE", "Fault", "impossible"]

Fault = Callable[[ClusterStorm], None]


# --- servers of NATS -----------------------------------------------------------------------------


def kill_leader(storm: ClusterStorm) -> None:
    """Kill the leader; the other two elect another."""
    _without(storm, storm.leader)


def kill_leader_for_a_moment(storm: ClusterStorm) -> None:
    """Kill the leader, and start it before the others elect another: it votes, and knows what it knew."""
    leader = storm.leader
    leader.kill()
    leader.start()


def kill_follower(storm: ClusterStorm) -> None:
    """Kill another one; nobody has to wait."""
    _without(storm, storm.follower())


def kill_one_after_another(storm: ClusterStorm) -> None:
    """Kill a server while another one still reads what it has missed."""
    first, second = storm.random.sample(storm.nats.servers, 2)
    _without(storm, first)
    second.kill()
    storm.wait(0.0, 1.0)
    second.start()


def kill_two(storm: ClusterStorm) -> None:
    """Kill the leader and another one; the third has no majority."""
    killed = [storm.leader, storm.follower()]
    for server in killed:
        server.kill()
    storm.wait(0.2, 3.0)
    _start(killed)


def kill_all(storm: ClusterStorm) -> None:
    """Kill all three; nothing can be said until two are back."""
    for server in storm.nats.servers:
        server.kill()
    storm.wait(0.2, 2.0)
    _start(storm.nats.servers)


def pause_leader(storm: ClusterStorm) -> None:
    """Have the leader stand still, with its connections, and continue."""
    _pause(storm, [storm.leader])


def pause_two(storm: ClusterStorm) -> None:
    """Have the leader and another one stand still; the third has no majority."""
    _pause(storm, [storm.leader, storm.follower()])


def pause_all(storm: ClusterStorm) -> None:
    """Have all three stand still."""
    _pause(storm, storm.nats.servers)


def stop_leader(storm: ClusterStorm) -> None:
    """Have the leader stop cleanly."""
    leader = storm.leader
    leader.stop()
    storm.wait_for_acks(10, 30)
    leader.start()


def wipe_disk(storm: ClusterStorm) -> None:
    """Kill a server, and start it with an empty disk."""
    server = storm.random.choice(storm.nats.servers)
    server.kill()
    shutil.rmtree(server.directory / "store")
    server.start()


def flip_bits(storm: ClusterStorm) -> None:
    """Kill a server, and flip three bits of what it has stored of the log."""
    server = storm.random.choice(storm.nats.servers)
    server.kill()
    blocks = [
        path for path in server.directory.glob("store/**/streams/chat/msgs/*.blk") if path.stat().st_size
    ]
    if blocks:
        block = storm.random.choice(blocks)
        data = bytearray(block.read_bytes())
        for _ in range(3):
            data[storm.random.randrange(len(data))] ^= 1 << storm.random.randrange(8)
        block.write_bytes(data)
    server.start()


def fill_disk(storm: ClusterStorm) -> None:
    """Let the disk of a server be full for a while; it has to be started again, as operators do."""
    server = storm.random.choice([storm.leader, storm.follower()])
    server.kill()
    with SmallDisk(server.directory / "store") as disk:
        server.start()
        storm.wait_for_acks(10, 30)
        disk.fill()
        storm.wait(4.0, 8.0)
        server.kill()
        disk.clear()
        server.start()
        storm.wait_for_acks(10, 30)
        server.kill()
    server.start()


def fill_stream(storm: ClusterStorm) -> None:
    """Let the stream be full after a few more entries, and make room when posts were refused for a while."""
    info = storm.ask("stream_info", STREAM)
    storm.ask("update_stream", info.config.evolve(max_bytes=info.state.bytes + 4_000))
    storm.wait(8.0, 16.0)
    storm.ask("update_stream", info.config)


# --- chat servers --------------------------------------------------------------------------------


def kill_chat_server(storm: ClusterStorm) -> None:
    """Kill a chat server; its clients continue at others."""
    node = storm.node()
    node.kill()
    storm.wait_for_acks(10, 30)
    storm.start(node)


def stop_chat_server(storm: ClusterStorm) -> None:
    """Have a chat server drain and stop; its clients continue at others."""
    node = storm.node()
    assert node.stop() == 0
    storm.wait_for_acks(10, 30)
    storm.start(node)


def kill_chat_server_and_leader(storm: ClusterStorm) -> None:
    """Kill a machine with both."""
    node, leader = storm.node(), storm.leader
    node.kill()
    leader.kill()
    storm.wait_for_acks(10, 30)
    leader.start()
    storm.start(node)


def pause_chat_server(storm: ClusterStorm) -> None:
    """Have a chat server stand still, with its connections, until the others may take it for gone."""
    node = storm.node()
    node.pause()
    storm.wait(3.0, 20.0)
    node.signal(signal.SIGCONT)


def put_older_state_back(storm: ClusterStorm) -> None:
    """Start a chat server with the copy that it had some time ago."""
    node = storm.node()
    node.kill()
    copy = node.copy_state()
    storm.start(node)
    storm.wait_for_acks(30, 60)
    node.kill()
    node.restore_state(copy)
    storm.start(node)


def remove_state(storm: ClusterStorm) -> None:
    """Start a chat server with nothing; it reads the log from its start."""
    node = storm.node()
    node.kill()
    node.remove_state()
    storm.start(node)


def change_build(storm: ClusterStorm) -> None:
    """Run a chat server by another version of Python, or as the compiled build, from here on."""
    node = storm.node()
    others = [build for build in builds() if build != tuple(node.build)]
    assert node.stop() == 0
    node.build = storm.random.choice(others)
    storm.start(node)


def fill_disk_of_chat_server(storm: ClusterStorm) -> None:
    """Let the disk with the state of a chat server be full for a while."""
    node = storm.node()
    node.kill()
    with SmallDisk(node.state.parent) as disk:
        storm.start(node)
        storm.wait_for_acks(10, 30)
        disk.fill()
        storm.wait(4.0, 8.0)
        disk.clear()
        storm.wait_for_acks(30, 60)
        node.kill()
    storm.start(node)


def set_clock_wrong(storm: ClusterStorm) -> None:
    """Let the clock of a chat server be wrong, by up to a day."""
    _begin_again(storm, CLOCK_OFFSET=str(storm.random.uniform(-86_400, 86_400)))


def lose_appends(storm: ClusterStorm) -> None:
    """Let every tenth entry of a chat server be lost on its way."""
    _begin_again(storm, LOSES="10")


def set_other_limits(storm: ClusterStorm) -> None:
    """Give a chat server other limits of its own than the others have."""
    limits = ("tail_bytes=2000", "page_messages=3", "session_seconds=30", "posts_in_flight=8")
    _begin_again(storm, *[word for limit in limits for word in ("--limit", limit)])


# --- what is between them ------------------------------------------------------------------------


def cut_off_shortly(storm: ClusterStorm) -> None:
    """Cut a chat server off from the log for a while, not long enough to be taken for gone."""
    node = storm.node()
    node.cut()
    storm.wait(1.0, 8.0)
    node.join()


def cut_off(storm: ClusterStorm) -> None:
    """Cut a chat server off from the log until the others take it for gone."""
    node = storm.node()
    node.cut()
    storm.wait(16.0, 20.0)
    node.join()


def cut_off_leader(storm: ClusterStorm) -> None:
    """Cut the leader off from the other two, with its chat server, which reaches only that one."""
    leader = storm.leader
    number = storm.nats.servers.index(leader)
    storm.network.cut_off(number, "reset")
    node = storm.nodes[number % len(storm.nodes)]
    node.cut(*(each for each in storm.nats.servers if each is not leader))
    storm.wait(12.0, 16.0)
    storm.network.join()
    node.join()


def swallow_from_leader(storm: ClusterStorm) -> None:
    """Let all vanish that the leader and the other two say to each other."""
    storm.network.cut_off(storm.nats.servers.index(storm.leader), "black-hole")
    storm.wait(12.0, 16.0)
    storm.network.join()


def swallow(storm: ClusterStorm) -> None:
    """Let all that a chat server sends to the log vanish for a while, without an end of its connections."""
    node = storm.node()
    node.swallow()
    storm.wait(2.0, 14.0)
    node.join()


COMMON: Mapping[str, Fault] = {
    "leader killed": kill_leader,
    "leader killed for a moment": kill_leader_for_a_moment,
    "follower killed": kill_follower,
    "one killed after another": kill_one_after_another,
    "two killed": kill_two,
    "all three killed": kill_all,
    "leader paused": pause_leader,
    "two paused": pause_two,
    "all three paused": pause_all,
    "leader stopped": stop_leader,
    "chat server killed": kill_chat_server,
    "chat server stopped": stop_chat_server,
    "chat server and leader killed": kill_chat_server_and_leader,
}
"""What happens to any cluster one day."""

RARE: Mapping[str, Fault] = {
    "disk wiped": wipe_disk,
    "bits flipped": flip_bits,
    "disk full": fill_disk,
    "stream full": fill_stream,
    "chat server paused": pause_chat_server,
    "older state": put_older_state_back,
    "state removed": remove_state,
    "disk of a chat server full": fill_disk_of_chat_server,
    "another build": change_build,
    "wrong clock": set_clock_wrong,
    "entries lost": lose_appends,
    "other limits": set_other_limits,
    "cut off shortly": cut_off_shortly,
    "cut off": cut_off,
    "black hole": swallow,
    "leader cut off": cut_off_leader,
    "leader in a black hole": swallow_from_leader,
}
"""What happens more rarely."""


def impossible() -> dict[str, str]:
    """Return the kinds that cannot happen on this machine, with the reasons."""
    found: dict[str, str] = {}
    if (reason := why_no_small_disk()) is not None:
        found |= {"disk full": reason, "disk of a chat server full": reason}
    if len(builds()) < 2:
        found["another build"] = "there is no other build; CONTRIBUTING.md says how to make one"
    return found


def _without(storm: ClusterStorm, server: NatsServer) -> None:
    server.kill()
    storm.wait_for_acks(10, 30)
    server.start()


def _pause(storm: ClusterStorm, servers: list[NatsServer]) -> None:
    for server in servers:
        server.pause()
    storm.wait(3.0, 6.0)
    for server in servers:
        server.resume()


def _start(servers: list[NatsServer]) -> None:
    for server in servers:
        server.start()


def _begin_again(storm: ClusterStorm, *options: str, **env: str) -> None:
    """Start a chat server as it is not to be, and later as it was."""
    node: ChatNode = storm.node()
    node.kill()
    storm.start(node, *options, **env)
    storm.wait_for_acks(40, 80)
    node.kill()
    storm.start(node)
