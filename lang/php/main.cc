// SPDX-License-Identifier: Apache-2.0
//
// remuda-php [-c PHP.INI] [-d NAME[=VALUE]]...: PHP without a front end. Loads PHP with its extensions and
// the compiled scripts that opcache shares, then answers requests: as a template that is forked, as an
// instance (FastCGI on descriptor 0), or for one request (CGI). Which script runs, each request says
// (SCRIPT_FILENAME).
#include <remuda_template.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exchange.h"

namespace remuda::php {

namespace {

constexpr const char* kUsage = "usage: remuda-php [-c php.ini] [-d name[=value]]...\n";

// False: they are not understood.
bool take_options(int count, char** arguments, sapi_module_struct& module, std::string& entries) {
  for (int option = 0; (option = getopt(count, arguments, "c:d:")) != -1;) {
    switch (option) {
      case 'c': module.php_ini_path_override = optarg; break;
      case 'd':
        entries.append(optarg);
        if (std::string_view(optarg).find('=') == std::string_view::npos) entries.append("=1");
        entries.push_back('\n');
        break;
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
  std::string entries;
  if (!take_options(count, arguments, module, entries)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  module.executable_location = arguments[0];
  remuda_template* const self = remuda_template_open();
  if (self != nullptr) remuda_template_step(self, "PHP " PHP_VERSION " and its extensions");
  zend_signal_startup();
  sapi_startup(&module);
  module.ini_entries = entries.data();  // which the line above forgets
  if (module.startup(&module) == FAILURE) return 1;
  if (self != nullptr) fork_on_demand(self);
  const int status = serve();
  php_module_shutdown();
  sapi_shutdown();
  return status;
}

}  // namespace

}  // namespace remuda::php

int main(int count, char** arguments) { return remuda::php::run(count, arguments); }
