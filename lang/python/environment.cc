// SPDX-License-Identifier: Apache-2.0
//
// The environ of PEP 3333 out of a request's parameters: bytes as latin-1 text. Names come again with every
// request, and so do many values: both are kept as Python's objects, the names in a table that is bounded,
// because clients choose those that begin with HTTP_.
#include <stdlib.h>
#include <string.h>

#include "extension.h"
#include "name_table.h"

namespace remuda::python {
namespace {

constexpr size_t kLongestKept = 256;

// What is kept of a name.
struct Word {
  PyObject* key;
  bool left_out;
  PyObject* value;  // the last one
  char* value_bytes;
  size_t value_size;
};

bool is(const remuda_view& text, const char* word) {
  return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

PyObject* text_of(const remuda_view& view) {
  return PyUnicode_DecodeLatin1(view.data, static_cast<Py_ssize_t>(view.size), nullptr);
}

}  // namespace

struct Words {
  app::NameTable<Word> table;
  PyObject* script_name;
  PyObject* path_info;
  PyObject* query_string;
  PyObject* url_scheme;
  PyObject* http;
  PyObject* https;
  PyObject* empty;
  PyObject* slash;
};

Words* make_words() {
  auto* const words = static_cast<Words*>(calloc(1, sizeof(Words)));
  if (words == nullptr) return nullptr;
  words->script_name = PyUnicode_InternFromString("SCRIPT_NAME");
  words->path_info = PyUnicode_InternFromString("PATH_INFO");
  words->query_string = PyUnicode_InternFromString("QUERY_STRING");
  words->url_scheme = PyUnicode_InternFromString("wsgi.url_scheme");
  words->http = PyUnicode_InternFromString("http");
  words->https = PyUnicode_InternFromString("https");
  words->empty = PyUnicode_InternFromString("");
  words->slash = PyUnicode_InternFromString("/");
  return words;
}

void free_words(Words* words) {
  if (words == nullptr) return;
  words->table.clear([](const Word& word) {
    Py_XDECREF(word.key);
    Py_XDECREF(word.value);
    free(word.value_bytes);
  });
  for (PyObject* one : {words->script_name, words->path_info, words->query_string, words->url_scheme,
                        words->http, words->https, words->empty, words->slash}) {
    Py_XDECREF(one);
  }
  free(words);
}

namespace {

// Null: it is not kept, as there is no room or no memory.
Word* word_of(Words& words, const remuda_view& name) {
  Word* word = words.table.find(name);
  if (word != nullptr) return word;
  PyObject* key = text_of(name);
  if (key != nullptr) word = words.table.add(name);
  if (word == nullptr) {
    PyErr_Clear();
    Py_XDECREF(key);
    return nullptr;
  }
  PyUnicode_InternInPlace(&key);
  word->key = key;
  // They have variables of their own.
  word->left_out = is(name, "HTTP_CONTENT_TYPE") || is(name, "HTTP_CONTENT_LENGTH");
  return word;
}

// A new reference.
PyObject* value_of(Word& word, const remuda_view& bytes) {
  if (word.value != nullptr && word.value_size == bytes.size &&
      memcmp(word.value_bytes, bytes.data, bytes.size) == 0) {
    Py_INCREF(word.value);
    return word.value;
  }
  PyObject* const value = text_of(bytes);
  if (value == nullptr || bytes.size > kLongestKept) return value;
  auto* const kept = static_cast<char*>(realloc(word.value_bytes, bytes.size + 1));
  if (kept == nullptr) return value;
  word.value_bytes = kept;
  memcpy(kept, bytes.data, bytes.size);
  word.value_size = bytes.size;
  Py_XDECREF(word.value);
  Py_INCREF(value);
  word.value = value;
  return value;
}

bool put(Words& words, PyObject* environ, const remuda_view& name, const remuda_view& bytes) {
  Word* const word = word_of(words, name);
  if (word != nullptr && word->left_out) return true;
  const Ref value(word != nullptr ? value_of(*word, bytes) : text_of(bytes));
  if (!value) return false;
  if (word != nullptr) return PyDict_SetItem(environ, word->key, value.get()) == 0;
  const Ref key(text_of(name));
  return key && PyDict_SetItem(environ, key.get(), value.get()) == 0;
}

bool is_https(const remuda_request* request) {
  const char* const https = remuda_param(request, "HTTPS");
  if (https != nullptr) return strcmp(https, "on") == 0 || strcmp(https, "1") == 0;
  const char* const scheme = remuda_param(request, "REQUEST_SCHEME");
  return scheme != nullptr && strcmp(scheme, "https") == 0;
}

// What PEP 3333 wants to be there, and as it wants it: the root has no name, its path is "/".
bool complete(Words& words, PyObject* environ, const remuda_request* request) {
  const char* script = remuda_param(request, "SCRIPT_NAME");
  const char* path = remuda_param(request, "PATH_INFO");
  const bool at_root = script == nullptr || *script == '\0' || strcmp(script, "/") == 0;
  const bool no_path = path == nullptr || *path == '\0';
  if (at_root && PyDict_SetItem(environ, words.script_name, words.empty) != 0) return false;
  if (no_path && PyDict_SetItem(environ, words.path_info, at_root ? words.slash : words.empty) != 0) {
    return false;
  }
  if (remuda_param(request, "QUERY_STRING") == nullptr &&
      PyDict_SetItem(environ, words.query_string, words.empty) != 0) {
    return false;
  }
  return PyDict_SetItem(environ, words.url_scheme, is_https(request) ? words.https : words.http) == 0;
}

}  // namespace

PyObject* make_environ(Words& words, PyObject* base, const remuda_request* request) {
  Ref environ(PyDict_Copy(base));
  if (!environ) return nullptr;
  const size_t count = remuda_param_count(request);
  for (size_t i = 0; i < count; ++i) {
    remuda_view name;
    remuda_view value;
    if (remuda_param_at(request, i, &name, &value) == 0) break;
    if (!put(words, environ.get(), name, value)) return nullptr;
  }
  return complete(words, environ.get(), request) ? environ.release() : nullptr;
}

}  // namespace remuda::python
