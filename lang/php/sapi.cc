// SPDX-License-Identifier: Apache-2.0
//
// What PHP asks of its server, answered with a request of remuda_app.h. The names and the meaning are those
// of main/SAPI.h; what scripts see is what they see under php-fpm, its name included: applications choose by
// it.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "exchange.h"
#include "settings.h"

namespace remuda::php {

namespace {

int start(sapi_module_struct* module) {
#if PHP_VERSION_ID >= 80200
  return php_module_startup(module, nullptr);
#else
  return php_module_startup(module, nullptr, 0);
#endif
}

// The request that PHP answers; null between requests, and when its answer has left before its script has
// ended.
remuda_request* answered() {
  const Exchange* const exchange = Exchange::current();
  return exchange == nullptr ? nullptr : exchange->request();
}

size_t write(const char* bytes, size_t size) {
  remuda_request* const request = answered();
  if (request != nullptr && remuda_write(request, bytes, size) < 0) php_handle_aborted_connection();
  return size;
}

void flush(void*) {
  remuda_request* const request = answered();
  if (request == nullptr) return;
  sapi_send_headers();
  if (remuda_flush(request) < 0) php_handle_aborted_connection();
}

// "HTTP/1.1 404 Gone away" as a script wrote it, or the bare number.
void send_status(remuda_request* request, const sapi_headers_struct& headers) {
  const char* const line = headers.http_status_line;
  const char* const rest = line == nullptr ? nullptr : std::strchr(line, ' ');
  if (rest != nullptr) {
    remuda_printf(request, "Status:%s\r\n", rest);
  } else {
    remuda_printf(request, "Status: %d\r\n", headers.http_response_code);
  }
}

template <typename Call>
void for_each_header(sapi_headers_struct& headers, Call call) {
  zend_llist_position at = nullptr;
  for (void* each = zend_llist_get_first_ex(&headers.headers, &at); each != nullptr;
       each = zend_llist_get_next_ex(&headers.headers, &at)) {
    const auto& header = *static_cast<sapi_header_struct*>(each);
    call(std::string_view(header.header, header.header_len));
  }
}

int send_headers(sapi_headers_struct* headers) {
  remuda_request* const request = answered();
  if (request == nullptr) return SAPI_HEADER_SENT_SUCCESSFULLY;
  bool has_status = false;
  for_each_header(*headers, [&](std::string_view line) { has_status |= line.starts_with("Status:"); });
  if (!has_status) send_status(request, *headers);
  for_each_header(*headers, [&](std::string_view line) {
    remuda_write(request, line.data(), line.size());
    remuda_write(request, "\r\n", 2);
  });
  remuda_write(request, "\r\n", 2);
  return SAPI_HEADER_SENT_SUCCESSFULLY;
}

// As much as is asked for: less means the end.
size_t read_body(char* into, size_t size) {
  remuda_request* const request = answered();
  size_t got = 0;
  while (request != nullptr && got < size) {
    const ssize_t more = remuda_read(request, into + got, size - got);
    if (more <= 0) break;
    got += static_cast<size_t>(more);
  }
  return got;
}

char* variable(const char* name, size_t) {
  remuda_request* const request = answered();
  return request == nullptr ? nullptr : const_cast<char*>(remuda_param(request, name));
}

char* cookies() { return variable("HTTP_COOKIE", 0); }

void add_server_variable(const char* name, const char* value, size_t size, zval* variables) {
  char* text = const_cast<char*>(value);
  size_t kept = size;
  if (sapi_module.input_filter(PARSE_SERVER, name, &text, size, &kept) != 0)
    php_register_variable_safe(name, text, kept, variables);
}

void server_variables(zval* variables) {
  remuda_request* const request = answered();
  const size_t count = request == nullptr ? 0 : remuda_param_count(request);
  std::string name;
  for (size_t i = 0; i < count; ++i) {
    remuda_view key{};
    remuda_view value{};
    if (remuda_param_at(request, i, &key, &value) == 0) break;
    name.assign(key.data, key.size);
    add_server_variable(name.c_str(), value.data, value.size, variables);
  }
  const char* const self = SG(request_info).request_uri;
  add_server_variable("PHP_SELF", self, std::strlen(self), variables);
}

void log(const char* message, int) {
  remuda_request* const request = answered();
  if (request != nullptr) {
    remuda_log(request, message, std::strlen(message));
    remuda_log(request, "\n", 1);
  } else {
    std::fprintf(stderr, "%s\n", message);
  }
}

int activate() {
  static DirectorySettings settings;
  const char* const script = SG(request_info).path_translated;
  if (script != nullptr) settings.apply(script, variable("DOCUMENT_ROOT", 0));
  return SUCCESS;
}
// What has been written leaves with the end of the answer, in one piece.
int deactivate() {
  if (SG(sapi_started) && answered() != nullptr) sapi_send_headers();
  return SUCCESS;
}

sapi_module_struct make() {
  sapi_module_struct module{};
  module.name = const_cast<char*>("fpm-fcgi");
  module.pretty_name = const_cast<char*>("Remuda");
  module.startup = &start;
  module.shutdown = &php_module_shutdown_wrapper;
  module.activate = &activate;
  module.deactivate = &deactivate;
  module.ub_write = &write;
  module.flush = &flush;
  module.getenv = &variable;
  module.sapi_error = &zend_error;
  module.send_headers = &send_headers;
  module.read_post = &read_body;
  module.read_cookies = &cookies;
  module.register_server_variables = &server_variables;
  module.log_message = &log;
  module.additional_functions = kFunctions;
  return module;
}

}  // namespace

sapi_module_struct& server_interface() {
  static sapi_module_struct module = make();
  return module;
}

}  // namespace remuda::php
