"""Where setup.sh puts the peers, and a way to run programs that says so when one is missing."""
import os
import pathlib
import shlex
import subprocess
import sys

PEERS = pathlib.Path(os.environ.get("RIFFLE_PEERS", pathlib.Path.home() / ".cache/riffle-peers"))
PROGRAM = ["dotnet", PEERS / "dotnet/Riffle.Peers.dll"]


def run(*command, environment={}):
    """The output of a command. Only a command that fails is shown."""
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    if result.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))}\n{result.stdout}{result.stderr}failed; benchmarks/peers/setup.sh installs the peers")
    return result
