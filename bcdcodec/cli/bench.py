"""`bcd bench STUDY`: measure the codec and write a page of results."""

from bcdcodec.cli.model_studies import add_ablations, add_autoencoder, add_sprites
from bcdcodec.cli.options import Commands, new_command
from bcdcodec.cli.speed_study import add_speed
from bcdcodec.cli.studies import (
    add_generation,
    add_rate_control,
    add_rate_distortion,
    add_references,
    add_transfer,
    add_validation,
)

EXAMPLES = """  bcd bench validation clips --quick
`bcd bench STUDY --help` lists the options of each. The same command resumes an interrupted run: finished measurements
are kept in --work. A page that exists keeps its prose, its tables are replaced between their markers."""


def add_command(commands: Commands) -> None:
    """Add the command and its studies."""
    parser = new_command(commands, "bench", None, about="measure the codec, one study a page", examples=EXAMPLES)
    studies = parser.add_subparsers(title="studies", metavar="STUDY", required=True)
    for add_study in (
        *(add_rate_distortion, add_validation, add_transfer, add_rate_control, add_references),
        *(add_generation, add_sprites, add_ablations, add_autoencoder, add_speed),
    ):
        add_study(studies)
