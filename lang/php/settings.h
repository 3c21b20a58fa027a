// SPDX-License-Identifier: Apache-2.0
//
// Settings of PHP beyond php.ini: those of directories (.user.ini, and [PATH=...] of php.ini), which hold for
// one request, and those that scripts cannot change. Of the process, one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "php_headers.h"

namespace remuda::php {

// What the files named user_ini.filename say, from the document root down to the script's directory. Kept for
// user_ini.cache_ttl.
class DirectorySettings {
 public:
  // Makes them hold for the request that begins. `root` may be null.
  void apply(const char* script, const char* root);

 private:
  struct Entry {
    HashTable settings{};
    time_t expires = 0;
  };

  Entry& entry_of(const std::string& directory);
  static void read(Entry& entry, const std::string& directory, const std::string& root);

  std::map<std::string, Entry> entries_;
};

// The value that it has stays, whatever scripts and directories say. False: there is no such setting.
bool lock_setting(std::string_view name);

}  // namespace remuda::php
