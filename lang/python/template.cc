// SPDX-License-Identifier: Apache-2.0
//
// _remuda.Template: remuda_template.h as Python has it. A call that fails raises OSError.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "extension.h"
#include "remuda_template.h"

extern "C" char** environ;

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

// serve(): forks whenever a process is wanted. True in each fork, False at the end. What
// os.register_at_fork() was given is run, as by os.fork().
PyObject* serve_method(PyObject* self, PyObject* /*nothing*/) {
  remuda_template* const handle = handle_of(self);
  if (handle == nullptr) return nullptr;
  for (;;) {
    const int wanted = remuda_template_wait(handle);
    if (wanted < 0) return PyErr_SetFromErrno(PyExc_OSError);
    if (wanted == 0) Py_RETURN_FALSE;
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
  Py_RETURN_TRUE;
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

// environment(): the process's own, as it is now, in its order: {b"NAME": b"value"}.
PyObject* environment(PyObject* /*module*/, PyObject* /*nothing*/) {
  Ref variables(PyDict_New());
  for (char** one = environ; variables && one != nullptr && *one != nullptr; ++one) {
    const char* const equals = strchr(*one, '=');
    if (equals == nullptr) continue;
    const Ref name(PyBytes_FromStringAndSize(*one, equals - *one));
    const Ref value(PyBytes_FromString(equals + 1));
    if (!name || !value) return nullptr;
    if (PyDict_GetItemWithError(variables.get(), name.get()) != nullptr) continue;  // the first counts
    if (PyErr_Occurred() != nullptr || PyDict_SetItem(variables.get(), name.get(), value.get()) != 0)
      return nullptr;
  }
  return variables.release();
}

// kinds(): what descriptors 0, 1 and 2 are, as far as Python's streams depend on it: a byte for each, 1 a
// pipe, 2 /dev/null, 0 anything else.
PyObject* kinds(PyObject* /*module*/, PyObject* /*nothing*/) {
  long all = 0;
  for (int fd : {0, 1, 2}) {
    struct stat status;
    long kind = 0;
    if (fstat(fd, &status) == 0) {
      if (S_ISFIFO(status.st_mode) && status.st_blksize == 4096) kind = 1;
      if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) kind = 2;
    }
    all |= kind << (8 * fd);
  }
  return PyLong_FromLong(all);
}

}  // namespace

bool add_template(PyObject* module) {
  static PyMethodDef methods[] = {
      {"step", step_method, METH_O, "What is being loaded now."},
      {"warn", warn_method, METH_O, "Something that somebody should know."},
      {"unfit", unfit_method, METH_O, "It cannot be forked from."},
      {"watch", watch_method, METH_O, "A file that was loaded."},
      {"watch_closely", watch_closely_method, METH_O, "A file that has to be the same."},
      {"ready", ready_method, METH_NOARGS, "All is loaded."},
      {"serve", serve_method, METH_NOARGS, "Forks; True in a fork."},
      {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_methods, methods}, {Py_tp_dealloc, reinterpret_cast<void*>(destroy)}, {0, nullptr}};
  static PyType_Spec spec = {"_remuda.Template", sizeof(Template), 0, Py_TPFLAGS_DEFAULT, slots};
  static PyMethodDef functions[] = {
      {"open_template", open_template, METH_NOARGS, "The template that this process is to be, or None."},
      {"environment", environment, METH_NOARGS, "The environment, as it is now."},
      {"kinds", kinds, METH_NOARGS, "What descriptors 0, 1 and 2 are."},
      {nullptr, nullptr, 0, nullptr}};
  return PyModule_AddObject(module, "Template", PyType_FromSpec(&spec)) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace remuda::python
