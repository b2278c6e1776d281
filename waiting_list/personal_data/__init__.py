"""Export and erase the data of a person."""
