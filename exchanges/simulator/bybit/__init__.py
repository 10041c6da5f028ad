"""
Bybit v5 in a box: spot, linear and inverse, over its REST and its private socket.

`front` leads requests to the house of their category; `door` proves who asks, `rest_*` answer;
`private` is the socket, `session` what is said on it; `dialect` words what the engine does.
Sources are Bybit's own pages of v5, named where a fact is used.
"""
