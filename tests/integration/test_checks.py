#!/usr/bin/env python3
"""The project's own checks find what they are for, name file and line, and pass what is well."""

import subprocess

from harness import ROOT, expect, expect_in, run

CLEAN = {
    "Makefile": "all:\n",
    "gateway/base/err.h": "int ll_err;\n",
    "gateway/base/clock.c": "#include <time.h>\nint now(void *t) { return clock_gettime(0, t); }\n",
    "gateway/validate/range.c": '#include "gateway/base/err.h"\n/* rand() and "x" */\n',
    "gateway/pipeline/pipeline.c": '#include "gateway/pipeline/pipeline.h"\n#include "gateway/validate/range.h"\n',
    "gateway/main.c": '#include "gateway/app.h"\n',
    "simulator/main.c": '#include "gateway/base/err.h"\n',
}

# check, file, text, what the check must say
FAULTS = [
    ("includes", "gateway/base/buf.c", '\n#include "gateway/model/kind.h"\n',
     "gateway/base/buf.c:2: includes gateway/model/kind.h"),
    ("includes", "gateway/decode/native.c", '#include "gateway/registry/registry.h"\n',
     "stages do not include one another"),
    ("includes", "gateway/detect/limit.c", '#include "gateway/base/log.h"\n', "is pure"),
    ("includes", "gateway/alarm/alarm.c", "#include <pthread.h>\n", "is pure"),
    ("includes", "gateway/registry/import.c", '#include "gateway/store/quarantine.h"\n',
     "includes gateway/store/quarantine.h"),
    ("includes", "gateway/export/line.c", "#include <MQTTAsync.h>\n", "only gateway/ingest"),
    ("includes", "gateway/api.c", '#include "gateway/app.h"\n', "does not stand below it"),
    ("includes", "gateway/ctl/ctl.c", '#include "gateway/conf/conf.h"\n',
     "gateway/ctl may include"),
    ("includes", "simulator/main.c", '#include "gateway/decode/native.h"\n',
     "simulator may include"),
    ("includes", "gateway/novel/x.c", '#include "gateway/base/err.h"\n', "has no row"),
    ("includes", "gateway/base/x.c", '#include "err.h"\n', "path from the top folder"),
    ("banned", "gateway/base/x.c", "void f(char *a) { strcpy(a, a); }\n",
     "gateway/base/x.c:1: strcpy()"),
    ("banned", "simulator/x.c", "/* a\n b */ int r = rand ();\n", "simulator/x.c:2: rand()"),
    ("banned", "tests/unit/x.c", "int f(void) { return sscanf(0, 0); }\n", "sscanf()"),
    ("banned", "gateway/export/x.c", "long t = time(0);\n", "base/clock.h"),
    ("banned", "gateway/detect/x.c", "long t = clock_wall().ms;\n", "takes `now`"),
    ("files", "gateway/base/x.c", "int a;\n" * 601, "gateway/base/x.c:601: 601 lines"),
    ("files", "scripts/x", "a\n# TO" "DO later\n", "scripts/x:2: TO" "DO"),
    ("files", "config/x.json", '{"a": "/ro' 'ot/x"}\n', "a path of one machine"),
    ("files", "gateway/base/x.h", "int a; \n", "gateway/base/x.h:1: blanks"),
    ("files", "gateway/base/x.h", "int a;", "no line end"),
    ("files", "notes.txt", "a\n", "notes.txt:1: does not belong"),
]


def tree(folder):
    for path, text in CLEAN.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    yield folder


def check(name, root):
    return subprocess.run([ROOT / "scripts" / ("check-" + name), root], capture_output=True,
                          text=True)


def a_clean_tree_passes(root):
    for name in ("includes", "banned", "files"):
        done = check(name, root)
        expect((done.stdout, done.stderr, done.returncode), ("", "", 0), name)


def an_empty_tree_fails(root):
    empty = root / "build"
    empty.mkdir()
    for name in ("includes", "banned"):
        expect(check(name, empty).returncode, 1, name)
    empty.rmdir()


def each_fault_is_found_by_file_and_reason(root):
    for name, path, text, words in FAULTS:
        file = root / path
        before = file.read_text() if file.exists() else None
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        done = check(name, root)
        expect_in(words, done.stdout, "check-%s on %s" % (name, path))
        expect(done.returncode, 1, "status of check-%s on %s" % (name, path))
        if before is None:
            file.unlink()
        else:
            file.write_text(before)


if __name__ == "__main__":
    run([a_clean_tree_passes, an_empty_tree_fails, each_fault_is_found_by_file_and_reason], tree)
