// SPDX-License-Identifier: Apache-2.0
//
// Rack's environment (rack.github.io, SPEC "The Environment") out of the parameters of a request. Names are
// frozen strings that Ruby keeps once, which are found without asking it; values are binary.
#include <cstring>
#include <string_view>

#include "extension.h"
#include "name_table.h"

namespace remuda::ruby {

namespace {

std::string_view text_of(const remuda_view& view) { return {view.data, view.size}; }

VALUE binary(std::string_view text) { return rb_str_new(text.data(), static_cast<long>(text.size())); }

VALUE name(std::string_view text) {
  return rb_enc_interned_str(text.data(), static_cast<long>(text.size()), rb_utf8_encoding());
}

VALUE name_of(const remuda_view& view) {
  static app::NameTable<VALUE> names;  // with Ruby's lock
  VALUE* known = names.find(view);
  if (known != nullptr) return *known;
  const VALUE made = name(text_of(view));
  known = names.add(view);
  if (known == nullptr) return made;
  *known = made;
  rb_gc_register_mark_object(made);
  return made;
}

// What Rack has no place for: the two headers that have variables of their own, and these when they are
// empty.
bool is_left_out(std::string_view key, std::string_view value) {
  if (key == "HTTP_CONTENT_TYPE" || key == "HTTP_CONTENT_LENGTH") return true;
  return value.empty() && (key == "CONTENT_TYPE" || key == "CONTENT_LENGTH");
}

bool is_https(const remuda_request* request) {
  const char* const https = remuda_param(request, "HTTPS");
  return https != nullptr && (std::strcmp(https, "on") == 0 || std::strcmp(https, "1") == 0);
}

}  // namespace

VALUE environment_of(const remuda_request* request, VALUE base) {
  const VALUE environment = rb_hash_dup(base);
  const size_t count = remuda_param_count(request);
  for (size_t i = 0; i < count; ++i) {
    remuda_view key{};
    remuda_view value{};
    if (remuda_param_at(request, i, &key, &value) == 0) break;
    if (is_left_out(text_of(key), text_of(value))) continue;
    // The root has no name of its own: it is the empty one, and the path begins with the slash.
    const bool is_root = text_of(key) == "SCRIPT_NAME" && text_of(value) == "/";
    rb_hash_aset(environment, name_of(key), binary(is_root ? "" : text_of(value)));
  }
  rb_hash_aset(environment, name("rack.url_scheme"), name(is_https(request) ? "https" : "http"));
  return environment;
}

}  // namespace remuda::ruby
