// SPDX-License-Identifier: Apache-2.0
//
// Server: what this process serves. run() is the loop of one thread; any number of them may run it.
//
// PEP 3333 wants each block to be on its way before the application is asked for the next. A block that makes
// the content complete is as good as the last: it may wait for the application to say so and for close(), to
// leave with the end of the request in one call. When that turns out to take more than a moment, each
// millisecond of it is a debt that is paid with a quick one before the next may wait.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "extension.h"

namespace remuda::python {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

Server& of(PyObject* self) { return *reinterpret_cast<Server*>(self); }
PyObject* as_object(Exchange& exchange) { return reinterpret_cast<PyObject*>(&exchange); }

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// --- one request

Exchange* make_exchange(Server& server, remuda_request* request) {
  Exchange* const exchange = PyObject_New(Exchange, server.exchange_type);
  if (exchange == nullptr) return nullptr;
  memset(reinterpret_cast<char*>(exchange) + sizeof(PyObject), 0, sizeof(Exchange) - sizeof(PyObject));
  Py_INCREF(reinterpret_cast<PyObject*>(&server));
  exchange->server = &server;
  exchange->request = request;
  exchange->content_length = -1;
  const char* const method = remuda_param(request, "REQUEST_METHOD");
  exchange->is_head = method != nullptr && strcmp(method, "HEAD") == 0;
  return exchange;
}

PyObject* environ_of(Exchange& exchange) {
  const Server& server = *exchange.server;
  Ref environ(make_environ(*server.words, server.base, exchange.request));
  const Ref input(make_stream(server.input_type, exchange));
  const Ref errors(make_stream(server.errors_type, exchange));
  if (!environ || !input || !errors || PyDict_SetItemString(environ.get(), "wsgi.input", input.get()) != 0 ||
      PyDict_SetItemString(environ.get(), "wsgi.errors", errors.get()) != 0) {
    return nullptr;
  }
  return environ.release();
}

// All of it is there: its length is known, and nothing is gained by sending a part.
Sent send_list(Exchange& exchange, PyObject* list) {
  int64_t length = 0;
  for (Py_ssize_t i = 0; i < PySequence_Size(list); ++i) {
    const Ref item(PySequence_GetItem(list, i));
    if (!item) return Sent::kFailed;
    if (PyBytes_Check(item.get()) == 0)
      return send_item(exchange, item.get());  // raises, before the head leaves
    length += PyBytes_Size(item.get());
  }
  if (const Sent sent = send_head(exchange, length); sent != Sent::kAll) return sent;
  for (Py_ssize_t i = 0; i < PySequence_Size(list); ++i) {
    const Ref item(PySequence_GetItem(list, i));
    const Sent sent = item ? send_item(exchange, item.get()) : Sent::kFailed;
    if (sent != Sent::kAll) return sent;
  }
  return Sent::kAll;
}

Sent send_blocks(Exchange& exchange, PyObject* result, int64_t& complete_since) {
  const Ref iterator(PyObject_GetIter(result));
  if (!iterator) return Sent::kFailed;
  for (;;) {
    const Ref block(PyIter_Next(iterator.get()));
    if (!block) break;
    const Sent sent = send_item(exchange, block.get());
    if (sent != Sent::kAll) return sent;
    if (exchange.head_sent && exchange.without_content) return Sent::kAll;
    const bool complete = exchange.sent == exchange.content_length;
    if (complete && complete_since == 0) complete_since = now();
    if ((!complete || exchange.server->tail_debt > 0) && exchange.head_sent && !flush(exchange))
      return Sent::kGone;
  }
  if (PyErr_Occurred() != nullptr) return Sent::kFailed;
  return exchange.head_sent ? Sent::kAll : send_head(exchange, 0);
}

Sent send_result(Exchange& exchange, PyObject* result, int64_t& complete_since) {
  Sent sent;
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) {
    sent = send_list(exchange, result);
  } else if (Py_TYPE(result) == exchange.server->file_wrapper_type) {
    sent = send_file(exchange, result);
    if (sent == Sent::kAll && !exchange.head_sent) sent = send_head(exchange, 0);
  } else {
    sent = send_blocks(exchange, result, complete_since);
  }
  constexpr char kTooMuch[] = "the application gave more than its Content-Length says\n";
  constexpr char kTooLittle[] = "the application gave less than its Content-Length says\n";
  if (sent == Sent::kEnough) log_text(exchange, kTooMuch, sizeof(kTooMuch) - 1);
  if (sent == Sent::kAll && !exchange.without_content && exchange.sent < exchange.content_length) {
    log_text(exchange, kTooLittle, sizeof(kTooLittle) - 1);
  }
  return sent;
}

// --- what goes wrong

void write_bytes(Exchange& exchange, PyObject* bytes, bool to_log) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (bytes == nullptr || PyBytes_AsStringAndSize(bytes, &data, &size) != 0) return PyErr_Clear();
  if (to_log) return log_text(exchange, data, static_cast<size_t>(size));
  remuda_write(exchange.request, data, static_cast<size_t>(size));
}

// Takes the exception that is set: its text goes to the log, and to the client a page, if nothing of the
// answer has left. Nothing of that if the client's leaving is the reason.
void report_exception(Exchange& exchange, bool page_is_wanted) {
  const Raised raised;
  PyObject* const value = raised.value() != nullptr ? raised.value() : Py_None;
  PyObject* const trace = raised.trace() != nullptr ? raised.trace() : Py_None;
  const Server& server = *exchange.server;
  if (exchange.gone && PyErr_GivenExceptionMatches(raised.type(), server.gone) != 0) return;
  const Ref texts(PyObject_CallFunctionObjArgs(server.report, raised.type(), value, trace, nullptr));
  if (!texts || !PyTuple_Check(texts.get()) || PyTuple_Size(texts.get()) != 2) {
    PyErr_Clear();
    constexpr char kText[] = "an exception that cannot be told\n";
    return log_text(exchange, kText, sizeof(kText) - 1);
  }
  write_bytes(exchange, PyTuple_GetItem(texts.get(), 0), true);
  if (!page_is_wanted || exchange.head_sent) return;
  exchange.head_sent = true;
  write_bytes(exchange, PyTuple_GetItem(texts.get(), 1), false);
}

// close() is called whatever has happened. False: an exception is set.
bool close_result(PyObject* result) {
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result) || PyBytes_CheckExact(result)) return true;
  const Ref close(PyObject_GetAttrString(result, "close"));
  if (!close) {
    PyErr_Clear();
    return true;
  }
  const Ref done(PyObject_CallObject(close.get(), nullptr));
  return static_cast<bool>(done);
}

// The status to finish the request with.
int answer(Exchange& exchange, int64_t& complete_since) {
  const Ref environ(environ_of(exchange));
  const Ref result(environ ? PyObject_CallFunctionObjArgs(exchange.server->application, environ.get(),
                                                          as_object(exchange), nullptr)
                           : nullptr);
  const Sent sent = result ? send_result(exchange, result.get(), complete_since) : Sent::kFailed;
  const bool head_had_left = exchange.head_sent;
  if (sent == Sent::kFailed) report_exception(exchange, true);
  if (sent == Sent::kGone) exchange.gone = true;
  if (result && !close_result(result.get())) report_exception(exchange, false);
  if (sent == Sent::kFailed) return head_had_left ? REMUDA_BROKEN : 0;
  const bool whole =
      exchange.without_content || exchange.content_length < 0 || exchange.sent >= exchange.content_length;
  return whole ? 0 : REMUDA_BROKEN;
}

void finish(Exchange& exchange, int status) {
  remuda_request* const request = exchange.request;
  exchange.request = nullptr;
  if (exchange.server->threads > 1) {
    Py_BEGIN_ALLOW_THREADS;
    remuda_finish(request, status);
    Py_END_ALLOW_THREADS;
  } else {
    remuda_finish(request, status);
  }
}

void serve_one(Server& server, remuda_request* request) {
  Exchange* const exchange = make_exchange(server, request);
  if (exchange == nullptr) {
    PyErr_Clear();
    remuda_finish(request, REMUDA_BROKEN);
    return;
  }
  int64_t complete_since = 0;
  const int status = answer(*exchange, complete_since);
  if (complete_since != 0) {
    const int64_t tail = now() - complete_since;
    if (tail > kMillisecond / 2) {
      server.tail_debt += 1 + tail / kMillisecond;
    } else if (server.tail_debt > 0) {
      --server.tail_debt;
    }
  }
  finish(*exchange, status);
  Py_DECREF(as_object(*exchange));
}

// --- the Python side

// One thread's loop, until the process is to end.
PyObject* run_method(PyObject* self, PyObject* /*nothing*/) {
  Server& server = of(self);
  for (;;) {
    remuda_request* request = nullptr;
    int error = 0;
    Py_BEGIN_ALLOW_THREADS;
    request = remuda_accept(server.app);
    error = errno;
    Py_END_ALLOW_THREADS;
    if (request != nullptr) {
      serve_one(server, request);
      continue;
    }
    if (error == 0) Py_RETURN_NONE;
    errno = error;
    return PyErr_SetFromErrno(PyExc_OSError);
  }
}

PyObject* stop_method(PyObject* self, PyObject* /*nothing*/) {
  if (of(self).app != nullptr) remuda_stop(of(self).app);
  Py_RETURN_NONE;
}

PyObject* close_method(PyObject* self, PyObject* /*nothing*/) {
  remuda_app* const app = of(self).app;
  of(self).app = nullptr;
  int status = 0;
  Py_BEGIN_ALLOW_THREADS;
  status = app != nullptr ? remuda_close(app) : 0;
  Py_END_ALLOW_THREADS;
  return PyLong_FromLong(status);
}

bool put_flag(PyObject* base, const char* name, bool value) {
  return PyDict_SetItemString(base, name, value ? Py_True : Py_False) == 0;
}

PyObject* base_environ(const Server& server) {
  Ref base(PyDict_New());
  const Ref version(Py_BuildValue("(ii)", 1, 0));
  const bool cgi = remuda_is_cgi(server.app) != 0;
  if (!base || !version || PyDict_SetItemString(base.get(), "wsgi.version", version.get()) != 0 ||
      !put_flag(base.get(), "wsgi.multithread", server.threads > 1) ||
      !put_flag(base.get(), "wsgi.multiprocess", true) || !put_flag(base.get(), "wsgi.run_once", cgi) ||
      !put_flag(base.get(), "wsgi.input_terminated", true) ||
      PyDict_SetItemString(base.get(), "wsgi.file_wrapper",
                           reinterpret_cast<PyObject*>(server.file_wrapper_type)) != 0) {
    return nullptr;
  }
  return base.release();
}

PyTypeObject* type_of(PyObject* module, const char* name) {
  return reinterpret_cast<PyTypeObject*>(PyObject_GetAttrString(module, name));
}

// Server(application, report, threads=1): opens what descriptor 0 is.
int initialise(PyObject* self, PyObject* arguments, PyObject* keywords) {
  static constexpr const char* kNames[] = {"application", "report", "threads", nullptr};
  Server& server = of(self);
  remuda_options options = REMUDA_OPTIONS;
  if (server.app != nullptr) return -1;
  if (PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|I:Server", const_cast<char**>(kNames),
                                  &server.application, &server.report, &options.threads) == 0) {
    server.application = server.report = nullptr;
    return -1;
  }
  Py_INCREF(server.application);
  Py_INCREF(server.report);
  server.threads = options.threads;
  server.app = remuda_open(&options);
  if (server.app == nullptr) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  const Ref module(PyImport_ImportModule("_remuda"));
  if (!module) return -1;
  server.exchange_type = type_of(module.get(), "Exchange");
  server.input_type = type_of(module.get(), "Input");
  server.errors_type = type_of(module.get(), "Errors");
  server.file_wrapper_type = type_of(module.get(), "FileWrapper");
  server.gone = PyObject_GetAttrString(module.get(), "ClientGone");
  if (PyErr_Occurred() != nullptr) return -1;
  server.words = make_words();
  server.base = base_environ(server);
  return server.words != nullptr && server.base != nullptr ? 0 : -1;
}

PyObject* is_cgi(PyObject* self, void* /*nothing*/) {
  return PyBool_FromLong(of(self).app != nullptr ? remuda_is_cgi(of(self).app) : 0);
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  Server& server = of(self);
  if (server.app != nullptr) remuda_close(server.app);
  free_words(server.words);
  for (PyObject* one :
       {server.application, server.report, server.base, reinterpret_cast<PyObject*>(server.exchange_type),
        reinterpret_cast<PyObject*>(server.input_type), reinterpret_cast<PyObject*>(server.errors_type),
        reinterpret_cast<PyObject*>(server.file_wrapper_type), server.gone}) {
    Py_XDECREF(one);
  }
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace

PyTypeObject* make_server_type() {
  static PyMethodDef methods[] = {
      {"run", run_method, METH_NOARGS, "Serves in this thread until the process is to end."},
      {"stop", stop_method, METH_NOARGS, "Ends gracefully."},
      {"close", close_method, METH_NOARGS, "Sends what is owed and closes; the status for exit()."},
      {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef attributes[] = {
      {"is_cgi", is_cgi, nullptr, "Whether there is one request, as CGI has it.", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_methods, methods},
                                {Py_tp_getset, attributes},
                                {Py_tp_init, reinterpret_cast<void*>(initialise)},
                                {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
                                {0, nullptr}};
  static PyType_Spec spec = {"_remuda.Server", sizeof(Server), 0, Py_TPFLAGS_DEFAULT, slots};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

}  // namespace remuda::python
