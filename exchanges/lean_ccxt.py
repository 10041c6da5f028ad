"""
One exchange of ccxt without the hundred others.

`import ccxt` imports every exchange it knows: 56 MB and a second in each process, of which Binance
is 21 MB. So the package is entered in `sys.modules` without running its `__init__`; whoever asks it
for a name that is not there yet (`ccxt.kraken`) gets the whole package at that moment.

The same for `ccxt.pro`, which streams: its exchanges ask `ccxt.async_support` for their REST half,
and get that one alone.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, Final

_ASYNC: Final = "ccxt.async_support"


class _Package(ModuleType):
    """The package before its `__init__` has run."""

    def __getattr__(self, name: str) -> Any:
        """Run the package's `__init__` for the first name that needs it."""
        if name.startswith("__") or self.__spec__ is None or self.__spec__.loader is None:
            raise AttributeError(name)
        self.__class__ = ModuleType  # type: ignore[assignment]  # it is whole from here on
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        """Let `ccxt.binance` mean the class, though importing sets the module."""
        own = vars(value).get(name) if isinstance(value, ModuleType) else None
        super().__setattr__(name, own if isinstance(own, type) else value)


class _AsyncPackage(_Package):
    """`ccxt.async_support` before its `__init__` has run: one exchange can be had alone."""

    def __getattr__(self, name: str) -> Any:
        """Import the exchange of that name; the whole package for any other name."""
        if name.startswith("__") or importlib.util.find_spec(f"{_ASYNC}.{name}") is None:
            return super().__getattr__(name)
        return getattr(importlib.import_module(f"{_ASYNC}.{name}"), name)


def load(exchange: str) -> Any:
    """Return ccxt's class of one exchange, e.g. "binanceusdm". Raises ImportError."""
    _enter("ccxt", _Package)
    return getattr(importlib.import_module(f"ccxt.{exchange}"), exchange)


def load_pro(exchange: str) -> Any:
    """Return ccxt.pro's class of one exchange, which can stream. Raises ImportError."""
    package = _enter("ccxt", _Package)
    if isinstance(package, _Package):
        _lend_base(package)
    _enter(_ASYNC, _AsyncPackage)
    _enter("ccxt.pro", _Package)
    importlib.import_module(f"{_ASYNC}.{exchange}")
    return getattr(importlib.import_module(f"ccxt.pro.{exchange}"), exchange)


def endpoint(path: str, host: str, method: str) -> Any:
    """Return a raw endpoint as ccxt's tables list them, to become a method of a class."""
    _enter("ccxt", _Package)
    return importlib.import_module("ccxt.base.types").Entry(path, [host], method, {})


def errors() -> Any:
    """Return ccxt's exceptions. Raises ImportError."""
    _enter("ccxt", _Package)
    return importlib.import_module("ccxt.base.errors")


def _enter(name: str, kind: type[_Package]) -> ModuleType:
    """Enter a package without running its `__init__`, unless it is there already."""
    if name not in sys.modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            message = f"{name} is not installed"
            raise ImportError(message)
        package = kind(name)
        package.__spec__, package.__file__ = spec, spec.origin
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules[name] = package
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, package)
    return sys.modules[name]


def _lend_base(package: ModuleType) -> None:
    """Give the package what ccxt.pro's foundations import from it by name."""
    for name, value in vars(errors()).items():
        if isinstance(value, type):
            setattr(package, name, value)
    base: Any = importlib.import_module("ccxt.base.exchange")
    setattr(package, "Exchange", base.Exchange)  # noqa: B010 - mypy knows no such attribute
