"""Define the options that several commands have.

The modules of the commands import only what their options need. Each command imports the service when it runs,
because `--help` and the completion of shells must answer at once.
"""

from pathlib import Path
from typing import Annotated

import typer

Organization = Annotated[str, typer.Argument(metavar="ORGANIZATION", help="Id of the organization.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON array, with the field names of the API.")]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Data folder of the embedded PostgreSQL. By default WAITING_LIST_DATA_DIR, else data."),
]
