"""
One exchange of ccxt without the hundred others.

`import ccxt` imports every exchange it knows: 56 MB and a second in each process, of which Binance
is 21 MB. So the package is entered in `sys.modules` without running its `__init__`; whoever asks it
for a name that is not there yet (`ccxt.kraken`) gets the whole package at that moment.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class _Package(ModuleType):
    """The package before its `__init__` has run."""

    def __getattr__(self, name: str) -> Any:
        """Run the package's `__init__` for the first name that needs it."""
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]  # it is whole from here on
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def load(exchange: str) -> Any:
    """Return ccxt's class of one exchange, e.g. "binanceusdm". Raises ImportError."""
    if "ccxt" not in sys.modules:
        spec = importlib.util.find_spec("ccxt")
        if spec is None or spec.submodule_search_locations is None:
            message = "ccxt is not installed"
            raise ImportError(message)
        package = _Package("ccxt")
        package.__spec__, package.__file__ = spec, spec.origin
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules["ccxt"] = package
    module = importlib.import_module(f"ccxt.{exchange}")
    _forget_modules(sys.modules["ccxt"])
    return getattr(module, exchange)


def _forget_modules(package: ModuleType) -> None:
    """Drop what importing left: `ccxt.binance` has to mean the class, not the module."""
    if isinstance(package, _Package):
        for name in [n for n, value in vars(package).items() if isinstance(value, ModuleType)]:
            delattr(package, name)
