"""
An exchange in a box: Binance USD-M futures over real HTTP and sockets, with a ledger as oracle.

It shares nothing with our adapters but the protocol: it never imports `exchanges.messages`, so
that it cannot be shaped to our own mistakes. See docs/simulator.md for every switch.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""
