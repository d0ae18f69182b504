"""The command line: each module is one verb, parses its arguments, calls the room that does it and prints the result."""
