#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house tests tested: each rule is shown a small tree that breaks it and must name the offender."""

import tempfile
import unittest
from pathlib import Path

import file_rules
import include_rules
from source_text import includes


class Tree(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)

    def put(self, name: str, text: str = ""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class IncludeRules(Tree):
    def faults(self, name: str, header: str, quote: str = '""') -> list[str]:
        if not (self.root / "src" / header).exists():
            self.put(f"src/{header}")
        self.put(name, f"// a comment\n#include {quote[0]}{header}{quote[1]}\n")
        return include_rules.check(self.root)

    def test_names_the_offending_pair(self):
        self.assertEqual(
            self.faults("src/content/x.cc", "http/h1/y.h"),
            ["src/content/x.cc:2 includes http/h1/y.h: content may not include http/h1"],
        )

    def test_upward_and_sideways(self):
        for name, header in [
            ("src/base/x.cc", "loop/task.h"),
            ("src/config/x.cc", "loop/task.h"),
            ("src/loop/x.cc", "config/read.h"),
            ("src/http/x.h", "http/h1/codec.h"),
            ("src/spawner/x.cc", "loop/task.h"),
            ("src/gateway/wire/cgi.cc", "http/h1/codec.h"),
            ("src/gateway/x.cc", "content/files.h"),
            ("src/content/x_test.cc", "gateway/exchange.h"),
            ("src/server/x.cc", "cli/serve.h"),
        ]:
            with self.subTest(name=name, header=header):
                self.setUp()
                self.assertEqual(len(self.faults(name, header)), 1)

    def test_downward(self):
        for name, header in [
            ("src/base/x.cc", "base/fd.h"),
            ("src/loop/backend/epoll.cc", "loop/task.h"),
            ("src/loop/x.cc", "loop/backend/epoll.h"),
            ("src/http/h1/x.cc", "http/message.h"),
            ("src/content/x.cc", "http/message.h"),
            ("src/gateway/wire/cgi.cc", "gateway/exchange.h"),
            ("src/cli/x.cc", "http/h1/codec.h"),
        ]:
            with self.subTest(name=name, header=header):
                self.setUp()
                self.assertEqual(self.faults(name, header), [])

    def test_one_header_of_a_floor(self):
        self.assertEqual(self.faults("src/apps/x.cc", "spawner/protocol.h"), [])
        self.assertEqual(self.faults("src/gateway/x.cc", "apps/source.h"), [])
        self.assertIn("apps may include of spawner only spawner/protocol.h", self.faults("src/apps/x.cc", "spawner/fork.h")[0])
        self.setUp()
        self.assertIn("only apps/source.h", self.faults("src/gateway/x.cc", "apps/exec.h")[0])

    def test_angle_brackets_and_relative_paths_do_not_hide_a_pair(self):
        self.assertIn("may not include", self.faults("src/base/x.cc", "loop/task.h", "<>")[0])
        self.setUp()
        self.put("src/loop/task.h")
        self.put("src/base/x.cc", '#include "../loop/task.h"\n')
        self.assertIn("write the path from src/", include_rules.check(self.root)[0])

    def test_missing_file_and_unknown_folder(self):
        self.put("src/base/x.cc", '#include "fd.h"\n')
        self.assertIn("src/base/x.cc:1 includes fd.h", include_rules.check(self.root)[0])
        self.put("src/attic/x.cc")
        self.assertIn("not a floor", include_rules.check(self.root)[0])

    def test_public_headers_and_languages(self):
        self.put("src/base/fd.h")
        self.put("include/remuda_app.h", '#include <stdint.h>\n')
        self.put("lang/applib/app.c", '#include "remuda_app.h"\n')
        self.assertEqual(include_rules.check(self.root), [])
        self.put("lang/applib/app.c", '#include "base/fd.h"\n')
        self.put("include/remuda_app.h", '#include "../src/base/fd.h"\n')
        faults = include_rules.check(self.root)
        self.assertEqual(len(faults), 2)
        self.assertIn("lang/applib/app.c:1 includes base/fd.h: lang may not include src", faults)

    def test_comments_and_strings_are_not_includes(self):
        text = '/*\n#include "a.h"\n*/\n// #include "b.h"\nauto s = R"(//)"; \n  #  include "c.h"  // why\n'
        self.assertEqual(includes(text), [(6, '"', "c.h")])


class FileRules(Tree):
    GOOD = "// SPDX-License-Identifier: Apache-2.0\n// What it is.\n#pragma once\n"

    def test_good(self):
        self.put("src/base/x.h", self.GOOD + 'auto text = "throw"; // may throw, they say\nauto letter = \'"\';\n')
        self.assertEqual(file_rules.check(self.root), [])

    def test_bad(self):
        for text, words in [
            ("// What it is.\n// Whose it is.\n#pragma once\n", "the first line is not"),
            ("// SPDX-License-Identifier: Apache-2.0\n\n#pragma once\n", "no header comment"),
            ("// SPDX-License-Identifier: Apache-2.0\n// What it is.\n", "no #pragma once"),
            (self.GOOD + "// TO" + "DO later\n", "finish it"),
            (self.GOOD + "void f() { throw 1; }\n", "src/base/x.h:4: throws"),
            (self.GOOD + "\n" * 600, "603 lines"),
        ]:
            with self.subTest(words=words):
                self.put("src/base/x.h", text)
                faults = file_rules.check(self.root)
                self.assertEqual(len(faults), 1, faults)
                self.assertIn(words, faults[0])


if __name__ == "__main__":
    unittest.main()
