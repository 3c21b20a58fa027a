// SPDX-License-Identifier: Apache-2.0
//
// remuda-php [-c PHP.INI] [-d NAME[=VALUE]]... [-D NAME[=VALUE]]...: PHP without a front end. Loads PHP with
// its extensions and the compiled scripts that opcache shares, then answers requests: as a template that is
// forked, as an instance (FastCGI on descriptor 0), or for one request (CGI). Which script runs, each request
// says (SCRIPT_FILENAME).
#include <remuda_template.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "exchange.h"
#include "settings.h"

namespace remuda::php {

namespace {

constexpr const char* kUsage = "usage: remuda-php [-c php.ini] [-d name[=value]]... [-D name[=value]]...\n";

// As lines of php.ini, and which of them scripts cannot change.
struct Settings {
  std::string lines;
  std::vector<std::string> locked;

  // What is no word needs quotes there, and has none in a shell.
  void add(std::string_view setting) {
    const size_t end = std::min(setting.find('='), setting.size());
    const std::string_view value = end == setting.size() ? "1" : setting.substr(end + 1);
    const bool is_word = value.empty() || std::isalnum(static_cast<unsigned char>(value[0])) != 0;
    const char* const quote = is_word || value[0] == '"' || value[0] == '\'' ? "" : "\"";
    lines.append(setting.substr(0, end)).append("=").append(quote).append(value).append(quote).append("\n");
  }
  void add_locked(std::string_view setting) {
    add(setting);
    locked.emplace_back(setting.substr(0, setting.find('=')));
  }
  void lock() const {
    for (const std::string& name : locked) {
      if (!lock_setting(name) && !name.ends_with("extension"))
        std::fprintf(stderr, "remuda-php: PHP has no setting %s; are its extensions loaded?\n", name.c_str());
    }
  }
};

// False: they are not understood.
bool take_options(int count, char** arguments, sapi_module_struct& module, Settings& settings) {
  for (int option = 0; (option = getopt(count, arguments, "c:d:D:")) != -1;) {
    switch (option) {
      case 'c': module.php_ini_path_override = optarg; break;
      case 'd': settings.add(optarg); break;
      case 'D': settings.add_locked(optarg); break;
      default: return false;
    }
  }
  return optind == count;
}

void watch(remuda_template* self, std::string_view files) {
  while (!files.empty()) {
    const size_t end = files.find_first_of(",\n");
    const std::string file(files.substr(0, end));
    if (!file.empty()) remuda_template_watch(self, file.c_str());
    files.remove_prefix(end == std::string_view::npos ? files.size() : end + 1);
  }
}

// Returns in the processes that are forked.
void fork_on_demand(remuda_template* self) {
  if (php_ini_opened_path != nullptr) watch(self, php_ini_opened_path);
  if (php_ini_scanned_files != nullptr) watch(self, php_ini_scanned_files);
  if (remuda_template_ready(self) < 0) _exit(1);
  while (remuda_template_wait(self) > 0) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (remuda_template_child(self) < 0) _exit(1);
      return;
    }
    remuda_template_parent(self, pid);
  }
  _exit(0);
}

int serve() {
  remuda_app* const app = remuda_open(nullptr);
  if (app == nullptr) {
    std::perror("remuda-php: descriptor 0");
    return 1;
  }
  zend_signal_startup();  // once more: the library's handlers are now those that PHP puts off and calls
  while (remuda_request* const request = remuda_accept(app)) Exchange(request).run();
  return remuda_close(app);
}

int run(int count, char** arguments) {
  sapi_module_struct& module = server_interface();
  Settings settings;
  if (!take_options(count, arguments, module, settings)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  module.executable_location = arguments[0];
  remuda_template* const self = remuda_template_open();
  if (self != nullptr) remuda_template_step(self, "PHP " PHP_VERSION " and its extensions");
  zend_signal_startup();
  sapi_startup(&module);
  module.ini_entries = settings.lines.data();  // which the line above forgets
  if (module.startup(&module) == FAILURE) return 1;
  settings.lock();
  if (self != nullptr) fork_on_demand(self);
  const int status = serve();
  php_module_shutdown();
  sapi_shutdown();
  return status;
}

}  // namespace

}  // namespace remuda::php

int main(int count, char** arguments) { return remuda::php::run(count, arguments); }
