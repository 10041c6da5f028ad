"""The stream worker: sockets on one side, the inbox on the other."""
