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

namespace remuda::php {

namespace {

int start(sapi_module_struct* module) {
#if PHP_VERSION_ID >= 80200
  return php_module_startup(module, nullptr);
#else
  return php_module_startup(module, nullptr, 0);
#endif
}

size_t write(const char* bytes, size_t size) {
  const Exchange* const exchange = Exchange::current();
  if (exchange == nullptr || exchange->request() == nullptr) return size;
  if (remuda_write(exchange->request(), bytes, size) < 0) php_handle_aborted_connection();
  return size;
}

void flush(void* context) {
  const auto* const exchange = static_cast<Exchange*>(context);
  if (exchange == nullptr || exchange->request() == nullptr) return;
  sapi_send_headers();
  if (remuda_flush(exchange->request()) < 0) php_handle_aborted_connection();
}

bool is_status(const sapi_header_struct& header) {
  return std::string_view(header.header, header.header_len).starts_with("Status:");
}

bool has_status(sapi_headers_struct& headers) {
  zend_llist_position at = nullptr;
  for (auto* header = static_cast<sapi_header_struct*>(zend_llist_get_first_ex(&headers.headers, &at));
       header != nullptr;
       header = static_cast<sapi_header_struct*>(zend_llist_get_next_ex(&headers.headers, &at))) {
    if (is_status(*header)) return true;
  }
  return false;
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

int send_headers(sapi_headers_struct* headers) {
  const Exchange* const exchange = Exchange::current();
  if (exchange == nullptr || exchange->request() == nullptr) return SAPI_HEADER_SENT_SUCCESSFULLY;
  remuda_request* const request = exchange->request();
  if (!has_status(*headers)) send_status(request, *headers);
  zend_llist_position at = nullptr;
  for (auto* header = static_cast<sapi_header_struct*>(zend_llist_get_first_ex(&headers->headers, &at));
       header != nullptr;
       header = static_cast<sapi_header_struct*>(zend_llist_get_next_ex(&headers->headers, &at))) {
    remuda_write(request, header->header, header->header_len);
    remuda_write(request, "\r\n", 2);
  }
  remuda_write(request, "\r\n", 2);
  return SAPI_HEADER_SENT_SUCCESSFULLY;
}

// As much as is asked for: less means the end.
size_t read_body(char* into, size_t size) {
  const Exchange* const exchange = Exchange::current();
  if (exchange == nullptr || exchange->request() == nullptr) return 0;
  size_t got = 0;
  while (got < size) {
    const ssize_t more = remuda_read(exchange->request(), into + got, size - got);
    if (more <= 0) break;
    got += static_cast<size_t>(more);
  }
  return got;
}

char* cookies() {
  const Exchange* const exchange = Exchange::current();
  return exchange == nullptr ? nullptr : const_cast<char*>(exchange->param("HTTP_COOKIE"));
}

char* variable(const char* name, size_t) {
  const Exchange* const exchange = Exchange::current();
  return exchange == nullptr ? nullptr : const_cast<char*>(exchange->param(name));
}

void add_server_variable(const char* name, const char* value, size_t size, zval* variables) {
  char* text = const_cast<char*>(value);
  size_t kept = size;
  if (sapi_module.input_filter(PARSE_SERVER, name, &text, size, &kept) != 0)
    php_register_variable_safe(name, text, kept, variables);
}

void server_variables(zval* variables) {
  const Exchange* const exchange = Exchange::current();
  if (exchange == nullptr || exchange->request() == nullptr) return;
  const size_t count = remuda_param_count(exchange->request());
  std::string name;
  for (size_t i = 0; i < count; ++i) {
    remuda_view key{};
    remuda_view value{};
    if (remuda_param_at(exchange->request(), i, &key, &value) == 0) break;
    name.assign(key.data, key.size);
    // What a client calls "Proxy:" is not where this machine's proxy is.
    if (name != "HTTP_PROXY") add_server_variable(name.c_str(), value.data, value.size, variables);
  }
  const char* const self = SG(request_info).request_uri;
  add_server_variable("PHP_SELF", self, std::strlen(self), variables);
}

void log(const char* message, int) {
  const Exchange* const exchange = Exchange::current();
  if (exchange != nullptr && exchange->request() != nullptr) {
    remuda_log(exchange->request(), message, std::strlen(message));
    remuda_log(exchange->request(), "\n", 1);
  } else {
    std::fprintf(stderr, "%s\n", message);
  }
}

int activate() { return SUCCESS; }
int deactivate() {
  if (SG(sapi_started)) flush(SG(server_context));
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
