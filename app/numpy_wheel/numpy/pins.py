"""The versions that the recipe uses. README.md explains how to change them."""

NUMPY = "2.4.6"
NUMPY_SDIST_SHA256 = "f3a3570c4a2a16746ac2c31a7c7c7b0c186b95ce902e33db6f28094ed7387dda"

PYTHON = "3.14"
ABI = "2026_0"
TAG = f"cp314-cp314-pyemscripten_{ABI}_wasm32"
WHEEL = f"numpy-{NUMPY}-{TAG}.whl"

# Debian's compilers, {program: package}; they are in Debian 12 and 13.
LLVM = "19"
PROGRAMS = {
    f"clang-{LLVM}": f"clang-{LLVM}",
    f"wasm-ld-{LLVM}": f"lld-{LLVM}",
    f"llvm-ar-{LLVM}": f"llvm-{LLVM}",
    f"llvm-strip-{LLVM}": f"llvm-{LLVM}",
}
# Packages of which only headers are used: (package, suite of Debian that has it).
EMSCRIPTEN_HEADERS = ("emscripten", "trixie")
PYTHON_HEADERS = (f"libpython{PYTHON}-dev", "forky")

# Packages of the build's venv; and packages for running NumPy's tests in Pyodide, all pure Python.
BUILD_REQUIREMENTS = ["cython==3.3.1", "ninja==1.13.2", "pypi-simple==1.8.0"]
TEST_REQUIREMENTS = [
    "pytest==8.4.2",
    "iniconfig==2.3.0",
    "packaging==26.3",
    "pluggy==1.6.0",
    "pygments==2.19.2",
    "hypothesis==6.142.2",
    "attrs==26.1.0",
    "sortedcontainers==2.4.0",
]

OPTIMISATION = ["-O3", "-msimd128"]
# Replaces the path of the build folder in the wheel, so that builds in different folders give the same bytes.
NEUTRAL_PATH = "/build"
