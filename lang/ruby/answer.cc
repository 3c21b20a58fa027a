// SPDX-License-Identifier: Apache-2.0
//
// The header lines of a Rack answer. A value may be an Array (Rack 3) or hold several lines (Rack 2): a
// header line each. Names that begin with "rack." are between the application and the server. What would end
// a header early is refused: it is how answers are split.
#include <string_view>

#include "extension.h"

namespace remuda::ruby {

namespace {

std::string_view view_of(VALUE text) { return {RSTRING_PTR(text), static_cast<size_t>(RSTRING_LEN(text))}; }

void append(VALUE block, std::string_view text) {
  rb_str_cat(block, text.data(), static_cast<long>(text.size()));
}

void append_line(VALUE block, std::string_view name, std::string_view value) {
  if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
    rb_raise(rb_eArgError, "header %.*s: a value with a control character", static_cast<int>(name.size()),
             name.data());
  append(block, name);
  append(block, ": ");
  append(block, value);
  append(block, "\r\n");
}

void append_lines(VALUE block, std::string_view name, std::string_view values) {
  while (true) {
    const size_t end = values.find('\n');
    append_line(block, name, values.substr(0, end));
    if (end == std::string_view::npos) return;
    values.remove_prefix(end + 1);
  }
}

void check_name(std::string_view name) {
  if (name.empty() || name.find_first_of(std::string_view(":\r\n \t\0", 6)) != std::string_view::npos)
    rb_raise(rb_eArgError, "\"%.*s\" is no name of a header", static_cast<int>(name.size()), name.data());
}

int append_header(VALUE key, VALUE value, VALUE block) {
  VALUE name = rb_obj_as_string(key);
  const std::string_view text = view_of(name);
  if (text.starts_with("rack.")) return ST_CONTINUE;
  check_name(text);
  if (RB_TYPE_P(value, T_ARRAY)) {
    for (long i = 0; i < RARRAY_LEN(value); ++i)
      append_lines(block, text, view_of(rb_obj_as_string(rb_ary_entry(value, i))));
  } else {
    VALUE whole = rb_obj_as_string(value);
    append_lines(block, text, view_of(whole));
    RB_GC_GUARD(whole);
  }
  RB_GC_GUARD(name);
  return ST_CONTINUE;
}

// Of headers that are no Hash but have each().
VALUE append_pair(VALUE pair, VALUE block, int, const VALUE*, VALUE) {
  const VALUE both = rb_Array(pair);
  append_header(rb_ary_entry(both, 0), rb_ary_entry(both, 1), block);
  return Qnil;
}

}  // namespace

VALUE header_block(int status, VALUE headers) {
  if (status < 100 || status > 999) rb_raise(rb_eArgError, "%d is no status", status);
  const VALUE block = rb_str_buf_new(512);
  const char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                         static_cast<char>('0' + status % 10)};
  append_line(block, "Status", {digits, sizeof(digits)});
  if (RB_TYPE_P(headers, T_HASH)) {
    rb_hash_foreach(headers, &append_header, block);
  } else {
    rb_block_call(headers, rb_intern("each"), 0, nullptr, &append_pair, block);
  }
  append(block, "\r\n");
  return block;
}

}  // namespace remuda::ruby
