// SPDX-License-Identifier: Apache-2.0
//
// See the header. PHP leaves functions by longjmp when a script ends early: nothing between zend_try and its
// end owns anything.
#include "exchange.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <string_view>

extern "C" {
#include <main/fopen_wrappers.h>
}

namespace remuda::php {

namespace {

void refuse(int status, const char* words) {
  SG(sapi_headers).http_response_code = status;
  PHPWRITE(words, strlen(words));
}

// A script begins in its own directory. PHP would enter it for each request and go back, where the process
// mostly is in it: the one before was the same, and has left it where it was.
void enter_directory_of(const char* script) {
  const std::string_view path(script);
  const std::string directory(path.substr(0, std::max<size_t>(path.rfind('/'), 1)));
  char here[PATH_MAX];
  if (getcwd(here, sizeof(here)) != nullptr && directory == here) return;
  [[maybe_unused]] const int entered = chdir(directory.c_str());  // as PHP does: the script runs where it is
}

zend_long length_of(const char* text) { return text == nullptr ? 0 : std::strtoll(text, nullptr, 10); }

}  // namespace

const char* Exchange::param(const char* name) const {
  return request_ == nullptr ? nullptr : remuda_param(request_, name);
}

// What PHP wants to know before it begins. Pointers into the request's parameters, which outlive it.
void Exchange::describe() {
  const auto text = [this](const char* name) { return const_cast<char*>(param(name)); };
  const char* const script = param("SCRIPT_NAME");
  const char* const rest = param("PATH_INFO");
  path_.assign(script == nullptr ? "" : script).append(rest == nullptr ? "" : rest);
  sapi_request_info& info = SG(request_info);
  info = {};
  info.request_method = param("REQUEST_METHOD");
  info.query_string = text("QUERY_STRING");
  info.request_uri = path_.data();
  info.content_type = param("CONTENT_TYPE");
  info.content_length = length_of(param("CONTENT_LENGTH"));
  info.proto_num = 1001;
  SG(options) |= SAPI_OPTION_NO_CHDIR;  // see enter_directory_of()
  const char* const file = param("SCRIPT_FILENAME");
  info.path_translated = file == nullptr ? nullptr : estrdup(file);
  SG(sapi_headers).http_response_code = 200;
  if (const char* const credentials = param("HTTP_AUTHORIZATION")) php_handle_auth_data(credentials);
}

void Exchange::execute() {
  zend_try {
    zend_file_handle file;
    zend_stream_init_filename(&file, SG(request_info).path_translated);
    file.primary_script = true;
    if (SG(request_info).path_translated == nullptr) {
      refuse(404, "No input file specified.\n");
    } else if (php_fopen_primary_script(&file) == FAILURE) {
      errno == EACCES ? refuse(403, "Access denied.\n") : refuse(404, "File not found.\n");
    } else {
      EG(exit_status) = 0;
      enter_directory_of(SG(request_info).path_translated);
      php_execute_script(&file);
    }
    zend_destroy_file_handle(&file);
  }
  zend_end_try();
}

void Exchange::run() {
  SG(server_context) = this;
  describe();
  if (php_request_startup() == SUCCESS) {
    execute();
  } else {
    remuda_puts(request_,
                "Status: 500\r\nContent-Type: text/plain\r\n\r\nPHP could not begin the request.\n");
  }
  char* const path = SG(request_info).path_translated;  // PHP forgets it
  SG(request_info).path_translated = nullptr;
  if (path != nullptr) efree(path);
  php_request_shutdown(nullptr);
#ifdef ZEND_SIGNALS
  // Its handlers stay: fourteen system calls less at each request. pcntl has taken back, at this one's end,
  // what the script has set, and nothing else in this process sets any.
  SIGG(reset) = 0;
#endif
  finish();
  SG(server_context) = nullptr;
}

void Exchange::finish() {
  if (request_ == nullptr) return;
  remuda_finish(request_, 0);
  request_ = nullptr;
}

// What was pointed to of the request goes with it: the script that runs on keeps copies.
void Exchange::finish_early() {
  zend_is_auto_global(ZSTR_KNOWN(ZEND_STR_AUTOGLOBAL_SERVER));
  const auto keep = [this](size_t place, auto& text) {
    if (text == nullptr) return;
    kept_[place] = text;
    text = kept_[place].data();
  };
  sapi_request_info& info = SG(request_info);
  keep(0, info.request_method);
  keep(1, info.content_type);
  keep(2, info.query_string);
  keep(3, info.cookie_data);
  finish();
}

}  // namespace remuda::php
