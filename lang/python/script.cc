// SPDX-License-Identifier: Apache-2.0
//
// A script that was compiled before, run in a fork as the interpreter runs its main program: module __main__
// is there, and the end is that of an interpreter. What nobody can see of that end is left out: taking
// modules apart that all forks share.
//
// It is in C because a page that is touched costs a fork a copy, and each function that Python runs touches
// its own, its code's, its names' and their types': in Python this took 58 of the 330 pages that a small
// script touched. For the same reason all that is needed is looked up before the fork.
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "extension.h"

namespace remuda::python {
namespace {

constexpr int kWithoutOutput = 120;  // what Python ends with when it could not write its output
constexpr int kInterrupted = 128 + SIGINT;

// What descriptors 0, 1 and 2 are, as far as Python's streams depend on it, a byte for each.
enum Kind : unsigned { kOther, kPipe, kNull };
constexpr unsigned kPrepared = kNull | kPipe << 8 | kPipe << 16;  // streams.py

unsigned kinds() {
  unsigned all = 0;
  for (int fd : {0, 1, 2}) {
    struct stat status;
    Kind kind = kOther;
    if (fstat(fd, &status) == 0) {
      if (S_ISFIFO(status.st_mode) && status.st_blksize == 4096) kind = kPipe;
      if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) kind = kNull;
    }
    all |= kind << (8 * fd);
  }
  return all;
}

// What failed is not to be heard of.
void ignored(PyObject* result) {
  if (result == nullptr) PyErr_Clear();
  Py_XDECREF(result);
}

// Tells on sys.stderr what failed, as an interpreter does at its end, where there is no frame that it could
// name.
void tell(PyObject* of) {
  const Raised raised;
  const Ref name(PyObject_GetAttrString(raised.type(), "__name__"));
  const Ref text(PyUnicode_FromFormat("Exception ignored in: %R\n%S: %S\n", of, name.get(), raised.value()));
  PyObject* const errors = PySys_GetObject("stderr");
  if (!text || errors == nullptr || PyFile_WriteObject(text.get(), errors, Py_PRINT_RAW) != 0) PyErr_Clear();
}

PyObject* attribute(const char* module, const char* name) {
  const Ref owner(PyImport_ImportModule(module));
  return owner ? PyObject_GetAttrString(owner.get(), name) : nullptr;
}

class Script {
 public:
  Script(PyObject* code, PyObject* renew_streams, PyObject* words)
      : code_(code), renew_streams_(renew_streams), words_(words) {}

  // In the template. false: an exception is set.
  bool find();
  Forked wait(PyObject* self) { return fork_when_wanted(self, environment_); }
  // In a fork.
  [[noreturn]] void run();

 private:
  bool begin();
  int status_of_failure();
  int status_of_exit();
  void end_threads();
  static bool flush_stream(const char* name);
  static bool flush_streams();
  static void forget_failure();
  void forget_modules();
  bool is_standard(PyObject* file) const;
  void flush_files(PyObject* kind, PyObject* objects) const;
  void flush_left_open(PyObject* objects) const;
  PyObject* new_objects(PyObject* generation) const;
  void collect() const;

  Environment environment_;
  PyObject* code_;               // the caller's
  PyObject* renew_streams_;      // the caller's: (different) for others than those that are prepared
  PyObject* words_;              // the caller's: for sys.stderr, or None
  PyObject* modules_ = nullptr;  // sys.modules, borrowed
  Py_ssize_t known_ = 0;         // modules that all forks share, __main__ last
  Ref run_exit_functions_, get_objects_, collect_, two_, one_;
  Ref kinds_of_files_[3];
  Ref standard_[9];
};

bool Script::find() {
  modules_ = PySys_GetObject("modules");
  if (modules_ == nullptr || !environment_.find()) return false;
  known_ = PyDict_Size(modules_);
  run_exit_functions_.reset(attribute("atexit", "_run_exitfuncs"));
  get_objects_.reset(attribute("gc", "get_objects"));
  collect_.reset(attribute("gc", "collect"));
  one_.reset(PyLong_FromLong(1));
  two_.reset(PyLong_FromLong(2));
  const char* const files[] = {"TextIOWrapper", "BufferedWriter", "BufferedRandom"};
  for (size_t i = 0; i < 3; ++i) kinds_of_files_[i].reset(attribute("io", files[i]));
  const char* const streams[] = {"__stdin__", "__stdout__", "__stderr__"};
  for (size_t i = 0; i < 3; ++i) {
    PyObject* const text = PySys_GetObject(streams[i]);
    if (text == nullptr || text == Py_None) continue;
    Py_INCREF(text);
    standard_[3 * i].reset(text);
    standard_[3 * i + 1].reset(PyObject_GetAttrString(text, "buffer"));
    if (!standard_[3 * i + 1]) return false;
    standard_[3 * i + 2].reset(PyObject_GetAttrString(standard_[3 * i + 1].get(), "raw"));
    if (!standard_[3 * i + 2]) PyErr_Clear();  // under -u the buffer is raw itself
  }
  return run_exit_functions_ && get_objects_ && collect_ && one_ && two_ && kinds_of_files_[0] &&
         kinds_of_files_[1] && kinds_of_files_[2];
}

bool Script::begin() {
  if (!environment_.renew()) return false;
  const unsigned different = kinds() ^ kPrepared;
  if (different != 0) {
    const Ref renewed(PyObject_CallFunction(renew_streams_, "I", different));
    if (!renewed) return false;
  }
  PyObject* const errors = PySys_GetObject("stderr");
  return words_ == Py_None || errors == nullptr || PyFile_WriteObject(words_, errors, Py_PRINT_RAW) == 0;
}

void Script::run() {
  const bool begun = begin();
  Ref main(begun ? PyDict_GetItemString(modules_, "__main__") : nullptr);
  if (main) Py_INCREF(main.get());
  PyObject* const names = main ? PyModule_GetDict(main.get()) : nullptr;
  const Ref result(names != nullptr ? PyEval_EvalCode(code_, names, names) : nullptr);
  int status = result ? 0 : status_of_failure();
  end_threads();
  ignored(PyObject_CallObject(run_exit_functions_.get(), nullptr));
  bool good = flush_streams();
  forget_failure();
  forget_modules();
  main.reset(nullptr);  // and with it, mostly, all that it has made
  collect();
  good = good && flush_streams();
  if (status == kInterrupted) {
    signal(SIGINT, SIG_DFL);
    kill(getpid(), SIGINT);
  }
  _exit(good ? status : kWithoutOutput);
}

// As the interpreter does it: what was printed comes before the traceback.
int Script::status_of_failure() {
  PyObject* kind = nullptr;
  PyObject* error = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&kind, &error, &trace);
  for (const char* name : {"stderr", "stdout"}) {
    PyObject* const stream = PySys_GetObject(name);
    if (stream != nullptr && stream != Py_None) ignored(PyObject_CallMethod(stream, "flush", nullptr));
  }
  PyErr_Restore(kind, error, trace);
  if (PyErr_ExceptionMatches(PyExc_SystemExit) != 0) return status_of_exit();
  const bool interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
  PyErr_Print();
  return interrupted ? kInterrupted : 1;
}

// What SystemExit means for the process.
int Script::status_of_exit() {
  const Raised raised;
  const Ref code(raised.value() != nullptr ? PyObject_GetAttrString(raised.value(), "code") : nullptr);
  if (!code) PyErr_Clear();
  if (!code || code.get() == Py_None) return 0;
  if (PyLong_Check(code.get())) {
    const long status = PyLong_AsLong(code.get());
    if (PyErr_Occurred() != nullptr) PyErr_Clear();
    return static_cast<int>(status & 0xFF);
  }
  PyObject* const errors = PySys_GetObject("stderr");
  if (errors != nullptr && errors != Py_None) {
    if (PyFile_WriteObject(code.get(), errors, Py_PRINT_RAW) != 0) PyErr_Clear();
    if (PyFile_WriteString("\n", errors) != 0) PyErr_Clear();
  }
  return 1;
}

void Script::end_threads() {
  PyObject* const threading = PyDict_GetItemString(modules_, "threading");
  const Ref ended(threading != nullptr ? PyObject_CallMethod(threading, "_shutdown", nullptr) : nullptr);
  if (threading != nullptr && !ended) PyErr_WriteUnraisable(threading);
}

// true: nothing is lost.
bool Script::flush_stream(const char* name) {
  PyObject* const stream = PySys_GetObject(name);
  if (stream == nullptr || stream == Py_None) return true;
  const Ref closed(PyObject_GetAttrString(stream, "closed"));
  if (!closed) PyErr_Clear();
  if (closed && PyObject_IsTrue(closed.get()) == 1) return true;
  const Ref flushed(PyObject_CallMethod(stream, "flush", nullptr));
  if (flushed) return true;
  strcmp(name, "stdout") == 0 ? tell(stream) : PyErr_Clear();
  return false;
}

bool Script::flush_streams() {
  const bool output = flush_stream("stdout");
  return flush_stream("stderr") && output;
}

void Script::forget_failure() {
  for (const char* name : {"last_type", "last_value", "last_traceback", "last_exc"}) {
    if (PySys_GetObject(name) != nullptr) PySys_SetObject(name, nullptr);
  }
}

// __main__, and those that this fork has loaded: they stand behind those that all forks share.
void Script::forget_modules() {
  for (Py_ssize_t count = PyDict_Size(modules_); count >= known_; --count) {
    ignored(PyObject_CallMethod(modules_, "popitem", nullptr));
  }
}

bool Script::is_standard(PyObject* file) const {
  for (const Ref& one : standard_) {
    if (one.get() == file) return true;
  }
  return false;
}

void Script::flush_files(PyObject* kind, PyObject* objects) const {
  for (Py_ssize_t i = 0; i < PyList_Size(objects); ++i) {
    PyObject* const object = PyList_GetItem(objects, i);
    if (PyType_IsSubtype(Py_TYPE(object), reinterpret_cast<PyTypeObject*>(kind)) != 0 &&
        !is_standard(object)) {
      ignored(PyObject_CallMethod(object, "flush", nullptr));
    }
  }
}

// What the script has written to files that it has not closed: Python does that when it takes them apart.
void Script::flush_left_open(PyObject* objects) const {
  for (const Ref& kind : kinds_of_files_) flush_files(kind.get(), objects);
}

// Those of one generation, or of all (None), without what the forks share. An empty list if they cannot be
// had.
PyObject* Script::new_objects(PyObject* generation) const {
  PyObject* const all = PyObject_CallFunctionObjArgs(get_objects_.get(), generation, nullptr);
  if (all == nullptr) PyErr_Clear();
  return all != nullptr ? all : PyList_New(0);
}

// What is held by nothing but itself has finalisers, too.
void Script::collect() const {
  {
    const Ref objects(new_objects(Py_None));
    if (!objects || PyList_Size(objects.get()) == 0) return;
    flush_left_open(objects.get());
  }
  const Ref oldest(new_objects(two_.get()));
  const bool any_old = oldest && PyList_Size(oldest.get()) != 0;
  ignored(PyObject_CallFunctionObjArgs(collect_.get(), any_old ? two_.get() : one_.get(), nullptr));
  const Ref left(new_objects(Py_None));
  if (left) flush_left_open(left.get());
}

}  // namespace

PyObject* run_script(PyObject* self, PyObject* code, PyObject* renew_streams, PyObject* words) {
  Script script(code, renew_streams, words);
  if (!script.find()) return nullptr;
  const Forked forked = script.wait(self);
  if (forked == Forked::kFailed) return nullptr;
  if (forked == Forked::kHere) script.run();
  Py_RETURN_NONE;
}

}  // namespace remuda::python
