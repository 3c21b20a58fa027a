// SPDX-License-Identifier: Apache-2.0
//
// What the files of the Python extension share. It is written against the limited API of CPython 3.9, so that
// one build serves every later CPython and any virtual environment.
//
//     Server    what this process serves: the application, the words of the environ, the remuda_app
//     Exchange  one request, from remuda_accept() to remuda_finish(); it is the application's start_response
//     Input     wsgi.input        Errors   wsgi.errors        FileWrapper   wsgi.file_wrapper
//     Template  remuda_template.h; a script in a fork
//
// Everything is used with the GIL, which is let go where a call waits. Objects outlive their request when the
// application keeps them: Exchange::request is null then.
#pragma once

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x03090000
#endif
#include <Python.h>
#include <stddef.h>
#include <stdint.h>

#include <initializer_list>
#include <new>

#include "remuda_app.h"

namespace remuda::python {

// Owns one reference.
class Ref {
 public:
  explicit Ref(PyObject* object = nullptr) : object_(object) {}
  Ref(Ref&& other) noexcept : object_(other.release()) {}
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;
  ~Ref() { Py_XDECREF(object_); }
  void reset(PyObject* object) {
    Py_XDECREF(object_);
    object_ = object;
  }
  PyObject* get() const { return object_; }
  PyObject* release() {
    PyObject* const object = object_;
    object_ = nullptr;
    return object;
  }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_;
};

struct Server;

// Takes the exception that is set, which is set no more. Null: what it has none of.
class Raised {
 public:
  Raised() {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* trace = nullptr;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    type_.reset(type);
    value_.reset(value);
    trace_.reset(trace);
  }
  PyObject* type() const { return type_.get(); }
  PyObject* value() const { return value_.get(); }
  PyObject* trace() const { return trace_.get(); }

 private:
  Ref type_, value_, trace_;
};

struct Exchange {
  PyObject_HEAD Server* server;  // a reference
  remuda_request* request;       // null: it is over
  char* head;                    // header lines, from malloc; null before start_response()
  size_t head_size;
  int64_t content_length;  // as the application said; -1: it did not
  int64_t sent;            // of the content
  bool head_sent;
  bool without_content;  // HEAD, 204, 304
  bool is_head;
  bool gone;     // nobody waits for the answer any more
  bool waiting;  // a call is under way without the GIL
};

// Results of sending.
enum class Sent : uint8_t {
  kAll,
  kEnough,  // more than Content-Length was given: the rest is not sent
  kGone,    // the client: no exception is set
  kFailed,  // an exception is set
};

// answer.cc
PyTypeObject* make_exchange_type();
Sent send_head(Exchange& exchange, int64_t length_if_unknown);
Sent send_content(Exchange& exchange, const char* bytes, size_t size);
Sent send_item(Exchange& exchange, PyObject* item);
bool flush(Exchange& exchange);
void log_text(Exchange& exchange, const char* text, size_t size);
// Raises what a call that the client's leaving has broken off raises.
PyObject* raise_gone(const Exchange& exchange);

// input.cc, errors.cc, file_wrapper.cc
PyTypeObject* make_input_type();
PyTypeObject* make_errors_type();
PyTypeObject* make_file_wrapper_type();
PyObject* make_stream(PyTypeObject* type, Exchange& exchange);
Sent send_file(Exchange& exchange, PyObject* wrapper);

// server.cc
PyTypeObject* make_server_type();

// process_environment.cc: os.environ and os.environb.
class Environment {
 public:
  // In the template. The default variable is for remuda_template_default_variable(), null: none. false: an
  // exception is set.
  bool find();
  const char* default_variable() const {
    return default_variable_ ? PyBytes_AsString(default_variable_.get()) : nullptr;
  }
  // In the template, of the process that is wanted: `size` bytes of variables.
  bool expect(const char* environment, size_t size);
  // In a fork: they are the process's environment as it is now.
  bool renew();

 private:
  struct Variable {
    PyObject* name;
    PyObject* value;
  };
  bool has_names(const char* environment, size_t size) const;
  bool build(const char* environment, size_t size);
  bool exchange(PyObject* now);
  bool update();
  bool replace();

  bool usual_ = false;  // both keep their variables in one dict
  Ref holders_[2];      // the attributes of both
  Ref mappings_[2];
  Ref default_variable_;
  PyObject* expected_ = nullptr;   // the dict
  Variable* variables_ = nullptr;  // in its order; what expected_ holds
  size_t count_ = 0;
};

// template.cc
bool add_template(PyObject* module);
enum class Forked : uint8_t {
  kHere,    // this process is a fork
  kNoMore,  // the template has come to its end
  kFailed,  // an exception is set
};
// Forks whenever a process is wanted. What os.register_at_fork() was given is run, as by os.fork().
Forked fork_when_wanted(PyObject* self, Environment& environment);

// script.cc. Null with an exception, or None.
PyObject* run_script(PyObject* self, PyObject* code, PyObject* renew_streams, PyObject* words);

// environment.cc
struct Words;
Words* make_words();
void free_words(Words* words);
// A new environ, without what the request object gives.
PyObject* make_environ(Words& words, PyObject* base, const remuda_request* request);

struct Server {
  PyObject_HEAD remuda_app* app;
  unsigned threads;
  PyObject* application;
  PyObject* report;  // of an exception: the text for the log and the page
  PyObject* base;    // what is the same in every environ
  PyTypeObject* exchange_type;
  PyTypeObject* input_type;
  PyTypeObject* errors_type;
  PyTypeObject* file_wrapper_type;
  PyObject* gone;  // the exception
  Words* words;
  int64_t tail_debt;  // see server.cc
};

}  // namespace remuda::python
