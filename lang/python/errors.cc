// SPDX-License-Identifier: Apache-2.0
//
// wsgi.errors: text for the server's log, with the request it is about. After the request, and from other
// threads while it waits, text goes to the log without it.
#include "extension.h"

namespace remuda::python {
namespace {

struct Errors {
  PyObject_HEAD Exchange* exchange;  // a reference
};

PyObject* write_method(PyObject* self, PyObject* text) {
  if (!PyUnicode_Check(text)) {
    PyErr_SetString(PyExc_TypeError, "wsgi.errors takes str");
    return nullptr;
  }
  const Ref bytes(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (!bytes || PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0) return nullptr;
  log_text(*reinterpret_cast<Errors*>(self)->exchange, data, static_cast<size_t>(size));
  return PyLong_FromSsize_t(PyUnicode_GetLength(text));
}

PyObject* writelines_method(PyObject* self, PyObject* lines) {
  const Ref iterator(PyObject_GetIter(lines));
  if (!iterator) return nullptr;
  for (;;) {
    const Ref line(PyIter_Next(iterator.get()));
    if (!line) break;
    const Ref written(write_method(self, line.get()));
    if (!written) return nullptr;
  }
  if (PyErr_Occurred() != nullptr) return nullptr;
  Py_RETURN_NONE;
}

PyObject* flush_method(PyObject* /*self*/, PyObject* /*nothing*/) { Py_RETURN_NONE; }

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  Py_XDECREF(reinterpret_cast<PyObject*>(reinterpret_cast<Errors*>(self)->exchange));
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace

PyTypeObject* make_errors_type() {
  static PyMethodDef methods[] = {{"write", write_method, METH_O, "Text for the server's log."},
                                  {"writelines", writelines_method, METH_O, "Texts for the server's log."},
                                  {"flush", flush_method, METH_NOARGS, "Nothing: text goes with the answer."},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_methods, methods}, {Py_tp_dealloc, reinterpret_cast<void*>(destroy)}, {0, nullptr}};
  static PyType_Spec spec = {"_remuda.Errors", sizeof(Errors), 0, Py_TPFLAGS_DEFAULT, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

}  // namespace remuda::python
