"""Compiles Python files ahead of time for `bytecode: true`.

    python compile.py LIST FIRST STEP

LIST has one JSON array per line: [source, target, name]. Every STEPth line from FIRST on is compiled. The
byte code is never checked against its source (PEP 552): in a package neither of them changes.
"""

import json
import os
import py_compile
import sys
import warnings

warnings.simplefilter("ignore")
with open(sys.argv[1], encoding="utf-8") as lines:
    chosen = lines.readlines()[int(sys.argv[2]) :: int(sys.argv[3])]
for line in chosen:
    source, target, name = json.loads(line)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        py_compile.compile(
            source,
            cfile=target,
            dfile=name,
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except (py_compile.PyCompileError, SyntaxError, ValueError, RecursionError):
        # Not every file is meant for this Python: templates of code, branches for another version.
        continue
