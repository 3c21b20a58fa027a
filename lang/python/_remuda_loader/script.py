# SPDX-License-Identifier: Apache-2.0
"""The module that a script is run as. It is made in the template: what is made there no fork has to make."""
import sys

import _frozen_importlib_external as machinery


def make_main(path):
    """As the interpreter makes it, the last one in sys.modules."""
    sys.modules.pop("__main__")
    module = sys.modules["__main__"] = type(sys)("__main__")
    names = module.__dict__
    names.pop("__loader__"), names.pop("__spec__")
    names["__loader__"] = machinery.SourceFileLoader("__main__", path)
    names["__spec__"] = None
    names["__annotations__"] = {}
    names["__builtins__"] = sys.modules["builtins"]
    names["__file__"] = path
    names["__cached__"] = None
