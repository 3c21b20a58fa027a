// SPDX-License-Identifier: Apache-2.0
//
// wsgi.input: the request's body as a binary file that cannot be rewound: read, readline, readlines,
// iteration, with the meaning they have for io.BufferedIOBase. Bytes are copied once, out of the library's
// blocks into what Python gets. The GIL is let go where the body has to be waited for.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "extension.h"

namespace remuda::python {
namespace {

struct Input {
  PyObject_HEAD Exchange* exchange;  // a reference
};

constexpr size_t kFirstPiece = 64 * 1024;

// What has been read so far. Grows as bytes come: a client may announce much and send little.
struct Piece {
  char* bytes = nullptr;
  size_t size = 0;
  size_t room = 0;

  Piece() = default;
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() { free(bytes); }
  bool reserve(size_t wanted) {
    if (wanted <= room) return true;
    size_t more = room == 0 ? 512 : room * 2;
    if (more < wanted) more = wanted;
    auto* const moved = static_cast<char*>(realloc(bytes, more));
    if (moved == nullptr) return false;
    bytes = moved;
    room = more;
    return true;
  }
};

remuda_request* request_of(PyObject* self) {
  Exchange& exchange = *reinterpret_cast<Input*>(self)->exchange;
  if (exchange.request == nullptr || exchange.waiting) {
    PyErr_SetString(PyExc_RuntimeError, "wsgi.input: the request is over, or another thread works on it");
    return nullptr;
  }
  return exchange.request;
}

// The next bytes, without the GIL while they are waited for. Below 0: an exception is set.
ssize_t peek(PyObject* self, remuda_request* request, const char** bytes) {
  Exchange& exchange = *reinterpret_cast<Input*>(self)->exchange;
  ssize_t size = 0;
  int error = 0;
  exchange.waiting = true;
  Py_BEGIN_ALLOW_THREADS;
  size = remuda_peek(request, bytes);
  error = errno;
  Py_END_ALLOW_THREADS;
  exchange.waiting = false;
  if (size >= 0) return size;
  errno = error;
  if (error == ECANCELED) {
    exchange.gone = true;
    raise_gone(exchange);
  } else {
    PyErr_SetFromErrno(PyExc_OSError);
  }
  return -1;
}

// Appends as many as `most` bytes to the piece, up to and with `end` (-1: none). 1: go on. 0: the body, or
// the line, has ended. -1: an exception is set.
int append_some(PyObject* self, remuda_request* request, Piece& piece, size_t most, int end) {
  const char* bytes = nullptr;
  const ssize_t here = peek(self, request, &bytes);
  if (here <= 0) return static_cast<int>(here);
  size_t size = static_cast<size_t>(here) < most ? static_cast<size_t>(here) : most;
  const void* const found = end >= 0 ? memchr(bytes, end, size) : nullptr;
  if (found != nullptr) size = static_cast<size_t>(static_cast<const char*>(found) - bytes) + 1;
  if (!piece.reserve(piece.size + size)) {
    PyErr_NoMemory();
    return -1;
  }
  memcpy(piece.bytes + piece.size, bytes, size);
  piece.size += size;
  remuda_skip(request, size);
  return found != nullptr ? 0 : 1;
}

PyObject* bytes_of(const Piece& piece) {
  return PyBytes_FromStringAndSize(piece.bytes, static_cast<Py_ssize_t>(piece.size));
}

PyObject* read_up_to(PyObject* self, size_t most, int end) {
  remuda_request* const request = request_of(self);
  if (request == nullptr) return nullptr;
  Piece piece;
  if (end < 0 && most > 512) {
    const char* const length = remuda_param(request, "CONTENT_LENGTH");
    const size_t announced = length != nullptr ? strtoull(length, nullptr, 10) : 0;
    const size_t likely = announced < most ? announced : most;
    if (likely > 0) piece.reserve(likely < kFirstPiece ? likely : kFirstPiece);
  }
  while (piece.size < most) {
    const int more = append_some(self, request, piece, most - piece.size, end);
    if (more < 0) return nullptr;
    if (more == 0) break;
  }
  return bytes_of(piece);
}

// The optional argument of a method: a number, or None, which is like -1.
bool size_of(PyObject* arguments, const char* format, size_t& size) {
  PyObject* given = Py_None;
  if (PyArg_ParseTuple(arguments, format, &given) == 0) return false;
  const Py_ssize_t number = given == Py_None ? -1 : PyNumber_AsSsize_t(given, PyExc_OverflowError);
  if (number == -1 && PyErr_Occurred() != nullptr) return false;
  size = number < 0 ? SIZE_MAX : static_cast<size_t>(number);
  return true;
}

PyObject* read_method(PyObject* self, PyObject* arguments) {
  size_t size = 0;
  return size_of(arguments, "|O:read", size) ? read_up_to(self, size, -1) : nullptr;
}

// What is there, waiting only if that is nothing.
PyObject* read1_method(PyObject* self, PyObject* arguments) {
  size_t size = 0;
  remuda_request* const request = request_of(self);
  if (request == nullptr || !size_of(arguments, "|O:read1", size)) return nullptr;
  Piece piece;
  if (size > 0 && append_some(self, request, piece, size, -1) < 0) return nullptr;
  return bytes_of(piece);
}

PyObject* readline_method(PyObject* self, PyObject* arguments) {
  size_t size = 0;
  return size_of(arguments, "|O:readline", size) ? read_up_to(self, size, '\n') : nullptr;
}

PyObject* readlines_method(PyObject* self, PyObject* arguments) {
  size_t hint = 0;
  if (!size_of(arguments, "|O:readlines", hint)) return nullptr;
  if (hint == 0) hint = SIZE_MAX;
  Ref lines(PyList_New(0));
  for (size_t total = 0; lines && total < hint;) {
    const Ref line(read_up_to(self, SIZE_MAX, '\n'));
    if (!line) return nullptr;
    const Py_ssize_t size = PyBytes_Size(line.get());
    if (size == 0) break;
    if (PyList_Append(lines.get(), line.get()) != 0) return nullptr;
    total += static_cast<size_t>(size);
  }
  return lines.release();
}

PyObject* next_line(PyObject* self) {
  Ref line(read_up_to(self, SIZE_MAX, '\n'));
  if (!line || PyBytes_Size(line.get()) == 0) return nullptr;
  return line.release();
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  Py_XDECREF(reinterpret_cast<PyObject*>(reinterpret_cast<Input*>(self)->exchange));
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace

PyTypeObject* make_input_type() {
  static PyMethodDef methods[] = {
      {"read", read_method, METH_VARARGS, "read([size]): bytes, as many as asked for unless the body ends."},
      {"read1", read1_method, METH_VARARGS, "read1([size]): bytes, at least one unless the body ends."},
      {"readline", readline_method, METH_VARARGS, "readline([size]): up to the end of a line."},
      {"readlines", readlines_method, METH_VARARGS, "readlines([hint]): a list of lines."},
      {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_methods, methods},
                                {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                                {Py_tp_iternext, reinterpret_cast<void*>(next_line)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
                                {0, nullptr}};
  static PyType_Spec spec = {"_remuda.Input", sizeof(Input), 0, Py_TPFLAGS_DEFAULT, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

// wsgi.input and wsgi.errors are both nothing but a reference to their exchange.
PyObject* make_stream(PyTypeObject* type, Exchange& exchange) {
  Input* const stream = PyObject_New(Input, type);
  if (stream == nullptr) return nullptr;
  Py_INCREF(reinterpret_cast<PyObject*>(&exchange));
  stream->exchange = &exchange;
  return reinterpret_cast<PyObject*>(stream);
}

}  // namespace remuda::python
