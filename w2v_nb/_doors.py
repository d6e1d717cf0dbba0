"Names of a package that are imported when they're first asked for: a `Corpus` loads no torch."
from importlib import import_module

def door(
    package, # its `__name__`
    names,   # {modules: names}, several with spaces between; the first module has the names
):           # `__getattr__`, `__dir__` and `__all__` for the package
    "Doors to names. All modules of a name are loaded: later ones add methods to its class."
    where = {name: modules.split() for modules, many in names.items() for name in many.split()}
    def look_up(name):
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        modules = [import_module(module, package) for module in where[name]]
        return getattr(modules[0], name)
    return look_up, lambda: sorted(where), list(where)
