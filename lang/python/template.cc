// SPDX-License-Identifier: Apache-2.0
//
// _remuda.Template: remuda_template.h as Python has it. A call that fails raises OSError.
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#include "extension.h"
#include "remuda_template.h"

namespace remuda::python {
namespace {

struct Template {
  PyObject_HEAD remuda_template* handle;  // null: this process has become a fork, or it is a template no more
};

Template& of(PyObject* self) { return *reinterpret_cast<Template*>(self); }

remuda_template* handle_of(PyObject* self) {
  if (of(self).handle == nullptr) PyErr_SetString(PyExc_RuntimeError, "this process is no template any more");
  return of(self).handle;
}

PyObject* outcome(int result) {
  if (result < 0) return PyErr_SetFromErrno(PyExc_OSError);
  Py_RETURN_NONE;
}

// A str as the system's bytes.
template <class Call>
PyObject* with_text(PyObject* self, PyObject* text, Call call) {
  remuda_template* const handle = handle_of(self);
  PyObject* bytes = nullptr;
  if (handle == nullptr || PyUnicode_FSConverter(text, static_cast<void*>(&bytes)) == 0) return nullptr;
  const Ref keep(bytes);
  return outcome(call(handle, PyBytes_AsString(bytes)));
}

PyObject* step_method(PyObject* self, PyObject* text) { return with_text(self, text, remuda_template_step); }
PyObject* warn_method(PyObject* self, PyObject* text) { return with_text(self, text, remuda_template_warn); }
PyObject* unfit_method(PyObject* self, PyObject* text) {
  return with_text(self, text, remuda_template_unfit);
}
PyObject* watch_method(PyObject* self, PyObject* text) {
  return with_text(self, text, remuda_template_watch);
}
PyObject* watch_closely_method(PyObject* self, PyObject* text) {
  return with_text(self, text, remuda_template_watch_closely);
}

PyObject* ready_method(PyObject* self, PyObject* /*nothing*/) {
  remuda_template* const handle = handle_of(self);
  return handle != nullptr ? outcome(remuda_template_ready(handle)) : nullptr;
}

// serve(): forks whenever a process is wanted. True in each fork, False at the end.
PyObject* serve_method(PyObject* self, PyObject* /*nothing*/) {
  Environment environment;
  if (!environment.find()) return nullptr;
  const Forked forked = fork_when_wanted(self, environment);
  if (forked == Forked::kFailed || (forked == Forked::kHere && !environment.renew())) return nullptr;
  return PyBool_FromLong(forked == Forked::kHere ? 1 : 0);
}

// run(code, renew_streams, words): forks whenever a process is wanted, and runs a script in each: script.cc.
// It returns at the template's end.
PyObject* run_method(PyObject* self, PyObject* arguments) {
  PyObject* code = nullptr;
  PyObject* renew_streams = nullptr;
  PyObject* words = nullptr;
  if (PyArg_ParseTuple(arguments, "OOO", &code, &renew_streams, &words) == 0) return nullptr;
  return run_script(self, code, renew_streams, words);
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

// open_template(): None where this process is to be none.
PyObject* open_template(PyObject* module, PyObject* /*nothing*/) {
  remuda_template* const handle = remuda_template_open();
  if (handle == nullptr && errno != ENOENT) return PyErr_SetFromErrno(PyExc_OSError);
  if (handle == nullptr) Py_RETURN_NONE;
  const Ref type(PyObject_GetAttrString(module, "Template"));
  if (!type) return nullptr;
  Template* const self = PyObject_New(Template, reinterpret_cast<PyTypeObject*>(type.get()));
  if (self != nullptr) self->handle = handle;
  return reinterpret_cast<PyObject*>(self);
}

// What Python calls in the child alone is bound at its first call, by each fork for itself, and the linker
// reads the tables of all libraries for it: PyOS_AfterFork_Child() deletes a key.
void bind_symbols() {
  Py_tss_t* const key = PyThread_tss_alloc();
  if (key == nullptr) return;
  PyThread_tss_create(key);
  PyThread_tss_delete(key);
  PyThread_tss_free(key);
}

}  // namespace

Forked fork_when_wanted(PyObject* self, Environment& environment) {
  remuda_template* const handle = handle_of(self);
  if (handle == nullptr) return Forked::kFailed;
  bind_symbols();
  const char* const variable = environment.default_variable();
  if (variable != nullptr) remuda_template_default_variable(handle, variable);
  for (;;) {
    const int wanted = remuda_template_wait(handle);
    if (wanted < 0) PyErr_SetFromErrno(PyExc_OSError);
    if (wanted <= 0) return wanted < 0 ? Forked::kFailed : Forked::kNoMore;
    size_t size = 0;
    const char* const variables = remuda_template_environment(handle, &size);
    if (!environment.expect(variables, size)) return Forked::kFailed;
    PyOS_BeforeFork();
    const pid_t pid = fork();
    const int error = errno;
    if (pid == 0) break;
    PyOS_AfterFork_Parent();
    errno = error;
    remuda_template_parent(handle, pid);
  }
  of(self).handle = nullptr;
  PyOS_AfterFork_Child();
  if (remuda_template_child(handle) < 0) _exit(1);  // the spawner has been told
  return Forked::kHere;
}

bool add_template(PyObject* module) {
  static PyMethodDef methods[] = {
      {"step", step_method, METH_O, "What is being loaded now."},
      {"warn", warn_method, METH_O, "Something that somebody should know."},
      {"unfit", unfit_method, METH_O, "It cannot be forked from."},
      {"watch", watch_method, METH_O, "A file that was loaded."},
      {"watch_closely", watch_closely_method, METH_O, "A file that has to be the same."},
      {"ready", ready_method, METH_NOARGS, "All is loaded."},
      {"serve", serve_method, METH_NOARGS, "Forks; True in a fork."},
      {"run", run_method, METH_VARARGS, "Forks, and runs a script in each fork."},
      {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_methods, methods}, {Py_tp_dealloc, reinterpret_cast<void*>(destroy)}, {0, nullptr}};
  static PyType_Spec spec = {"_remuda.Template", sizeof(Template), 0, Py_TPFLAGS_DEFAULT, slots};
  static PyMethodDef functions[] = {
      {"open_template", open_template, METH_NOARGS, "The template that this process is to be, or None."},
      {nullptr, nullptr, 0, nullptr}};
  return PyModule_AddObject(module, "Template", PyType_FromSpec(&spec)) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace remuda::python
