"""What must be true of orders, executions and positions. Pure: no clock, no I/O, no logging."""
