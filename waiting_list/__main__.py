"""`python -m waiting_list` is `waiting-list`."""

from waiting_list.cli.main import main

main()
