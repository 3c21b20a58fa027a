# SPDX-License-Identifier: Apache-2.0
"""Modules that each fork imports itself, because their import says something, from code that is kept."""
import sys

import _frozen_importlib_external as machinery


class KeptLoader(machinery.SourceFileLoader):
    def __init__(self, name, path, code):
        super().__init__(name, path)
        self._code = code

    def get_code(self, name):
        return self._code


class KeptFinder:
    """The first of sys.meta_path."""

    def __init__(self):
        self.kept = {}

    def find_spec(self, name, path=None, target=None):
        loader = self.kept.get(name)
        return loader and machinery.spec_from_file_location(name, loader.path, loader=loader)

    def keep(self, name):
        """Takes a module out of sys.modules, so that its next import is one."""
        module = sys.modules.pop(name)
        parent, _, last = name.rpartition(".")
        if parent in sys.modules and getattr(sys.modules[parent], last, None) is module:
            delattr(sys.modules[parent], last)
        loader = module.__spec__.loader
        if isinstance(loader, machinery.SourceFileLoader):
            self.kept[name] = KeptLoader(name, module.__file__, loader.get_code(name))
