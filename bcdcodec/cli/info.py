"""`bcd info`: what a stream holds, without torch. In: a .bcd. Out: a table, or JSON for programs."""

import argparse
import json

from bcdcodec.cli.describe import describe
from bcdcodec.cli.options import Commands, new_command
from bcdcodec.cli.summary import summarise
from bcdcodec.cli.table import table

EXAMPLES = """  bcd info talk.bcd
  bcd info talk.bcd --packets
  bcd info talk.bcd --json | jq .kbps.total
A damaged stream is described up to the damage; the exit code is then 2."""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(commands, "info", about="show what a .bcd holds and where every bit went", examples=EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="stream, or - for standard input")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--packets", action="store_true", help="list the packets too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Describe one stream; raises its damage after what is known has been printed."""
    summary = summarise(options.file, keep_packets=options.packets)
    if options.json:
        print(json.dumps(describe(summary), indent=1))
    else:
        print(table(summary))
    if summary.damage is not None:
        raise summary.damage
    return 0
