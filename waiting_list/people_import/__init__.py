"""Import people from the waiting list of another system: find the columns, check every row, join them in order."""
