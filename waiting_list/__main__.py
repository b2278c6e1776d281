"""`python -m waiting_list` is `waiting-list`."""

from waiting_list.cli.stopping import handle_stops


def main() -> None:
    """Run the command, and end it in order from its first moment on."""
    # First, because the operator may press Ctrl-C while Python imports the rest.
    handle_stops()
    from waiting_list.cli.main import main as run_command  # noqa: PLC0415

    run_command()


if __name__ == "__main__":
    main()
