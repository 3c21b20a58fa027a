// SPDX-License-Identifier: Apache-2.0
//
// The module _remuda: remuda_app.h as a WSGI server, and remuda_template.h.
#include "extension.h"

namespace {

using namespace remuda::python;

bool add(PyObject* module, const char* name, void* object) {
  return object != nullptr && PyModule_AddObject(module, name, static_cast<PyObject*>(object)) == 0;
}

int fill(PyObject* module) {
  const bool good = add(module, "Server", make_server_type()) &&
                    add(module, "Exchange", make_exchange_type()) &&
                    add(module, "Input", make_input_type()) && add(module, "Errors", make_errors_type()) &&
                    add(module, "FileWrapper", make_file_wrapper_type()) && add_template(module) &&
                    add(module, "ClientGone",
                        PyErr_NewException("_remuda.ClientGone", PyExc_ConnectionAbortedError, nullptr));
  return good ? 0 : -1;
}

}  // namespace

// Python asks for this name.
PyMODINIT_FUNC PyInit__remuda() {  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming)
  static PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(fill)}, {0, nullptr}};
  static PyModuleDef definition = {
      PyModuleDef_HEAD_INIT, "_remuda", nullptr, 0, nullptr, slots, nullptr, nullptr, nullptr};
  return PyModuleDef_Init(&definition);
}
