"""`pause`, which returns when a process stands still."""

import os
import signal
import subprocess

__all__ = ["pause"]


def pause(process: "subprocess.Popen[str]") -> None:
    """Have a process stand still until it gets ``SIGCONT``; returns when all its threads do.

    Sending ``SIGSTOP`` only asks for that: on a busy machine its threads go on for a while. The status is
    left to be read again, so a process that stands still already may be paused once more.
    """
    process.send_signal(signal.SIGSTOP)
    result = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert result is not None
    assert result.si_code == os.CLD_STOPPED, f"it ended meanwhile: {result}"
