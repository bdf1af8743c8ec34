"""Makes PyTorch of PyPI load on a machine without CUDA.

On Linux its wheel is linked with two gigabytes of CUDA libraries, which a loss on the CPU never calls. This takes the
links out of the installed files: a library that was needed becomes the C library, which is there anyway, and what was
wanted of it becomes a weak reference, which may stay open. One is kept: the runtime, which is small, and is asked
while torch loads. Doing it twice changes nothing. Elsewhere there is nothing to do.
"""

import mmap
import re
import struct
import sys
from pathlib import Path

CUT = re.compile(r"lib(cu(?!dart|da\b)|nccl|nv)\S*\.so\.\d+$")
LOAD, DYNAMIC, DYNAMIC_SYMBOLS = 1, 2, 11
NEEDED, STRINGS, SYMBOLS, VERSIONS, VERSION_COUNT = 1, 5, 6, 0x6FFFFFFE, 0x6FFFFFFF
GLOBAL, WEAK = 1, 2


class Library:
    """A shared library of 64 bits, little-endian, changed in place."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), 0)
        if self.bytes[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is not a shared library of 64 bits")
        table, count = self.read("<Q", 32)[0], self.read("<H", 56)[0]
        self.segments = [self.read("<IIQQQQQQ", table + 56 * i) for i in range(count)]
        self.entries = [(at, *self.read("<qQ", at)) for at in self.dynamic()]
        self.tags = {tag: value for _, tag, value in self.entries}
        self.strings = self.offset(self.tags[STRINGS])

    def read(self, form: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(form, self.bytes, at)

    def write(self, form: str, at: int, value: int) -> None:
        struct.pack_into(form, self.bytes, at, value)

    def dynamic(self) -> range:
        kind = next(segment for segment in self.segments if segment[0] == DYNAMIC)
        return range(kind[2], kind[2] + kind[5], 16)

    def offset(self, address: int) -> int:
        """Where in the file an address is."""
        for kind, _, start, virtual, _, size, _, _ in self.segments:
            if kind == LOAD and virtual <= address < virtual + size:
                return start + address - virtual
        raise ValueError(f"no segment has the address {address:#x}")

    def text(self, at: int) -> str:
        start = self.strings + at
        return self.bytes[start : self.bytes.find(b"\0", start)].decode()

    def cut(self) -> list[str]:
        """Take the links out. Returns the names of what was needed."""
        needed = [(at, value, self.text(value)) for at, tag, value in self.entries if tag == NEEDED]
        names = [name for _, _, name in needed if CUT.match(name)]
        if not names:
            return []
        substitute = next(value for _, value, name in needed if name == "libc.so.6")
        for at, _, name in needed:
            if name in names:
                self.write("<Q", at + 8, substitute)
        self.forgive_versions(names, substitute)
        self.forgive_symbols()
        return names

    def forgive_versions(self, names: list[str], substitute: int) -> None:
        """Versions that were asked of those libraries need not be there."""
        at = self.offset(self.tags[VERSIONS])
        for _ in range(self.tags[VERSION_COUNT]):
            _, count, file, first, following = self.read("<HHIII", at)
            if self.text(file) in names:
                self.write("<I", at + 4, substitute)
                version = at + first
                for _ in range(count):
                    _, flags, _, _, step = self.read("<IHHII", version)
                    self.write("<H", version + 4, flags | 2)
                    version += step
            at += following

    def forgive_symbols(self) -> None:
        """What is taken from elsewhere need not be there."""
        sections, size, count = self.read("<Q", 40)[0], *self.read("<HH", 58)
        headers = (self.read("<IIQQQQIIQQ", sections + size * i) for i in range(count))
        symbols = next(header[5] // 24 for header in headers if header[1] == DYNAMIC_SYMBOLS)
        table = self.offset(self.tags[SYMBOLS])
        for at in range(table + 24, table + 24 * symbols, 24):
            _, info, _, section = self.read("<IBBH", at)
            if section == 0 and info >> 4 == GLOBAL:
                self.write("<B", at + 4, WEAK << 4 | info & 15)


def main() -> None:
    if sys.platform == "linux":
        [folder] = [path for path in (Path(entry) / "torch/lib" for entry in sys.path) if path.is_dir()]
        for path in sorted(folder.glob("*.so")):
            Library(path).cut()
    import torch

    probe = torch.tensor([3.0], requires_grad=True)
    (probe * probe).sum().backward()
    assert probe.grad is not None and probe.grad.tolist() == [6.0]


main()
