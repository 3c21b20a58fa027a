// SPDX-License-Identifier: Apache-2.0
//
// Functions that scripts expect of a server: fastcgi_finish_request() sends the answer while the script goes
// on; getallheaders() and apache_request_headers() give the request's headers.
#include <cctype>
#include <string>
#include <string_view>

#include "exchange.h"

namespace remuda::php {

namespace {

// "HTTP_USER_AGENT" -> "User-Agent"
std::string header_name(std::string_view variable) {
  std::string name;
  bool begins = true;
  for (const char letter : variable) {
    const auto octet = static_cast<unsigned char>(letter);
    name.push_back(letter == '_' ? '-' : static_cast<char>(begins ? octet : std::tolower(octet)));
    begins = letter == '_';
  }
  return name;
}

PHP_FUNCTION(fastcgi_finish_request) {
  ZEND_PARSE_PARAMETERS_NONE();
  Exchange* const exchange = Exchange::current();
  if (exchange == nullptr || exchange->request() == nullptr) RETURN_FALSE;
  php_output_end_all();
  php_header();
  exchange->finish_early();
  RETURN_TRUE;
}

PHP_FUNCTION(apache_request_headers) {
  ZEND_PARSE_PARAMETERS_NONE();
  array_init(return_value);
  const Exchange* const exchange = Exchange::current();
  remuda_request* const request = exchange == nullptr ? nullptr : exchange->request();
  const size_t count = request == nullptr ? 0 : remuda_param_count(request);
  for (size_t i = 0; i < count; ++i) {
    remuda_view key{};
    remuda_view value{};
    if (remuda_param_at(request, i, &key, &value) == 0) break;
    std::string_view name(key.data, key.size);
    if (name.starts_with("HTTP_")) {
      name.remove_prefix(5);
    } else if (name != "CONTENT_TYPE" && name != "CONTENT_LENGTH") {
      continue;
    }
    const std::string shown = header_name(name);
    add_assoc_stringl_ex(return_value, shown.c_str(), shown.size(), value.data, value.size);
  }
}

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(returns_bool, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()
ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(returns_array, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

}  // namespace

const zend_function_entry kFunctions[] = {
    ZEND_FE(fastcgi_finish_request, returns_bool) ZEND_FE(apache_request_headers, returns_array)
        ZEND_FALIAS(getallheaders, apache_request_headers, returns_array) ZEND_FE_END};

}  // namespace remuda::php
