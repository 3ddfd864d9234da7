"""The compiler for Meson: calls Debian's clang and wasm-ld as Emscripten's emcc would.

Usage: wcc.py c|c++ ARGUMENT...   README.md gives the reason for each flag. From the environment:
WCC_SYSROOT (headers), WCC_SYMBOLS (file with the names that Pyodide exports), WCC_LLVM (version of LLVM),
WCC_HIDE (path that must not be in the result) and WCC_SHOW (the text that replaces it).

This program starts once for each object file, so it avoids slow imports: no subprocess, no pathlib.
"""

import os
import sys

VERSION = "emcc (Emscripten gcc/clang-like replacement) 5.0.3 (wcc)"  # Meson looks for these words

# These passes generate wrong code for wasm32; Emscripten's own driver disables them too.
PASSES = ["-mllvm", "-combiner-global-alias-analysis=false", "-mllvm", "-disable-lsr"]
EXCEPTIONS = ["-mllvm", "-wasm-enable-sjlj"]

# Sources that vectorisation slows down by up to a half: LAPACK's short loops over strided rows; integers to floats.
WITHOUT_VECTORS = ("lapack_lite", "lowlevel_strided_loops")
SLOWER_THERE = {"-O3": "-O2", "-msimd128": "-O2"}

STOPS_EARLIER = {"-c", "-E", "-S", "-M", "-MM", "-fsyntax-only"}
SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C")
OBJECTS = (".o", ".a", ".obj")
WITH_VALUE = {"-x", "-I", "-isystem", "-include", "-MF", "-MQ", "-MT"}


def is_for_emcc(argument: str) -> bool:
    """Returns whether to hide the argument from clang: Emscripten's settings, options of GNU's linker, threads."""
    emscripten_setting = argument[:2] == "-s" and argument[2:3].isupper()
    return emscripten_setting or argument.startswith("-Wl,") or argument == "-pthread"


def as_suits(arguments: list[str]) -> list[str]:
    """Returns the arguments with the optimisation level for the source file among them."""
    sources = [argument for argument in arguments if argument.endswith(SOURCES)]
    if not any(name in source for source in sources for name in WITHOUT_VECTORS):
        return arguments
    return [SLOWER_THERE.get(argument, argument) for argument in arguments]


def compiler(language: str) -> list[str]:
    """Returns the command that compiles one file."""
    include = os.environ["WCC_SYSROOT"] + "/include"
    command = [f"clang-{os.environ['WCC_LLVM']}", "--target=wasm32-unknown-emscripten"]
    if language == "c++":  # the headers of libc++ must come before those of the C library
        command += ["--driver-mode=g++", "-nostdinc++", "-isystem", include + "/c++/v1"]
    command += ["-isystem", include + "/compat", "-isystem", include]
    command += ["--sysroot=" + os.environ["WCC_SYSROOT"], "-D__EMSCRIPTEN_SIDE_MODULE__"]
    command += ["-fPIC", "-fvisibility=default", "-fwasm-exceptions", *EXCEPTIONS, *PASSES]
    command += ["-Werror=implicit-function-declaration"]
    return [*command, f"-ffile-prefix-map={os.environ['WCC_HIDE']}={os.environ['WCC_SHOW']}"]


def linker(output: str, shared: bool) -> list[str]:
    """Returns the command that links object files."""
    command = [f"wasm-ld-{os.environ['WCC_LLVM']}", "--no-entry", "--import-memory", "-o", output]
    if not shared:
        # A probe by Meson ("is there a function backtrace?"). It never runs, but must link only if the function exists.
        symbols = os.environ["WCC_SYMBOLS"]
        command += ["--unresolved-symbols=report-all", f"--allow-undefined-file={symbols}"]
        return [*command, "--export-if-defined=main", "--export-if-defined=__main_argc_argv"]
    module = os.path.basename(output).split(".")[0]  # noqa: PTH119 (pathlib would slow down each start)
    command += ["-shared", "--experimental-pic", "--import-undefined", "--unresolved-symbols=import-dynamic"]
    command += [f"--export-if-defined=PyInit_{module}", "--export=__wasm_call_ctors"]
    command += ["--export-if-defined=__wasm_apply_data_relocs", "--gc-sections", "--strip-debug"]
    return [*command, *EXCEPTIONS, *PASSES]


def link(language: str, arguments: list[str]) -> int:
    """Compiles the sources among the arguments, then links all objects."""
    import subprocess
    import tempfile

    output, shared = "a.out", False
    inputs: list[str] = []  # sources and objects in their order
    options: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "-o":
            output = next(rest)
        elif argument == "-shared":
            shared = True
        elif argument in WITH_VALUE:
            options += [argument, next(rest)]
        elif argument in ("-Wl,--whole-archive", "-Wl,--no-whole-archive"):
            inputs.append(argument.removeprefix("-Wl,"))
        elif is_for_emcc(argument) or argument.startswith(("-l", "-L")):
            continue  # Pyodide provides the libraries; lld searches archives repeatedly by itself
        elif argument.endswith(SOURCES + OBJECTS):
            inputs.append(argument)
        else:
            options.append(argument)
    with tempfile.TemporaryDirectory() as folder:
        for index, source in enumerate(inputs):
            if source.endswith(SOURCES):
                inputs[index] = f"{folder}/{index}.o"
                code = subprocess.call([*compiler(language), *options, "-c", source, "-o", inputs[index]])
                if code != 0:
                    return code
        return subprocess.call([*linker(output, shared), *inputs])


def expand(arguments: list[str]) -> list[str]:
    """Returns the arguments with each `@file` replaced by the arguments in it."""
    result = []
    for argument in arguments:
        if argument.startswith("@"):
            with open(argument[1:]) as file:  # noqa: PTH123
                result += file.read().split()
        else:
            result.append(argument)
    return result


def main(language: str, arguments: list[str]) -> int:
    """Compiles, links, or prints the version."""
    arguments = expand(arguments)
    if "--version" in arguments:
        print(VERSION, flush=True)
        os.execvp(f"clang-{os.environ['WCC_LLVM']}", ["clang", "--version"])
    if STOPS_EARLIER.isdisjoint(arguments):
        return link(language, arguments)
    command = compiler(language) + [argument for argument in as_suits(arguments) if not is_for_emcc(argument)]
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
