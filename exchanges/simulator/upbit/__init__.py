"""
Upbit in a box: the Korean won market, over its REST and its private socket.

`front` opens the house and its paths; `door` words REST and proves who asks (`token`), `rest_*`
answer; `private` is the socket, `subscription` what is said on it; `dialect` and `rows` word what
the engine does. Sources are the pages of docs.upbit.com, named where a fact is used.
"""
