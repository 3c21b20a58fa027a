// SPDX-License-Identifier: Apache-2.0
//
// os.environ of a fork. Both mappings keep their variables in one dict of bytes, which is exchanged: to write
// each variable to them would call putenv(3) for what is there already.
//
// The environments of two requests have mostly the same names and differ in few values. So the template makes
// the dict, of the first environment with such names, and a fork changes what is another for it: 16 pages
// fewer that it has to copy, and no bytes to make.
#include <stdlib.h>
#include <string.h>

#include "extension.h"

extern "C" char** environ;

namespace remuda::python {
namespace {

// A variable, as it stands in an environment. The name is empty where it is none.
struct Entry {
  explicit Entry(const char* text) : name(text) {
    const char* const equals = strchr(text, '=');
    if (equals == nullptr) return;
    name_size = static_cast<size_t>(equals - text);
    value = equals + 1;
  }
  bool is_named(PyObject* bytes) const {
    return static_cast<size_t>(PyBytes_Size(bytes)) == name_size &&
           memcmp(PyBytes_AsString(bytes), name, name_size) == 0;
  }

  const char* name;
  size_t name_size = 0;
  const char* value = "";
};

// Puts a variable there; the first of a name counts, as for Python. 1: it is there now, 0: it was, -1: an
// exception.
int put(PyObject* variables, const Entry& entry) {
  const Ref name(PyBytes_FromStringAndSize(entry.name, static_cast<Py_ssize_t>(entry.name_size)));
  const Ref value(PyBytes_FromString(entry.value));
  if (!name || !value) return -1;
  if (PyDict_GetItemWithError(variables, name.get()) != nullptr) return 0;
  if (PyErr_Occurred() != nullptr || PyDict_SetItem(variables, name.get(), value.get()) != 0) return -1;
  return 1;
}

}  // namespace

bool Environment::find() {
  const Ref os(PyImport_ImportModule("os"));
  if (!os) return false;
  const char* const names[] = {"environ", "environb"};
  for (size_t i = 0; i < 2; ++i) {
    mappings_[i].reset(PyObject_GetAttrString(os.get(), names[i]));
    if (!mappings_[i]) return false;
    holders_[i].reset(PyObject_GetAttrString(mappings_[i].get(), "__dict__"));
    if (!holders_[i]) PyErr_Clear();
  }
  const Ref known(PyObject_GetAttrString(mappings_[0].get(), "_data"));
  if (!known) PyErr_Clear();
  usual_ = known && PyDict_Check(known.get()) && holders_[0] && holders_[1];
  if (known) Py_INCREF(known.get());  // for good: to take it apart in a fork would touch all of it
  // What Python sets at its start, in a locale that knows no UTF-8, and would set in a process of its own.
  const char* const coerced = getenv("LC_CTYPE");
  if (coerced == nullptr) return true;
  default_variable_.reset(PyBytes_FromFormat("LC_CTYPE=%s", coerced));
  return static_cast<bool>(default_variable_);
}

bool Environment::has_names(const char* environment, size_t size) const {
  size_t i = 0;
  for (const char* one = environment; one < environment + size; one += strlen(one) + 1, ++i) {
    if (i == count_ || !Entry(one).is_named(variables_[i].name)) return false;
  }
  return i == count_;
}

bool Environment::expect(const char* environment, size_t size) {
  return !usual_ || (expected_ != nullptr && has_names(environment, size)) || build(environment, size);
}

// What is given twice, or is no variable, makes that no fork finds its names here.
bool Environment::build(const char* environment, size_t size) {
  Ref now(PyDict_New());
  if (!now) return false;
  for (const char* one = environment; one < environment + size; one += strlen(one) + 1) {
    const Entry entry(one);
    if (entry.name_size != 0 && put(now.get(), entry) < 0) return false;
  }
  const auto count = static_cast<size_t>(PyDict_Size(now.get()));
  auto* const variables = static_cast<Variable*>(realloc(variables_, (count + 1) * sizeof(Variable)));
  if (variables == nullptr) return PyErr_NoMemory() != nullptr;
  variables_ = variables;
  count_ = 0;
  Py_ssize_t at = 0;
  while (PyDict_Next(now.get(), &at, &variables_[count_].name, &variables_[count_].value) != 0) ++count_;
  if (!exchange(now.get())) return false;
  Py_XDECREF(expected_);
  expected_ = now.release();
  return true;
}

bool Environment::exchange(PyObject* now) {
  return PyDict_SetItemString(holders_[0].get(), "_data", now) == 0 &&
         PyDict_SetItemString(holders_[1].get(), "_data", now) == 0;
}

bool Environment::renew() { return usual_ ? update() : replace(); }

bool Environment::update() {
  size_t i = 0;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one, ++i) {
    const Entry entry(*one);
    if (i == count_ || !entry.is_named(variables_[i].name)) return replace();
    if (strcmp(PyBytes_AsString(variables_[i].value), entry.value) == 0) continue;
    const Ref value(PyBytes_FromString(entry.value));
    if (!value || PyDict_SetItem(expected_, variables_[i].name, value.get()) != 0) return false;
  }
  return i == count_ || replace();
}

bool Environment::replace() {
  const Ref now(PyDict_New());
  if (!now) return false;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) {
    const Entry entry(*one);
    if (entry.name_size != 0 && put(now.get(), entry) < 0) return false;
  }
  if (usual_) return exchange(now.get());
  const Ref cleared(PyObject_CallMethod(mappings_[0].get(), "clear", nullptr));
  const Ref updated(cleared ? PyObject_CallMethod(mappings_[1].get(), "update", "O", now.get()) : nullptr);
  return static_cast<bool>(updated);
}

}  // namespace remuda::python
