// SPDX-License-Identifier: Apache-2.0
//
// wsgi.file_wrapper: an iterable over a file. When the application returns it as it is and the file is a
// regular one of the system, its bytes go from the kernel to the server without becoming Python's, and
// without the GIL; any other is read by its read().
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extension.h"

namespace remuda::python {
namespace {

struct FileWrapper {
  PyObject_HEAD PyObject* file;
  Py_ssize_t block_size;
};

constexpr size_t kBlock = 256 * 1024;

FileWrapper& of(PyObject* self) { return *reinterpret_cast<FileWrapper*>(self); }

int initialise(PyObject* self, PyObject* arguments, PyObject* keywords) {
  static constexpr const char* kNames[] = {"filelike", "blksize", nullptr};
  PyObject* file = nullptr;
  Py_ssize_t size = 8192;
  if (PyArg_ParseTupleAndKeywords(arguments, keywords, "O|n:FileWrapper", const_cast<char**>(kNames), &file,
                                  &size) == 0) {
    return -1;
  }
  Py_INCREF(file);
  Py_XDECREF(of(self).file);
  of(self).file = file;
  of(self).block_size = size;
  return 0;
}

PyObject* next_block(PyObject* self) {
  Ref block(PyObject_CallMethod(of(self).file, "read", "n", of(self).block_size));
  if (!block) return nullptr;
  const Py_ssize_t size = PyObject_Size(block.get());
  return size > 0 ? block.release() : nullptr;
}

PyObject* close_method(PyObject* self, PyObject* /*nothing*/) {
  const Ref close(PyObject_GetAttrString(of(self).file, "close"));
  if (!close) {
    PyErr_Clear();
    Py_RETURN_NONE;
  }
  return PyObject_CallObject(close.get(), nullptr);
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  Py_XDECREF(of(self).file);
  PyObject_Free(self);
  Py_DECREF(type);
}

// A number that a method of the file gives; -1 where there is none.
long long ask(PyObject* file, const char* method) {
  const Ref answer(PyObject_CallMethod(file, method, nullptr));
  const long long number = answer ? PyLong_AsLongLong(answer.get()) : -1;
  if (PyErr_Occurred() != nullptr) PyErr_Clear();
  return number;
}

// From `offset` to the end, without the GIL.
Sent send_descriptor(Exchange& exchange, int fd, off_t offset) {
  auto* const block = static_cast<char*>(malloc(kBlock));
  if (block == nullptr) {
    PyErr_NoMemory();
    return Sent::kFailed;
  }
  Sent sent = Sent::kAll;
  while (sent == Sent::kAll) {
    ssize_t got = 0;
    Py_BEGIN_ALLOW_THREADS;
    got = pread(fd, block, kBlock, offset);
    Py_END_ALLOW_THREADS;
    if (got < 0) {
      PyErr_SetFromErrno(PyExc_OSError);
      sent = Sent::kFailed;
    }
    if (got <= 0) break;
    offset += got;
    sent = send_content(exchange, block, static_cast<size_t>(got));
  }
  free(block);
  return sent;
}

}  // namespace

PyTypeObject* make_file_wrapper_type() {
  static PyMethodDef methods[] = {{"close", close_method, METH_NOARGS, "Closes the file."},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_methods, methods},
                                {Py_tp_init, reinterpret_cast<void*>(initialise)},
                                {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                                {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                {Py_tp_iternext, reinterpret_cast<void*>(next_block)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
                                {0, nullptr}};
  static PyType_Spec spec = {"_remuda.FileWrapper", sizeof(FileWrapper), 0, Py_TPFLAGS_DEFAULT, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

Sent send_file(Exchange& exchange, PyObject* wrapper) {
  PyObject* const file = of(wrapper).file;
  const long long fd = ask(file, "fileno");
  const long long offset = fd >= 0 ? ask(file, "tell") : -1;
  struct stat status;
  if (offset >= 0 && fstat(static_cast<int>(fd), &status) == 0 && S_ISREG(status.st_mode)) {
    const int64_t left = status.st_size > offset ? status.st_size - offset : 0;
    const Sent sent = send_head(exchange, left);
    if (sent != Sent::kAll || exchange.without_content) return sent;
    return send_descriptor(exchange, static_cast<int>(fd), static_cast<off_t>(offset));
  }
  for (;;) {
    const Ref block(PyObject_CallMethod(file, "read", "n", static_cast<Py_ssize_t>(kBlock)));
    if (!block) return Sent::kFailed;
    if (PyObject_Size(block.get()) <= 0) return PyErr_Occurred() != nullptr ? Sent::kFailed : Sent::kAll;
    const Sent sent = send_item(exchange, block.get());
    if (sent != Sent::kAll) return sent;
    if (!flush(exchange)) return Sent::kGone;
  }
}

}  // namespace remuda::python
