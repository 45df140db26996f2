"""Signs in at a reference server with `--demo`; schemathesis then asks it what its document says."""

import json
import os
import sys
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

HERE = Path(__file__).parent
# The same requests every time, but for those that follow an answer, which has ids of its own.
SEED = "1"
# Of each operation. Longer runs find rarer faults: `check.py ADDRESS -n 1000 --seed 7`.
EXAMPLES = "150"


def sign_in(address: str) -> str:
    """A token of the account that the document's examples name."""
    body = json.dumps({"account": "alice"}).encode()
    headers = {"content-type": "application/json"}
    request = Request(f"{address}/demo/session", body, headers)
    with build_opener(ProxyHandler({})).open(request) as answer:
        return json.load(answer)["token"]


def main(address: str, *options: str) -> None:
    environment = {
        **os.environ,
        "TOLLBOX_TOKEN": sign_in(address),
        "SCHEMATHESIS_HOOKS": str(HERE / "formats.py"),
        "NO_PROXY": "*",
    }
    base = f"{address}/billing/v1"
    program = str(Path(sys.executable).with_name("schemathesis"))
    os.execve(
        program,
        [
            *(program, "--config-file", str(HERE / "schemathesis.toml")),
            *("run", f"{base}/openapi.json", "--url", base, "--checks", "all"),
            *("--seed", SEED, "-n", EXAMPLES, "--output-sanitize", "false"),
            *options,
        ],
        environment,
    )


main(*sys.argv[1:])
