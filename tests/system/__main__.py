"""Run the whole system from many seeds: ``python -m tests.system --seeds 5000 [FIRST]``."""

import argparse
import sys
import traceback

from tests.system.system import System


def main() -> int:
    """Run them; stop at the first that breaks a promise, and say its seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.system", description=main.__doc__)
    parser.add_argument("first", nargs="?", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--tls", action="store_true", help="encrypt all connections")
    parser.add_argument("--browsers", action="store_true", help="let every other client open a WebSocket")
    args = parser.parse_args()
    for seed in range(args.first, args.first + args.seeds):
        try:
            violations = System(seed, over_tls=args.tls, with_browsers=args.browsers).run(args.steps)
        except Exception:
            violations = []
            traceback.print_exc()
        else:
            if not violations:
                continue
        sys.stdout.writelines(f"{violation.kind}: {violation.words}\n" for violation in violations)
        sys.stdout.write(f"seed={seed} broke a promise\n")
        return 1
    sys.stdout.write(f"{args.seeds} runs of the whole system, every promise kept\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
