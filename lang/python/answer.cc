// SPDX-License-Identifier: Apache-2.0
//
// Exchange: start_response(), write(), and how head and content leave. The head stands ready from
// start_response() on and goes with the first content that is not empty, or with the end: until then the
// application may replace it with exc_info. What would end a header line early is refused: it is how answers
// are split. So is what belongs to the connection, which is the server's.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "extension.h"

namespace remuda::python {
namespace {

Exchange& of(PyObject* self) { return *reinterpret_cast<Exchange*>(self); }

constexpr size_t kSmall = 16 * 1024;  // is copied, without letting the GIL go

// --- the head

// Grows while it is written.
class Head {
 public:
  Head() = default;
  Head(const Head&) = delete;
  Head& operator=(const Head&) = delete;
  ~Head() { free(bytes_); }
  bool put(const char* text, size_t size) {
    if (size_ + size > room_) {
      size_t room = room_ == 0 ? 512 : room_;
      while (room < size_ + size) room *= 2;
      auto* const bytes = static_cast<char*>(realloc(bytes_, room));
      if (bytes == nullptr) {
        PyErr_NoMemory();
        return false;
      }
      bytes_ = bytes;
      room_ = room;
    }
    memcpy(bytes_ + size_, text, size);
    size_ += size;
    return true;
  }
  bool put(const char* text) { return put(text, strlen(text)); }
  size_t size() const { return size_; }
  char* release() {
    char* const bytes = bytes_;
    bytes_ = nullptr;
    return bytes;
  }

 private:
  char* bytes_ = nullptr;
  size_t size_ = 0;
  size_t room_ = 0;
};

struct Text {
  char* data;
  Py_ssize_t size;
};

// The bytes of a str, which `keep` then owns.
bool latin1(PyObject* text, const char* what, Ref& keep, Text& bytes) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "%s is to be a str, not %R", what, text);
    return false;
  }
  keep.reset(PyUnicode_AsLatin1String(text));
  return keep && PyBytes_AsStringAndSize(keep.get(), &bytes.data, &bytes.size) == 0;
}

bool has_control(const Text& text) {
  for (Py_ssize_t i = 0; i < text.size; ++i) {
    const auto one = static_cast<unsigned char>(text.data[i]);
    if ((one < 32 && one != '\t') || one == 127) return true;
  }
  return false;
}

bool is_token(const Text& text) {
  for (Py_ssize_t i = 0; i < text.size; ++i) {
    const char one = text.data[i];
    if (one <= 32 || one >= 127 || strchr("()<>@,;:\\\"/[]?={}", one) != nullptr) return false;
  }
  return text.size > 0;
}

bool is(const Text& name, const char* word) {
  return strlen(word) == static_cast<size_t>(name.size) &&
         strncasecmp(name.data, word, static_cast<size_t>(name.size)) == 0;
}

bool belongs_to_the_server(const Text& name) {
  for (const char* one : {"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE",
                          "Trailer", "Transfer-Encoding", "Upgrade", "Status"}) {
    if (is(name, one)) return true;
  }
  return false;
}

// -1: no number.
int64_t number_of(const Text& text) {
  int64_t number = 0;
  for (Py_ssize_t i = 0; i < text.size; ++i) {
    if (text.data[i] < '0' || text.data[i] > '9' || number > INT64_MAX / 10 - 9) return -1;
    number = number * 10 + (text.data[i] - '0');
  }
  return text.size > 0 ? number : -1;
}

bool put_status(Head& head, PyObject* status, bool& without_content) {
  Ref keep;
  Text text{};
  if (!latin1(status, "the status", keep, text)) return false;
  const Text code{text.data, text.size < 3 ? text.size : 3};
  const int64_t number = number_of(code);
  if (number < 100 || (text.size > 3 && text.data[3] != ' ') || has_control(text)) {
    PyErr_Format(PyExc_ValueError, "%R is no status", status);
    return false;
  }
  without_content = number == 204 || number == 304;
  return head.put("Status: ") && head.put(text.data, static_cast<size_t>(text.size)) && head.put("\r\n");
}

bool put_header(Head& head, PyObject* pair, int64_t& content_length) {
  if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
    PyErr_Format(PyExc_TypeError, "a header is to be a tuple of two, not %R", pair);
    return false;
  }
  Ref keep_name;
  Ref keep_value;
  Text name{};
  Text value{};
  if (!latin1(PyTuple_GetItem(pair, 0), "a header's name", keep_name, name)) return false;
  if (!latin1(PyTuple_GetItem(pair, 1), "a header's value", keep_value, value)) return false;
  if (!is_token(name) || has_control(value)) {
    PyErr_Format(PyExc_ValueError, "%R is no header", pair);
    return false;
  }
  if (belongs_to_the_server(name)) {
    PyErr_Format(PyExc_ValueError, "%R: that header is the server's", pair);
    return false;
  }
  if (is(name, "Content-Length")) {
    content_length = number_of(value);
    if (content_length < 0) {
      PyErr_Format(PyExc_ValueError, "%R: no number", pair);
      return false;
    }
  }
  return head.put(name.data, static_cast<size_t>(name.size)) && head.put(": ") &&
         head.put(value.data, static_cast<size_t>(value.size)) && head.put("\r\n");
}

bool put_headers(Head& head, PyObject* headers, int64_t& content_length) {
  if (!PyList_Check(headers)) {
    PyErr_Format(PyExc_TypeError, "the headers are to be a list, not %R", headers);
    return false;
  }
  for (Py_ssize_t i = 0; i < PyList_Size(headers); ++i) {
    if (!put_header(head, PyList_GetItem(headers, i), content_length)) return false;
  }
  return true;
}

// Raises what an application that gives exc_info wants to be raised: it is too late for another head.
void raise_again(PyObject* exc_info) {
  PyObject* type = PyTuple_GetItem(exc_info, 0);
  PyObject* value = PyTuple_GetItem(exc_info, 1);
  PyObject* trace = PyTuple_GetItem(exc_info, 2);
  if (type == nullptr || value == nullptr || trace == nullptr) return;
  Py_INCREF(type);
  Py_INCREF(value);
  Py_INCREF(trace);
  PyErr_Restore(type, value, trace == Py_None ? (Py_DECREF(trace), nullptr) : trace);
}

bool may_start(const Exchange& exchange, PyObject* exc_info) {
  const bool has_exception = exc_info != nullptr && exc_info != Py_None;
  if (has_exception && (!PyTuple_Check(exc_info) || PyTuple_Size(exc_info) != 3)) {
    PyErr_SetString(PyExc_TypeError, "exc_info is to be a tuple of three");
    return false;
  }
  if (exchange.request == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "start_response(): the request is over");
    return false;
  }
  if (has_exception && exchange.head_sent) {
    raise_again(exc_info);
    return false;
  }
  if (!has_exception && exchange.head != nullptr) {
    PyErr_SetString(PyExc_AssertionError, "start_response() was called before, and there is no exc_info");
    return false;
  }
  return true;
}

// --- what leaves

// `call` returns what remuda_write() does, without the GIL.
template <class Call>
ssize_t without_gil(Exchange& exchange, Call call) {
  ssize_t result = 0;
  int error = 0;
  exchange.waiting = true;
  Py_BEGIN_ALLOW_THREADS;
  result = call();
  error = errno;
  Py_END_ALLOW_THREADS;
  exchange.waiting = false;
  errno = error;
  return result;
}

Sent sent_all(Exchange& exchange, ssize_t result) {
  if (result >= 0) return Sent::kAll;
  if (errno == ECANCELED) {
    exchange.gone = true;
    return Sent::kGone;
  }
  PyErr_SetFromErrno(PyExc_OSError);
  return Sent::kFailed;
}

Sent send_bytes(Exchange& exchange, const char* bytes, size_t size) {
  remuda_request* const request = exchange.request;
  size_t done = 0;
  while (size <= kSmall && done < size) {
    const ssize_t taken = remuda_write_now(request, bytes + done, size - done);
    if (taken < 0 && errno != EAGAIN) return sent_all(exchange, taken);
    if (taken < 0) break;
    done += static_cast<size_t>(taken);
  }
  if (done == size) return Sent::kAll;
  return sent_all(exchange,
                  without_gil(exchange, [&] { return remuda_write(request, bytes + done, size - done); }));
}

PyObject* write_method(PyObject* self, PyObject* data) {
  Exchange& exchange = of(self);
  if (exchange.request == nullptr || exchange.waiting) {
    PyErr_SetString(PyExc_RuntimeError, "write(): the request is over, or another thread works on it");
    return nullptr;
  }
  const Sent sent = send_item(exchange, data);
  if (sent == Sent::kFailed) return nullptr;
  if (sent == Sent::kGone || !flush(exchange)) return raise_gone(exchange);
  if (sent == Sent::kEnough) {
    PyErr_SetString(PyExc_ValueError, "write(): more than the Content-Length says");
    return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* start_response(PyObject* self, PyObject* arguments, PyObject* keywords) {
  static constexpr const char* kNames[] = {"status", "response_headers", "exc_info", nullptr};
  PyObject* status = nullptr;
  PyObject* headers = nullptr;
  PyObject* exc_info = nullptr;
  Exchange& exchange = of(self);
  if (PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|O:start_response", const_cast<char**>(kNames),
                                  &status, &headers, &exc_info) == 0 ||
      !may_start(exchange, exc_info)) {
    return nullptr;
  }
  Head head;
  bool without_content = false;
  int64_t content_length = -1;
  if (!put_status(head, status, without_content) || !put_headers(head, headers, content_length))
    return nullptr;
  free(exchange.head);
  exchange.head_size = head.size();
  exchange.head = head.release();
  exchange.without_content = without_content || exchange.is_head;
  exchange.content_length = content_length;
  static PyMethodDef write = {"write", write_method, METH_O, "Sends bytes to the client."};
  return PyCFunction_NewEx(&write, self, nullptr);
}

void destroy(PyObject* self) {
  Exchange& exchange = of(self);
  PyTypeObject* const type = Py_TYPE(self);
  if (exchange.request != nullptr) remuda_finish(exchange.request, REMUDA_BROKEN);
  free(exchange.head);
  Py_XDECREF(exchange.server);
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace

PyTypeObject* make_exchange_type() {
  static PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(start_response)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
                                {0, nullptr}};
  static PyType_Spec spec = {"_remuda.Exchange", sizeof(Exchange), 0, Py_TPFLAGS_DEFAULT, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

Sent send_head(Exchange& exchange, int64_t length_if_unknown) {
  if (exchange.head_sent) return Sent::kAll;
  if (exchange.head == nullptr) {
    PyErr_SetString(PyExc_AssertionError, "start_response() was not called");
    return Sent::kFailed;
  }
  char line[64] = "\r\n";
  if (exchange.content_length < 0 && length_if_unknown >= 0 && !exchange.without_content) {
    exchange.content_length = length_if_unknown;
    PyOS_snprintf(line, sizeof(line), "Content-Length: %lld\r\n\r\n",
                  static_cast<long long>(length_if_unknown));
  }
  exchange.head_sent = true;
  const Sent sent = send_bytes(exchange, exchange.head, exchange.head_size);
  return sent == Sent::kAll ? send_bytes(exchange, line, strlen(line)) : sent;
}

Sent send_content(Exchange& exchange, const char* bytes, size_t size) {
  if (size == 0) return Sent::kAll;
  if (const Sent sent = send_head(exchange, -1); sent != Sent::kAll) return sent;
  if (exchange.without_content) return Sent::kAll;
  bool enough = false;
  if (exchange.content_length >= 0) {
    const auto left = static_cast<uint64_t>(exchange.content_length - exchange.sent);
    enough = size > left;
    if (enough) size = static_cast<size_t>(left);
  }
  exchange.sent += static_cast<int64_t>(size);
  const Sent sent = size > 0 ? send_bytes(exchange, bytes, size) : Sent::kAll;
  return sent == Sent::kAll && enough ? Sent::kEnough : sent;
}

Sent send_item(Exchange& exchange, PyObject* item) {
  char* bytes = nullptr;
  Py_ssize_t size = 0;
  if (!PyBytes_Check(item)) {
    PyErr_Format(PyExc_TypeError, "content is to be bytes, not %s",
                 PyUnicode_Check(item) ? "str" : "what the application gave");
    return Sent::kFailed;
  }
  if (PyBytes_AsStringAndSize(item, &bytes, &size) != 0) return Sent::kFailed;
  if (exchange.head == nullptr && size > 0) return send_head(exchange, -1);  // raises
  return send_content(exchange, bytes, static_cast<size_t>(size));
}

// False: nobody waits any more.
bool flush(Exchange& exchange) {
  remuda_request* const request = exchange.request;
  const auto call = [request] {
    return static_cast<ssize_t>(remuda_flush(request) | -remuda_aborted(request));
  };
  const ssize_t result = exchange.server->threads > 1 ? without_gil(exchange, call) : call();
  if (result < 0) exchange.gone = true;
  return result >= 0;
}

void log_text(Exchange& exchange, const char* text, size_t size) {
  if (exchange.request != nullptr && !exchange.waiting) {
    without_gil(exchange, [&] { return remuda_log(exchange.request, text, size); });
  } else {
    [[maybe_unused]] const ssize_t written = write(2, text, size);  // the server's log, without the request
  }
}

PyObject* raise_gone(const Exchange& exchange) {
  PyErr_SetString(exchange.server->gone, "the client has gone");
  return nullptr;
}

}  // namespace remuda::python
