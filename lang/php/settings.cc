// SPDX-License-Identifier: Apache-2.0
//
// See the header. The order is that of php-fpm: what is deeper says the last word.
#include "settings.h"

#include <algorithm>
#include <climits>
#include <cstdlib>

namespace remuda::php {

namespace {

std::string real_path(const char* path) {
  char real[PATH_MAX];
  return path == nullptr || realpath(path, real) == nullptr ? std::string() : std::string(real);
}

bool is_below(std::string_view path, std::string_view directory) {
  return !directory.empty() && path.starts_with(directory) &&
         (directory == "/" || path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

void DirectorySettings::apply(const char* script, const char* root) {
  std::string directory(script);
  directory.resize(std::max<size_t>(directory.rfind('/') + 1, 1) - 1);
  if (php_ini_has_per_dir_config() != 0) php_ini_activate_per_dir_config(directory.data(), directory.size());
  if (PG(user_ini_filename) == nullptr || *PG(user_ini_filename) == '\0') return;
  Entry& entry = entry_of(directory);
  const auto now = static_cast<time_t>(sapi_get_request_time());
  if (now > entry.expires) {
    zend_hash_clean(&entry.settings);
    read(entry, real_path(directory.empty() ? "/" : directory.c_str()), real_path(root));
    entry.expires = now + PG(user_ini_cache_ttl);
  }
  php_ini_activate_config(&entry.settings, PHP_INI_PERDIR, PHP_INI_STAGE_HTACCESS);
}

DirectorySettings::Entry& DirectorySettings::entry_of(const std::string& directory) {
  const auto [found, is_new] = entries_.try_emplace(directory);
  if (is_new) zend_hash_init(&found->second.settings, 8, nullptr, config_zval_dtor, 1);
  return found->second;
}

void DirectorySettings::read(Entry& entry, const std::string& directory, const std::string& root) {
  const std::string path = directory + "/";
  size_t end = is_below(directory, root) ? root.size() : directory.size();
  for (; end != std::string::npos; end = path.find('/', end + 1))
    php_parse_user_ini_file(path.substr(0, end).c_str(), PG(user_ini_filename), &entry.settings);
}

bool lock_setting(std::string_view name) {
  auto* const entry =
      static_cast<zend_ini_entry*>(zend_hash_str_find_ptr(EG(ini_directives), name.data(), name.size()));
  if (entry == nullptr) return false;
  entry->modifiable = ZEND_INI_SYSTEM;
  return true;
}

}  // namespace remuda::php
