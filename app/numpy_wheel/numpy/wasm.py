"""Reads the imports and exports of a WebAssembly module. It supports no other part of the binary format."""

from dataclasses import dataclass, field

FUNCTION, TABLE, MEMORY, GLOBAL, TAG = range(5)  # the kinds of imports and exports
IMPORT_SECTION, EXPORT_SECTION = 2, 7

# Symbols that the dynamic linker defines for each module at load time; no module exports them.
FROM_THE_LOADER = {
    "memory",
    "__indirect_function_table",
    "__stack_pointer",
    "__memory_base",
    "__table_base",
    "__cpp_exception",
    "__c_longjmp",
}


@dataclass
class Symbols:
    """The names that one module imports and exports."""

    imports: list[tuple[str, int, str]] = field(default_factory=list)  # (module, kind, name)
    exports: list[tuple[int, str]] = field(default_factory=list)  # (kind, name)


class _Reader:
    """Walks through the bytes of a module."""

    def __init__(self, data: bytes, position: int = 0):
        self.data = data
        self.position = position

    def byte(self) -> int:
        self.position += 1
        return self.data[self.position - 1]

    def number(self) -> int:
        """Reads an unsigned LEB128 number."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def name(self) -> str:
        length = self.number()
        self.position += length
        return self.data[self.position - length : self.position].decode()

    def limits(self) -> None:
        flags = self.number()
        self.number()
        if flags & 1:
            self.number()

    def skip_type(self, kind: int) -> None:
        """Skips the type that follows an import's name."""
        if kind == FUNCTION:
            self.number()
        elif kind == TABLE:
            self.byte()
            self.limits()
        elif kind == MEMORY:
            self.limits()
        elif kind == GLOBAL:
            self.position += 2
        elif kind == TAG:
            self.byte()
            self.number()
        else:
            raise ValueError(f"an import of the unknown kind {kind}")


def read_symbols(data: bytes) -> Symbols:
    """Returns the imports and exports of the module in `data`; raises ValueError if it is not WebAssembly."""
    if data[:8] != b"\0asm\1\0\0\0":
        raise ValueError("this is not a WebAssembly module")
    symbols = Symbols()
    reader = _Reader(data, 8)
    while reader.position < len(data):
        section, length = reader.byte(), reader.number()
        end = reader.position + length
        if section == IMPORT_SECTION:
            for _ in range(reader.number()):
                module, name, kind = reader.name(), reader.name(), reader.byte()
                reader.skip_type(kind)
                symbols.imports.append((module, kind, name))
        elif section == EXPORT_SECTION:
            for _ in range(reader.number()):
                name, kind = reader.name(), reader.byte()
                reader.number()
                symbols.exports.append((kind, name))
        reader.position = end
    return symbols


def offered_symbols(main_module: bytes) -> set[str]:
    """Returns every name that a side module can import: exports of the main module, and its imports from JavaScript."""
    symbols = read_symbols(main_module)
    return {name for _, name in symbols.exports} | {
        name for module, kind, name in symbols.imports if kind == FUNCTION or module.startswith("GOT")
    }


def missing_symbols(side_module: bytes, offered: set[str]) -> list[str]:
    """Returns the imports of `side_module` that nothing provides; with any of them, loading or a later call fails."""
    symbols = read_symbols(side_module)
    own = {name for _, name in symbols.exports}
    return sorted({name for _, _, name in symbols.imports} - offered - own - FROM_THE_LOADER)
