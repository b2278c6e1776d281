"""Define the commands that verify a public ledger and a receipt, without the database."""

import sys
from pathlib import Path
from typing import Annotated

import typer

Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        help="Trust only this key, as ledger-keys has it. Repeat it for several. By default those of the service.",
    ),
]
Witnesses = Annotated[
    list[str] | None,
    typer.Option(
        "--witness",
        help="Require a cosignature by the witness with this key. Repeat it for several. By default none.",
    ),
]


def verify_public_ledger(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Address of the list, with /v1/user/waiting-lists/ in it.")
    ],
    kept: Annotated[
        Path | None, typer.Option(help="A checkpoint that you kept: nothing was removed since. By default none.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="File to keep the checkpoint in. By default none.")] = None,
    key: Keys = None,
    witness: Witnesses = None,
) -> None:
    """Download the public ledger of a list, check its signature and its tree, and replay the rules."""
    from waiting_list.ledger.verify_ledger import main

    files = [part for name, file in (("--kept", kept), ("--save", save)) if file for part in (name, str(file))]
    sys.exit(main([url, *files, *_repeated("--key", key), *_repeated("--witness", witness)]))


def verify_receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt, as a fan downloaded it.")],
    key: Keys = None,
    witness: Witnesses = None,
) -> None:
    """Verify the receipt of a fan, without a network."""
    from waiting_list.ledger.verify_ledger import main

    sys.exit(main(["--receipt", str(file), *_repeated("--key", key), *_repeated("--witness", witness)]))


def _repeated(option: str, values: list[str] | None) -> list[str]:
    return [part for value in values or () for part in (option, value)]
